"""Time on the page: hidden tabs, wrong clocks, long intervals."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from chart_assertions import assert_drawn_equals_store, drawing, wait_for_state
from faulty_server import POLL, STREAM, TRANSPORTS
from playwright.sync_api import Page, Route, expect
from served_page import Live, Serve
from tab import HIDE, ZONE
from waiting import stays, still_box, wait_until

from dashapp.model.ticks import to_milliseconds
from dashapp.stores.base import Rewind
from dashapp.stores.documents import CLOCK_STEPS

SHIFT = """
const Real = Date;
window.Date = class extends Real {
    constructor(...parts) { parts.length ? super(...parts) : super(Real.now() + SHIFT_MS); }
    static now() { return Real.now() + SHIFT_MS; }
};
"""
# Counts how often Dash calls the page from now on.
BEATS = """() => {
    const { page } = window.dashapp;
    window.beats = 0;
    page.tick = () => { window.beats += 1; Object.getPrototypeOf(page).tick.call(page); };
}"""
# Hides the page while it waits for the next tick without a request; null if it does not wait yet.
HIDE_BETWEEN = f"""() => {{
    const {{ timer, inFlight }} = dashapp.page.poller;
    return timer && !inFlight ? ({HIDE})(true) : null;
}}"""
# Records the state of the badge at every change. It leaves out a true alarm: a request in flight for long.
WATCH = """() => {
    const badge = document.getElementById("status");
    const { flights } = window;
    window.said = [];
    const silent = () => flights.now > 0 && Date.now() - flights.at.at(-1) > 3400;
    new MutationObserver(() => silent() || window.said.push(badge.dataset.state)).observe(
        badge, { attributes: true, childList: true, characterData: true, subtree: true });
}"""


def expect_drawn_to(page: Page, live: Live, time_ms: float) -> None:
    wait_until(page, lambda: drawing(page)[0]["traces"][0]["x"][-1] >= time_ms)
    assert_drawn_equals_store(page, live.store)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_tab_hidden_for_ten_minutes_catches_up_with_one_request(
    page: Page, serve: Serve, transport: str
) -> None:
    live = serve(past=700, age=600, feeding=False, transport=transport)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "stale")
    page.evaluate(BEATS)
    asked = page.evaluate(HIDE, True)
    stays(lambda: page.evaluate("flights.at.length") == asked, until=beats(page, 4), page=page)
    expect(page).to_have_title("dashapp")
    old = page.evaluate("encodeURIComponent(dashapp.page.liveView.subscription.cursor)")
    live.feeder.catch_up()
    newest = live.store.newest().time_ms
    live.feeder.start()
    before = len(live.trouble.asked)
    page.evaluate(HIDE, False)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    # The page requested the next tick when it was due and not before; the past came at once. Beside them,
    # the overview strip may load its two hours again.
    expect_drawn_to(page, live, newest + 1000)
    assert len(drawing(page)[0]["traces"][0]["x"]) == 100
    assert len([query for query in live.trouble.asked[before:] if f"after={old}" in query]) == 1
    sent = page.evaluate("flights.at.map((at, index) => [at, flights.urls[index]])")[asked:]
    assert len([url for at, url in sent if "&after=" in url and at < newest + 1000]) <= 1
    assert len([url for _, url in sent if "&after=" not in url]) <= 1


def beats(page: Page, count: int) -> Callable[[], bool]:
    return lambda: bool(page.evaluate("window.beats") >= count)


def test_returning_tab_shows_no_false_stale_status(page: Page, serve: Serve) -> None:
    live = serve()
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    page.evaluate(WATCH)
    asked = wait_until(page, lambda: page.evaluate(HIDE_BETWEEN))
    # Longer than a visible page takes to report stale data.
    long = live.store.newest().time_ms + 4500
    stays(
        lambda: page.evaluate("flights.at.length") == asked,
        until=lambda: live.store.newest().time_ms > long,
        page=page,
    )
    page.evaluate(HIDE, False)
    expect_drawn_to(page, live, long)
    expect_drawn_to(page, live, live.store.newest().time_ms + 1)
    assert set(page.evaluate("window.said")) <= {"live"}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("days", [-1, 1])
def test_page_works_with_viewer_clock_a_day_off(
    own_page: Page, serve: Serve, days: int, transport: str
) -> None:
    live, page = serve(interval=0.5, transport=transport), own_page
    page.add_init_script(SHIFT.replace("SHIFT_MS", str(days * 86_400_000)))
    page.goto(live.url)
    assert round((page.evaluate("Date.now()") / 1000 - time.time()) / 86_400) == days
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    # The page waits for the next tick, neither too briefly nor for a day; for two while a stream brings them.
    longest = 900 if transport == POLL else 1000
    asked = len(live.trouble.asked)
    wait_until(page, lambda: 0 < page.evaluate("dashapp.page.poller.nextDelay()") <= longest)
    expect_drawn_to(page, live, live.store.newest().time_ms + 2000)
    # On a busy machine one response has several ticks.
    wait_until(page, lambda: transport == STREAM or len(live.trouble.asked) >= asked + 4)
    wait_until(page, lambda: page.evaluate("dashapp.page.poller.nextDelay()") <= longest)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")


def test_tiles_show_values_when_metric_names_arrive_late(page: Page, serve: Serve) -> None:
    live = serve(interval=60)
    names: list[Route] = []
    page.route("**/api/metrics", lambda route: names.append(route))
    page.goto(live.url)
    wait_until(
        page,
        lambda: (
            bool(names) and page.evaluate("window.dashapp.page?.liveView.series.lastTime ?? null") is not None
        ),
    )
    for each in names:
        each.continue_()
    value = page.locator(".tile", has_text="CPU").locator(".tile-value")
    expect(value).to_contain_text("%")
    title = page.locator("[data-panel=cpu] h2 .value")
    wait_until(page, lambda: value.inner_text() == title.inner_text())


def test_page_stays_live_between_ticks_of_long_interval(page: Page, serve: Serve) -> None:
    live = serve(interval=60)
    page.goto(live.url)
    page.focus("#window [role=slider]")
    page.keyboard.press("End")
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    page.evaluate(WATCH)
    asked = len(live.trouble.asked)
    # For up to a minute no tick is due; the page still sends requests, but slowly.
    wait_until(page, lambda: page.evaluate("dashapp.page.poller.nextDelay()") > 4000)
    wait_until(page, lambda: len(live.trouble.asked) > asked)
    assert set(page.evaluate("window.said")) <= {"live"}


def test_zoom_to_midnight_ends_at_midnight(page: Page, serve: Serve) -> None:
    live = serve(past=2880, interval=60, feeding=False)
    midnight = datetime.now(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    hour = [1000 * each.timestamp() for each in (midnight - timedelta(hours=1), midnight)]
    page.goto(f"{live.url}?window=3600&end={hour[1]:.0f}")
    wait_until(page, lambda: [chart["range"] for chart in drawing(page)][:1] == [hour])
    box = still_box(page, '[data-panel="cpu"] .nsewdrag')
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.6 * box["width"], height)
    page.mouse.down()
    for share in (0.8, 1.0, 1.2):
        page.mouse.move(box["x"] + share * box["width"], height)
    page.mouse.up()

    def displayed_range() -> list[float]:
        said = parse_qs(urlsplit(page.url).query)
        return [float(said[name][0]) for name in ("end", "window")]

    wait_until(page, lambda: displayed_range()[1] < 3600)
    end, seconds = displayed_range()
    assert end == hour[1]
    assert seconds == pytest.approx(0.4 * 3600, rel=0.05)


def test_page_reports_newest_tick_from_future_and_clock_set_back(page: Page, serve: Serve) -> None:
    live = serve(feeding=False, age=-1500)
    page.goto(live.url)
    wait_for_state(page, "stale")
    expect(page.locator("#status")).to_contain_text("min in the future")
    sentence = "The clock of this machine was set back by 25 min."
    live.store.rewind(Rewind(to_milliseconds(time.time()) - 1000))
    live.store.notice_sink("clock").set(sentence)
    live.store.write_document(CLOCK_STEPS, [to_milliseconds(time.time())])
    live.feeder.start()
    expect(page.locator("#notices")).to_contain_text(sentence)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    marks = """() => document.querySelector("[data-panel=cpu] .js-plotly-plot").layout.shapes
        .filter((shape) => shape.type === "line" && shape.x0 === shape.x1).map(({ x0 }) => x0)"""
    wait_until(page, lambda: page.evaluate(marks) == live.store.clock_steps())
