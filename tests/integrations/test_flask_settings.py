"""Settings of mount: Python values, and one error message for each invalid setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_host import Host, Mounted, mounter, store_of_a_tick

import dashapp
from dashapp.integrations.keyword_settings import parse_keywords
from dashapp.model.ticks import DashappError, MountError, SettingsError

store = pytest.fixture(store_of_a_tick)
mounted = pytest.fixture(mounter)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"windw": 100}, "windw is not a setting; did you mean window?"),
        ({"colect": False}, "colect is not a setting; did you mean collect?"),
        ({"zzz": 1}, "zzz is not a setting; expected one of hosts, frame_ancestors"),
        ({"port": 80}, "port is not a setting here: the application's own server decides it"),
        ({"public": True}, "public is not a setting here"),
        ({"collector": False}, "collector is not a setting here: collect=False"),
        ({"window": 1}, 'window is "1"; expected seconds from 10'),
        ({"window": None}, "window is"),
        ({"interval": "often"}, 'interval is "often"'),
        ({"store": "memory:"}, 'store is "memory:"; expected a folder'),
        ({"source": "stdin"}, 'source is "stdin"'),
        ({"source": ["nonesuch"]}, 'source is "nonesuch"; expected'),
        ({"push_token": "short"}, "push_token has 5 characters"),
        ({"config": "/nonesuch.toml"}, 'config is "/nonesuch.toml"; expected an existing file'),
        ({"source": "no.such.module:orders"}, "module no.such.module not found"),
        ({"source": "flaskk:orders"}, "module flaskk not found"),
        ({"sources": []}, "sources is empty"),
        ({"sources": [5]}, "sources contains 5"),
        ({"sources": 5}, "sources is 5; expected functions or names of sources"),
        ({"collect": "no"}, "collect is 'no'; expected True or False"),
        ({"eager": 1}, "eager is 1; expected True or False"),
        ({"protect": lambda environ: True}, "expected a function without arguments"),
        ({"sources": "no_such_module:orders"}, "module no_such_module not found"),
        ({"sources": len, "collect": False}, "sources need collect=True"),
        ({"protect": "yes"}, "protect is 'yes'; expected a function without arguments"),
    ],
)
def test_mount_rejects_invalid_setting(settings: dict[str, Any], problem: str) -> None:
    app = Flask("host")
    with pytest.raises(DashappError) as error:
        dashapp.mount(app, "/monitor/", **settings)
    assert problem in str(error.value)
    assert "--" not in str(error.value)
    assert app.extensions == {}


def test_mount_reports_all_invalid_settings_together() -> None:
    with pytest.raises(SettingsError) as error:
        dashapp.mount(Flask("host"), windw=1, port=80)
    assert len(error.value.problems) == 2


@pytest.mark.parametrize("host", ["app", None, object()])
def test_mount_rejects_object_other_than_flask_application(host: Any) -> None:
    with pytest.raises(MountError, match="expected a Flask application"):
        dashapp.mount(host, "/monitor/")


def test_mount_ignores_environment_of_server(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    for name, value in {
        "PORT": "none",
        "WEB_CONCURRENCY": "x",
        "DASHAPP_HOST": "x",
        "DASHAPP_TITLE": "Ours",
    }.items():
        monkeypatch.setenv(name, value)
    host = Host()
    dashapp.mount(host.app, "/monitor/", store=store, collect=False)
    assert b"<title>Ours</title>" in host.ask("/monitor/").body


def test_mount_accepts_settings_as_python_values(mounted: Mounted) -> None:
    host = mounted(
        window=60,
        interval=0.5,
        title="Our machine",
        hosts=["shop.test", "www.shop.test"],
        threshold=["cpu.percent > 90 for 30s", "cpu.percent < 1 for 5m"],
        panel=[{"name": "orders", "title": 'The "orders"', "metrics": ["orders.*"], "kind": "bar"}],
        retention=("1d", "2d", "3d"),
    )
    layout = host.ask("/monitor/_dash-layout").body.decode()
    assert 'The \\"orders\\"' in layout
    assert "60 seconds" in layout or "1 minute" in layout
    assert b"<title>Our machine</title>" in host.ask("/monitor/", host="www.shop.test").body
    assert host.ask("/monitor/", host="other.test").status == 400
    assert host.ask(f"/monitor/api/ticks?window={3 * 86_400}").status == 200
    assert host.ask(f"/monitor/api/ticks?window={3 * 86_400 + 1}").status == 400


def test_mount_does_not_use_redis_url_of_host_as_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("DASHAPP_PORT", "80")
    parsed = parse_keywords(
        {"store": "here"}, {}, ignored=["port"], others=(), prog="dashapp.mount", serving=True
    )
    assert parsed.settings.store == "here"
    assert parsed.argv == []
    assert parsed.environ["REDIS_URL"] == "redis://127.0.0.1:1"
    assert "DASHAPP_PORT" not in parsed.environ
    parsed = parse_keywords({}, {}, ignored=["port"], others=(), prog="dashapp.mount", serving=True)
    assert parsed.settings.store == ""
