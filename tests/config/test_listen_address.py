"""Listen address: a public one needs `--public`; own settings override platform variables."""

from __future__ import annotations

import pytest
from settings_errors import problems

from dashapp.config.settings import parse_settings

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_port_and_workers_prefer_own_settings_to_platform_variables() -> None:
    platform = {"PORT": "5000", "WEB_CONCURRENCY": "2"}
    assert (parse_settings([], platform).port, parse_settings([], platform).workers) == (5000, 2)
    assert parse_settings([], {**platform, "DASHAPP_PORT": "6000"}).port == 6000
    assert parse_settings(["--port", "7000"], {**platform, "DASHAPP_PORT": "6000"}).port == 7000
    assert problems([], {"PORT": "x"})[0].startswith('PORT is "x"')
    assert parse_settings([], {"PORT": ""}).port == 8050


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_host_requires_public_when_address_is_not_local(host: str) -> None:
    (sentence,) = problems(["--host", host])
    assert host in sentence
    assert "--public" in sentence
    assert parse_settings(["--host", host, "--public"], {}).listen_address == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_host_needs_no_public_when_address_is_local(host: str) -> None:
    address = "127.0.0.1" if host == "localhost" else host
    assert parse_settings(["--host", host], {}).listen_address == address


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "192.168.1.5"])
def test_public_keeps_explicit_host(host: str) -> None:
    address = "127.0.0.1" if host == "localhost" else host
    assert parse_settings(["--public", "--host", host], {}).listen_address == address
    assert parse_settings([], {"DASHAPP_PUBLIC": "1", "DASHAPP_HOST": host}).listen_address == address


def test_public_listens_on_all_interfaces_by_default() -> None:
    assert parse_settings(["--public"], {}).listen_address == "0.0.0.0"
