"""What happens to server, feeder and store is seen on the page, and loses or doubles no point."""

from __future__ import annotations

import time

import pytest
from conftest import Live, Serve
from drawing import assert_drawn_equals_store, differences, drawing, wait_for_state, window
from playwright.sync_api import Page
from waiting import wait_until

JSON_ERROR = b'{"error": "too many"}'


def open_live(page: Page, live: Live) -> None:
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")


def drawn_until(page: Page) -> int:
    return min((trace["x"][-1] for chart in drawing(page) for trace in chart["traces"]), default=0)


def test_a_server_slower_than_the_interval_still_draws_every_point(page: Page, serve: Serve) -> None:
    live = serve(interval=0.3)
    open_live(page, live)
    live.trouble.latency = 0.9
    begin, end = drawn_until(page), time.monotonic() + 8
    while time.monotonic() < end:
        page.wait_for_timeout(100)
        assert differences(drawing(page), live.store, window(page), 0) == []
    fed = live.store.newest().time_ms - begin
    assert drawn_until(page) - begin > 0.8 * fed
    assert_drawn_equals_store(page, live.store)
    assert live.trouble.most_in_flight == 1


def test_a_stopped_server_is_told_and_its_hole_is_filled(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    open_live(page, live)
    live.server.stop()
    stopped = time.monotonic()
    wait_for_state(page, "offline")
    assert "not reachable" in page.inner_text("#status")
    assert page.title().startswith("Offline")
    wait_until(page, lambda: time.monotonic() - stopped > 4)
    live.server.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


@pytest.mark.parametrize("trouble", ["drop", "500", "429", "page"])
def test_no_answer_of_use_is_told_and_then_made_up_for(page: Page, serve: Serve, trouble: str) -> None:
    live = serve(interval=0.5)
    open_live(page, live)
    live.trouble.dropping = trouble == "drop"
    live.trouble.answer = {
        "500": ("500 Internal Server Error", "text/plain", b"oops"),
        "429": ("429 Too Many Requests", "application/json", JSON_ERROR),
        "page": ("200 OK", "text/html", b"<!doctype html><title>Please log in</title>"),
    }.get(trouble)
    wait_for_state(page, "offline")
    live.trouble.calm()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_an_answer_that_never_comes_is_given_up(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    open_live(page, live)
    live.trouble.latency = 60
    asked = len(live.trouble.asked)
    wait_until(page, lambda: len(live.trouble.asked) > asked)
    live.trouble.calm()
    wait_for_state(page, "offline")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    assert live.trouble.most_in_flight == 1


def test_a_stopped_feeder_is_told_and_leaves_a_hole(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    open_live(page, live)
    live.feeder.stop()
    wait_for_state(page, "stale")
    assert "No data for" in page.inner_text("#status")
    assert page.title().startswith("No data")
    assert_drawn_equals_store(page, live.store)
    asked = len(live.trouble.asked)
    wait_until(page, lambda: len(live.trouble.asked) >= asked + 4)
    live.feeder.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    # A stall tells nothing of how soon to ask after a tick.
    assert page.evaluate("dashapp.page.live.feed.margin") <= 140
    for chart in drawing(page):
        assert [trace["y"].count(None) for trace in chart["traces"]] == [2] * len(chart["traces"])


def test_a_page_opened_before_the_first_tick_draws_it_when_it_comes(page: Page, serve: Serve) -> None:
    live = serve(past=0, interval=0.5, feeding=False)
    page.goto(live.url)
    wait_until(page, lambda: page.inner_text("#status") == "Waiting for the first points")
    live.feeder.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_a_cleared_store_is_drawn_anew(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    open_live(page, live)
    live.feeder.stop()
    live.store.clear()
    wait_for_state(page, "stale")
    wait_until(page, lambda: drawn_until(page) == 0)
    live.feeder.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_a_store_cleared_between_two_questions_is_drawn_anew(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    open_live(page, live)
    live.feeder.stop()
    live.store.clear()
    live.feeder.start()
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


@pytest.mark.parametrize(
    "damage",
    [
        "gd.data[0].x = []; gd.data[0].y = [];",
        "gd.data[0].x.push(gd.data[0].x.at(-1)); gd.data[0].y.push(1);",
        "gd.layout.xaxis.range = [0, 1];",
    ],
)
def test_a_chart_that_something_else_redraws_is_put_right(page: Page, serve: Serve, damage: str) -> None:
    live = serve(interval=0.5)
    open_live(page, live)
    live.feeder.stop()
    assert_drawn_equals_store(page, live.store)
    page.evaluate(f"""() => {{
        const gd = document.querySelector('[data-panel="cpu"] .js-plotly-plot');
        {damage}
        Plotly.redraw(gd);
    }}""")
    assert_drawn_equals_store(page, live.store)
