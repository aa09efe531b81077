"""The charting library that is served anyway, for a chart of the host's own that stands still."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask, render_template_string

import dashapp
from dashapp.model import MountError


@pytest.mark.parametrize("outer", ["", "/outer"])
def test_a_template_gets_its_script(tmp_path: Path, outer: str) -> None:
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
    # The page asks for the same, so that a browser has it once.
    own = address.removeprefix(f"{outer}/monitor/")
    assert f'"./{own}"'.encode() in client.get("/monitor/").data
