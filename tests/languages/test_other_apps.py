"""LiveGraphs and mounted pages in other apps: in the language of each viewer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dash import Dash, html
from flask import Flask

from dashapp import LiveGraph, attach, mount
from dashapp.integrations.dash_attach import ROUTE_PATH
from dashapp.model.ticks import SettingsError


@pytest.fixture
def app() -> Dash:
    app = Dash("host")
    app.layout = html.Div(LiveGraph("cpu.percent"))
    return app


def script_in(app: Dash, header: str) -> Any:
    url = next(url for url in app.config.external_scripts if "live_graph" in url)
    return app.server.test_client().get(url, headers={"Accept-Language": header})


def test_script_of_live_graphs_is_in_the_language_of_the_viewer(app: Dash) -> None:
    collector = attach(app, sources=["demo"])
    try:
        texts = {}
        for header in ("ja-JP", "en", "ja-JP"):
            answer = script_in(app, header)
            texts[header] = answer.get_data(as_text=True)
            assert answer.headers["vary"] == "accept-encoding, accept-language"
            assert answer.headers["cache-control"].endswith("immutable")
        assert texts["ja-JP"].startswith("window.dashapp = { languageTable: {")
        assert "一時停止" in texts["ja-JP"]
        assert "languageTable: {" not in texts["en"]
        style = app.server.test_client().get(
            f"/{ROUTE_PATH}live_graph.css", headers={"Accept-Language": "ja"}
        )
        assert "accept-language" not in style.headers["vary"]
    finally:
        collector.stop()


def test_keyword_sets_the_language_of_all_viewers(app: Dash) -> None:
    collector = attach(app, sources=["demo"], language="ja")
    try:
        assert "一時停止" in script_in(app, "en").get_data(as_text=True)
    finally:
        collector.stop()


def test_unknown_language_is_rejected(app: Dash) -> None:
    with pytest.raises(SettingsError, match=r'language is "jp"; expected auto, en or ja; did you mean ja\?'):
        attach(app, sources=["demo"], language="jp")


@pytest.mark.parametrize(("language", "expected"), [("auto", "ja"), ("en", "en")])
def test_mounted_page_is_in_the_language_of_the_viewer(tmp_path: Path, language: str, expected: str) -> None:
    app = Flask("host")
    mount(app, "/m/", protect=lambda: True, store=str(tmp_path), collect=False, language=language)
    answer = app.test_client().get("/m/", headers={"Accept-Language": "ja"})
    assert f'<html lang="{expected}"' in answer.get_data(as_text=True)
    assert answer.headers["vary"] == "accept-encoding, accept-language"
