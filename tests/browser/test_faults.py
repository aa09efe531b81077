"""Faults of server, feeder and store appear on the page; no point is lost or drawn twice."""

from __future__ import annotations

import re

import pytest
from chart_assertions import assert_drawn_equals_store, differences, drawing, wait_for_state, window
from faulty_server import POLL, STREAM, TRANSPORTS
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import stays, wait_for, wait_until, wait_until_passes

JSON_ERROR = b'{"error": "too many"}'
# The promises for the faults hold for both ways to get ticks.
both = pytest.mark.parametrize("transport", TRANSPORTS)
# Every text of the badge, even if it is visible only briefly.
KEEP_TEXTS = """
window.badgeTexts = new Set();
new MutationObserver(() => window.badgeTexts.add(document.getElementById("status")?.textContent))
    .observe(document, { childList: true, characterData: true, subtree: true });
"""


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(interval=0.5)


@pytest.fixture
def transport() -> str:
    return POLL


@pytest.fixture
def live(served: Live, transport: str) -> Live:
    """The module's server without faults, over a store with a full history."""
    served.server.transport = transport
    served.trouble.calm()
    served.server.stop()
    served.server.start()
    served.feeder.stop()
    served.store.clear()
    served.feeder.backfill(100)
    served.feeder.start(gapless=True)
    return served


@pytest.fixture
def page(page: Page) -> Page:
    page.add_init_script(KEEP_TEXTS)
    return page


def open_live(page: Page, live: Live) -> None:
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    if live.server.transport == STREAM:
        wait_until(page, lambda: page.evaluate("dashapp.page.poller.stream.events > 0"))


def drawn_until(page: Page) -> int:
    return min((trace["x"][-1] for chart in drawing(page) for trace in chart["traces"]), default=0)


def wait_for_ticks(live: Live, count: int) -> None:
    """Wait until the store has `count` more ticks."""
    end = live.store.newest().time_ms + 500 * count
    wait_for(lambda: live.store.newest().time_ms >= end)


def assert_one_question_at_a_time(page: Page) -> None:
    assert page.evaluate("window.flights.most") == 1


@both
def test_page_draws_every_point_when_server_is_slower_than_interval(page: Page, live: Live) -> None:
    open_live(page, live)
    live.trouble.latency = 1.2
    ends = {drawn_until(page)}

    def as_stored() -> bool:
        """the drawn points equal the stored ones, up to the last drawn time"""
        charts = drawing(page)
        ends.add(min(trace["x"][-1] for chart in charts for trace in chart["traces"]))
        return differences(charts, live.store, window(page), 0) == []

    stays(as_stored, lambda: len(ends) > 4, page)
    # The delay does not grow.
    assert_drawn_equals_store(page, live.store)
    assert_one_question_at_a_time(page)


@both
def test_page_shows_offline_and_fills_gap_after_server_restart(page: Page, live: Live) -> None:
    open_live(page, live)
    live.server.stop()
    wait_for_state(page, "offline")
    expect(page.locator("#status")).to_contain_text("not reachable")
    expect(page).to_have_title(re.compile("^Offline"))
    wait_for_ticks(live, 4)
    live.server.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


@both
def test_page_shows_offline_and_recovers_after_invalid_response(page: Page, live: Live) -> None:
    open_live(page, live)
    for answer in (
        None,
        ("500 Internal Server Error", "text/plain", b"oops"),
        ("429 Too Many Requests", "application/json", JSON_ERROR),
        ("200 OK", "text/html", b"<!doctype html><title>Please log in</title>"),
    ):
        live.trouble.answer = answer
        live.trouble.dropping = answer is None
        wait_for_state(page, "offline")
        live.trouble.calm()
        wait_for_state(page, "live")
        assert_drawn_equals_store(page, live.store)


@both
def test_page_aborts_request_after_timeout(page: Page, live: Live) -> None:
    open_live(page, live)
    live.trouble.latency = 1e6
    asked = len(live.trouble.asked)
    wait_until(page, lambda: len(live.trouble.asked) > asked)
    if live.server.transport == STREAM:
        # That request may be one beside the stream, which has to stall first.
        wait_for_state(page, "offline")
        live.trouble.calm()
    else:
        live.trouble.calm()
        wait_for_state(page, "offline")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    assert_one_question_at_a_time(page)


@both
def test_page_shows_no_data_and_gap_when_feeder_stops(page: Page, live: Live) -> None:
    open_live(page, live)
    live.feeder.stop()
    wait_for_state(page, "stale")
    expect(page.locator("#status")).to_contain_text("No data for")
    expect(page).to_have_title(re.compile("^No data"))
    assert_drawn_equals_store(page, live.store)
    wait_until(page, lambda: page.evaluate("dashapp.page.poller.stalled"))
    margin = page.evaluate("dashapp.page.poller.margin")
    asked = len(live.trouble.asked)
    wait_until(page, lambda: len(live.trouble.asked) >= asked + 4)
    # A stall must not change how soon the page asks after a tick.
    assert page.evaluate("dashapp.page.poller.margin") == margin
    live.feeder.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)

    def one_hole() -> None:
        for chart in drawing(page):
            assert [trace["y"].count(None) for trace in chart["traces"]] == [2] * len(chart["traces"])

    wait_until_passes(page, one_hole)


def test_page_opened_before_first_tick_draws_it(page: Page, live: Live) -> None:
    live.feeder.stop()
    live.store.clear()
    page.goto(live.url)
    wait_until(page, lambda: "Waiting for data" in page.evaluate("[...window.badgeTexts]"))
    live.feeder.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


@both
def test_page_redraws_after_store_is_cleared(page: Page, live: Live) -> None:
    open_live(page, live)
    live.feeder.stop()
    live.store.clear()
    wait_for_state(page, "stale")
    wait_until(page, lambda: drawn_until(page) == 0)
    live.feeder.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


@both
def test_page_redraws_after_store_is_cleared_between_requests(page: Page, live: Live) -> None:
    open_live(page, live)
    live.feeder.stop()
    live.store.clear()
    live.feeder.start()
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_chart_is_restored_after_foreign_redraw(page: Page, live: Live) -> None:
    open_live(page, live)
    live.feeder.stop()
    assert_drawn_equals_store(page, live.store)
    for damage in (
        "gd.data[0].x = []; gd.data[0].y = [];",
        "gd.data[0].x.push(gd.data[0].x.at(-1)); gd.data[0].y.push(1);",
        "gd.layout.xaxis.range = [0, 1];",
    ):
        page.evaluate(f"""() => {{
            const gd = document.querySelector('[data-panel="cpu"] .js-plotly-plot');
            {damage}
            Plotly.redraw(gd);
        }}""")
        assert_drawn_equals_store(page, live.store)
