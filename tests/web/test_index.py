"""The page's HTML document: its text before any script runs, and its preload hints."""

from __future__ import annotations

import platform
import re
from collections import Counter

import pytest
from chart_assertions import assert_drawn_equals_store
from playwright.sync_api import Page, expect
from served_page import Serve
from waiting import wait_until
from wsgi_client import ask

from dashapp.config.settings import Settings
from dashapp.http.types import WSGIApp
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app


@pytest.fixture
def app() -> WSGIApp:
    return create_app(MemoryStore(), Settings(store="memory:"))


def test_index_links_are_relative_and_return_200(app: WSGIApp) -> None:
    text = ask(app, "/", host="localhost").body.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(addresses) == 8
    for address in addresses:
        # The addresses are relative to the page, because a proxy or an application may move it.
        assert address.startswith("./"), address
        assert ask(app, address[1:], host="localhost").status == 200, address
    # Dash ships a table component, but no page of ours uses it.
    assert not [address for address in addresses if "dash_table" in address]
    assert '<meta name="description"' in text


def test_index_does_not_contain_layout(app: WSGIApp) -> None:
    answer = ask(app, "/", host="localhost")
    assert b"validation_layout" not in answer.body
    assert len(answer.body) < 20_000


def test_index_escapes_title() -> None:
    app = create_app(MemoryStore(), Settings(store="memory:", title="<b>me & you</b>"))
    text = ask(app, "/", host="localhost").body.decode()
    assert "<title>&lt;b&gt;me &amp; you&lt;/b&gt;</title>" in text
    assert "<b>" not in text


# Records what the page loads: fetches of scripts, and each script and style ever added to the document.
TAKEN = """
window.taken = [];
const fetchNow = window.fetch;
window.fetch = (...question) => {
    window.taken.push(new URL(question[0].url ?? question[0], location.href).href);
    return fetchNow(...question);
};
const note = ({ addedNodes }) => addedNodes.forEach((each) => {
    if (each.matches?.("script[src], link[rel=stylesheet]")) window.taken.push(each.src ?? each.href);
});
const within = { childList: true, subtree: true };
new MutationObserver((changes) => changes.forEach(note)).observe(document, within);
"""


def test_index_preloads_are_requested_once(page: Page, serve: Serve) -> None:
    live = serve()
    asked: list[str] = []
    page.add_init_script(TAKEN)
    page.on("request", lambda request: asked.append(request.url.removeprefix(live.url)))
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    hints = page.locator('link[rel="preload"]')
    announced = {hint.get_attribute("href") for hint in hints.all()}
    assert {"./_dash-layout", "./_dash-dependencies"} < announced
    # The page uses every preload hint, so no hint causes a useless request.
    hrefs = page.evaluate(
        "[...document.querySelectorAll('link[rel=preload]:not([as=font])')].map((hint) => hint.href)"
    )
    wait_until(page, lambda: set(hrefs) <= set(page.evaluate("window.taken")))
    counts = Counter(address for address in asked if not address.startswith("api/"))
    assert set(counts.values()) == {1}


def test_index_loading_text_is_replaced_by_page(page: Page, serve: Serve) -> None:
    live = serve()
    page.route("**/_dash-layout", lambda _: None)
    page.goto(live.url, wait_until="commit")
    first = page.locator("#first")
    first.wait_for()
    expect(first.locator("h1")).to_have_text(platform.node())
    page.wait_for_load_state("load")
    expect(first).to_be_visible()
    expect(page.locator("._dash-loading")).to_be_hidden()
    page.unroute_all()
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    expect(first).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
