"""The page's own scripts are served as one bundle, at a URL that changes with its content."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from wsgi_client import ask

import hatch_build
from dashapp.config.settings import Settings
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app
from dashapp.web.assets import (
    BUNDLE_NAME,
    COMMENT_LINES,
    LIVE_GRAPH_LAYERS,
    PAGE_LAYERS,
    ScriptBundle,
    StyleBundle,
    assets_directory,
)


def test_bundles_contain_every_script_without_its_comments() -> None:
    """No template literal has a line that looks like a comment."""
    folder = assets_directory()
    for layers in (PAGE_LAYERS, LIVE_GRAPH_LAYERS):
        paths = [path for layer in layers for path in sorted((folder / layer).glob("*.js"))]
        assert len(paths) > 20
        whole = "\n".join(path.read_text("utf-8") for path in paths)
        text = ScriptBundle(folder, layers).text
        assert len(text) < 0.9 * len(whole)
        assert list(tokens(text)) == list(tokens(whole))
    bundled = {path.parent.name for path in folder.rglob("*.js")} - {"vendor"}
    assert bundled == {*PAGE_LAYERS, *LIVE_GRAPH_LAYERS}


def tokens(text: str) -> Iterator[str]:
    return (token for kind, token in hatch_build.script_tokens(text) if kind != "space")


def test_bundle_mark_changes_with_content(tmp_path: Path) -> None:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "a.js").write_text("one();")
    before = ScriptBundle(tmp_path).mark
    (tmp_path / "ui" / "a.js").write_text("two();")
    assert ScriptBundle(tmp_path).mark != before


def test_style_sheet_contains_every_style_with_media_rules_last() -> None:
    folder = assets_directory() / "styles"
    text = StyleBundle(assets_directory()).text
    sheets = {path.name: path.read_text("utf-8").rstrip() for path in folder.glob("*.css")}
    for name, sheet in sheets.items():
        assert COMMENT_LINES.sub("", f"{sheet}\n") in text, name
    assert text.startswith(COMMENT_LINES.sub("", sheets["base.css"])[:100])
    assert text.rstrip().endswith(sheets["media.css"][-100:])
    page = ask(create_app(MemoryStore(), Settings(store="memory:")), "/").body.decode()
    assert re.findall(r'rel="stylesheet" href="\./assets/(.+?)\?m=', page) == ["style.css"]


def test_page_loads_one_immutable_bundle() -> None:
    app = create_app(MemoryStore(), Settings(store="memory:"))
    page = ask(app, "/").body.decode()
    ours = [part.split('"')[0] for part in page.split('src="./assets/')[1:]]
    names = ["dash-renderer.bundle.js", "vendor/plotly-basic-4.1.1.min.js", BUNDLE_NAME]
    assert [address.split("?")[0] for address in ours] == names
    for address in ours:
        answer = ask(app, f"/assets/{address}")
        assert answer.status == 200
        assert answer.headers["cache-control"].endswith("immutable")
        assert answer.headers["content-type"].startswith("text/javascript")


def test_worker_that_served_no_document_has_the_scripts_of_dash() -> None:
    """With several workers, another one may have served the document."""
    first, second = (create_app(MemoryStore(), Settings(store="memory:")) for _ in range(2))
    (address,) = re.findall(r'src="[./]*(/assets/dash-renderer[^"]+)"', ask(first, "/").body.decode())
    answer = ask(second, address)
    assert answer.headers["cache-control"].endswith("immutable")
    assert answer.body == ask(first, address).body
    assert b"DashRenderer" in answer.body
