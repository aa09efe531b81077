"""Time as the page sees it: tabs that sleep, clocks that lie, intervals that are long."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from conftest import Serve
from drawing import assert_drawn_equals_store, drawing, wait_for_state
from playwright.sync_api import Browser, Page, Route, expect
from tab import ZONE
from waiting import wait_until

from dashapp.bundle import assets_folder

HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    Object.defineProperty(document, "visibilityState", {
        configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
    return window.flights.at.length;
}"""

SHIFT = """
const Real = Date;
window.Date = class extends Real {
    constructor(...parts) { parts.length ? super(...parts) : super(Real.now() + SHIFT_MS); }
    static now() { return Real.now() + SHIFT_MS; }
};
"""
# What the badge said, at every change of it.
WATCH = """() => {
    const badge = document.getElementById("status");
    window.said = [];
    new MutationObserver(() => window.said.push(badge.dataset.state)).observe(
        badge, { attributes: true, childList: true, characterData: true, subtree: true });
}"""


def test_a_tab_hidden_for_ten_minutes_catches_up_with_one_question(page: Page, serve: Serve) -> None:
    live = serve(past=700, age=600, feeding=False)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "stale")
    asked = page.evaluate(HIDE, True)
    page.wait_for_timeout(4000)
    assert page.evaluate("flights.at.length") == asked
    assert page.title() == "dashapp"
    live.feeder.catch_up()
    newest = live.store.newest()
    before = len(live.trouble.asked)
    page.evaluate(HIDE, False)
    assert_drawn_equals_store(page, live.store)
    assert len(drawing(page)[0]["traces"][0]["x"]) == 100
    wait_for_state(page, "live")
    page.wait_for_timeout(500)
    # Where the machine is slow, the next tick is asked for by now; before it is due, nothing more is.
    assert len([query for query in live.trouble.asked[before:] if newest.encode() not in query]) == 1
    due = newest.time_ms + 1000
    assert len([at for at in page.evaluate("flights.at")[asked:] if at < due]) <= 1


def test_a_tab_that_returns_raises_no_false_alarm(page: Page, serve: Serve) -> None:
    live = serve()
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    page.evaluate(WATCH)
    # The last tick has been fetched by then, and the timer for the next is set.
    wait_until(page, lambda: 0.5 < time.time() % 1 < 0.8, every=0.02)
    asked = page.evaluate(HIDE, True)
    page.wait_for_timeout(4500)
    assert page.evaluate("flights.at.length") == asked
    page.evaluate(HIDE, False)
    assert_drawn_equals_store(page, live.store)
    page.wait_for_timeout(200)
    assert set(page.evaluate("window.said")) <= {"live"}


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_a_day_off_changes_nothing(page: Page, serve: Serve, days: int) -> None:
    live = serve(interval=0.5)
    page.add_init_script(SHIFT.replace("SHIFT_MS", str(days * 86_400_000)))
    page.goto(live.url)
    assert abs(page.evaluate("Date.now()") / 1000 - time.time() - days * 86_400) < 60
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    before, asked = live.store.newest().time_ms, len(live.trouble.asked)
    wait_until(page, lambda: live.store.newest().time_ms >= before + 4000)
    assert len(live.trouble.asked) - asked >= 4
    assert_drawn_equals_store(page, live.store)
    assert page.get_attribute("#status", "data-state") == "live"


def test_tiles_wait_for_no_tick_where_the_names_come_after_the_numbers(page: Page, serve: Serve) -> None:
    live = serve(interval=60)
    names: list[Route] = []
    page.route("**/api/metrics", lambda route: names.append(route))
    page.goto(live.url)
    wait_until(
        page,
        lambda: bool(names) and page.evaluate("window.dashapp.page?.live.series.last ?? null") is not None,
    )
    for each in names:
        each.continue_()
    value = page.locator(".tile", has_text="CPU").locator(".tile-value")
    expect(value).to_contain_text("%")
    assert value.inner_text() == page.locator("[data-panel=cpu] .value").inner_text()


def test_a_long_interval_is_live_between_its_ticks(page: Page, serve: Serve) -> None:
    live = serve(interval=60)
    page.goto(live.url)
    page.focus("#window [role=slider]")
    page.keyboard.press("End")
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")
    page.evaluate(WATCH)
    asked = len(live.trouble.asked)
    page.wait_for_timeout(7000)
    assert set(page.evaluate("window.said")) <= {"live"}
    assert len(live.trouble.asked) - asked in (1, 2)


def test_a_zoom_up_to_midnight_ends_there(page: Page, serve: Serve) -> None:
    live = serve(past=2880, interval=60, feeding=False)
    midnight = datetime.now(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    hour = [1000 * each.timestamp() for each in (midnight - timedelta(hours=1), midnight)]
    page.goto(f"{live.url}?window=3600&end={hour[1]:.0f}")
    wait_until(page, lambda: [chart["range"] for chart in drawing(page)][:1] == [hour])
    box = page.locator('[data-panel="cpu"] .nsewdrag').bounding_box()
    assert box
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.6 * box["width"], height)
    page.mouse.down()
    for share in (0.8, 1.0, 1.2):
        page.mouse.move(box["x"] + share * box["width"], height)
    page.mouse.up()

    def told() -> list[float]:
        said = parse_qs(urlsplit(page.url).query)
        return [float(said[name][0]) for name in ("end", "window")]

    wait_until(page, lambda: told()[1] < 3600)
    end, seconds = told()
    assert end == hour[1]
    assert seconds == pytest.approx(0.4 * 3600, rel=0.05)


@pytest.mark.parametrize(
    ("begins", "ends", "text", "side", "found"),
    [
        # On 2026-11-01 the hour after 5:00 UTC comes again an hour later.
        ("05:05", "05:15", "2026-11-01 01:10", 0, "05:10"),
        ("06:05", "06:15", "2026-11-01 01:10", 0, "06:10"),
        ("06:05", "06:15", "2026-11-01 01:00:00.5", 0, "06:00"),
        ("04:00", "08:00", "2026-11-01 01:10", 0, "05:10"),
        ("04:00", "08:00", "2026-11-01 01:10", 1, "06:10"),
        ("04:00", "08:00", "2026-11-01 02:10", 1, "07:10"),
        ("04:00", "08:00", "2026-11-01", 1, "04:00"),
    ],
)
def test_an_hour_that_comes_twice_is_the_one_on_screen(
    chromium: Browser, begins: str, ends: str, text: str, side: int, found: str
) -> None:
    context = chromium.new_context(timezone_id="America/New_York")
    page = context.new_page()
    page.add_script_tag(content=(assets_folder() / "moment.js").read_text())
    got = page.evaluate(
        """([begins, ends, text, side]) => {
            const range = [begins, ends].map((each) => Date.parse(`2026-11-01T${each}Z`));
            return new Date(window.dashapp.localTime(text, range, side)).toISOString().slice(11, 16);
        }""",
        [begins, ends, text, side],
    )
    context.close()
    assert got == found
