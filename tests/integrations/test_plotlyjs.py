"""The Plotly library that dashapp serves, for charts of the application."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dash import Dash
from flask import Flask, render_template_string
from wsgi_client import ask

import dashapp
from dashapp import LiveGraph, attach
from dashapp.model.ticks import MountError
from dashapp.web.assets import plotlyjs_path


@pytest.mark.parametrize("outer", ["", "/outer"])
def test_template_function_returns_plotly_script(tmp_path: Path, outer: str) -> None:
    app = Flask("host")
    dashapp.mount(app, "/monitor/", store=tmp_path / "none", collect=False)
    with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": outer}):
        script = render_template_string("{{ dashapp_plotlyjs() }}")
        with pytest.raises(MountError, match='at is "/nowhere/"; dashapp is mounted at /monitor/'):
            render_template_string('{{ dashapp_plotlyjs(at="/nowhere/") }}')
    found = re.fullmatch(r'<script src="([^"]+)"></script>', script)
    assert found
    address = found[1]
    assert address.startswith(f"{outer}/monitor/assets/vendor/plotly-basic-")
    client = app.test_client()
    answer = client.get(address.removeprefix(outer))
    assert answer.status_code == 200
    assert b"Plotly" in answer.data
    assert "immutable" in answer.headers["cache-control"]
    # The page uses the same URL, so that a browser loads it once.
    own = address.removeprefix(f"{outer}/monitor/")
    assert f'"./{own}"'.encode() in client.get("/monitor/").data


@pytest.mark.parametrize("basic", [True, False])
def test_dash_app_serves_basic_bundle_when_enabled(basic: bool) -> None:
    app = Dash(__name__)
    attach(app, sources={"loss": lambda: 1.0}, basic=basic)
    app.layout = LiveGraph("loss")
    page = ask(app.server.wsgi_app, "/").body.decode()
    found = re.findall(r'<script src="(/_dashapp/plotly\.js\?m=[^"]+)"', page)
    assert len(found) == basic
    for address in found:
        answer = ask(app.server.wsgi_app, address, accept_encoding="gzip")
        assert answer.headers["content-encoding"] == "gzip"
        assert "immutable" in answer.headers["cache-control"]
        assert ask(app.server.wsgi_app, address).body == plotlyjs_path().read_bytes()
