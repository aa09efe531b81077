"""Where it listens: what others reach is asked for by name, and what a platform says gives way."""

from __future__ import annotations

import pytest
from settings_errors import problems

from dashapp.config.settings import parse_settings

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_the_platforms_variables_give_way_to_ours_and_to_flags() -> None:
    platform = {"PORT": "5000", "WEB_CONCURRENCY": "2"}
    assert (parse_settings([], platform).port, parse_settings([], platform).workers) == (5000, 2)
    assert parse_settings([], {**platform, "DASHAPP_PORT": "6000"}).port == 6000
    assert parse_settings(["--port", "7000"], {**platform, "DASHAPP_PORT": "6000"}).port == 7000
    assert problems([], {"PORT": "x"})[0].startswith('PORT is "x"')
    assert parse_settings([], {"PORT": ""}).port == 8050


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::"])
def test_an_address_that_others_reach_needs_public(host: str) -> None:
    (sentence,) = problems(["--host", host])
    assert host in sentence
    assert "--public" in sentence
    assert parse_settings(["--host", host, "--public"], {}).listen_address == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_alone_needs_nothing(host: str) -> None:
    address = "127.0.0.1" if host == "localhost" else host
    assert parse_settings(["--host", host], {}).listen_address == address


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1", "192.168.1.5"])
def test_public_opens_no_more_than_the_host_that_is_named(host: str) -> None:
    address = "127.0.0.1" if host == "localhost" else host
    assert parse_settings(["--public", "--host", host], {}).listen_address == address
    assert parse_settings([], {"DASHAPP_PUBLIC": "1", "DASHAPP_HOST": host}).listen_address == address


def test_public_opens_every_interface() -> None:
    assert parse_settings(["--public"], {}).listen_address == "0.0.0.0"
