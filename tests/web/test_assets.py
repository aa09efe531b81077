"""The page's own scripts are served as one bundle, at a URL that changes with its content."""

from __future__ import annotations

import re
from pathlib import Path

from wsgi_client import ask

from dashapp.config.settings import Settings
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app
from dashapp.web.assets import BUNDLE_NAME, LIVE_GRAPH_LAYERS, ScriptBundle, StyleBundle, assets_directory


def test_bundles_contain_every_script() -> None:
    texts = ScriptBundle(assets_directory()).text + ScriptBundle(assets_directory(), LIVE_GRAPH_LAYERS).text
    scripts = [path for path in assets_directory().rglob("*.js") if path.parent.name != "vendor"]
    assert len(scripts) > 20
    assert all(script.read_text().rstrip() in texts for script in scripts)


def test_bundle_mark_changes_with_content(tmp_path: Path) -> None:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "a.js").write_text("one();")
    before = ScriptBundle(tmp_path).mark
    (tmp_path / "ui" / "a.js").write_text("two();")
    assert ScriptBundle(tmp_path).mark != before


def test_page_has_the_used_part_of_the_polyfill_instead_of_all() -> None:
    """The scripts of Dash on the page call nothing else in it, as the browser tests show."""
    page = ask(create_app(MemoryStore(), Settings(store="memory:")), "/").body.decode()
    assert "polyfill" not in page
    assert ScriptBundle(assets_directory()).text.count("exports.isGeneratorFunction = ") == 1
    assert "regeneratorRuntime" not in ScriptBundle(assets_directory(), LIVE_GRAPH_LAYERS).text


def test_style_sheet_contains_every_style_with_media_rules_last() -> None:
    folder = assets_directory() / "styles"
    text = StyleBundle(assets_directory()).text
    sheets = {path.name: path.read_text("utf-8").rstrip() for path in folder.glob("*.css")}
    assert all(sheet in text for sheet in sheets.values())
    assert text.startswith(sheets["base.css"])
    assert text.rstrip().endswith(sheets["media.css"])
    page = ask(create_app(MemoryStore(), Settings(store="memory:")), "/").body.decode()
    assert re.findall(r'rel="stylesheet" href="\./assets/(.+?)\?m=', page) == ["style.css"]


def test_page_loads_one_immutable_bundle() -> None:
    app = create_app(MemoryStore(), Settings(store="memory:"))
    page = ask(app, "/").body.decode()
    ours = [part.split('"')[0] for part in page.split('src="./assets/')[1:]]
    assert [address.split("?")[0] for address in ours] == ["vendor/plotly-basic-4.1.1.min.js", BUNDLE_NAME]
    answer = ask(app, f"/assets/{ours[1]}")
    assert answer.status == 200
    assert answer.headers["cache-control"].endswith("immutable")
    assert answer.headers["content-type"].startswith("text/javascript")
