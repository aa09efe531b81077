"""Comparison with yesterday or last week: dashed lines, with one extra request."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from chart_assertions import wait_for_state
from kept_tab import OpenAt
from page_scripts import load_scripts
from playwright.sync_api import Browser, Page, expect
from served_page import Live, Serve
from waiting import stays, still_box, wait_until

from dashapp.model.ticks import Metric, Tick, to_milliseconds

DAY_S = 86_400
COMPARED = """(panel) => {
    const gd = document.querySelector(`[data-panel="${panel}"] .js-plotly-plot`);
    const compared = (gd?.data ?? []).filter((trace) => /:(1d|7d)$/.test(trace.meta));
    const { xaxis, yaxis } = gd?._fullLayout ?? {};
    return compared.map((trace) => ({
        name: trace.name,
        dash: trace.line.dash,
        points: [...trace.x].map((x, index) => [x, trace.y[index]]),
        range: [...xaxis.range],
        top: yaxis.range[1],
    }));
}"""


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    """Live ticks, and 20 minutes around this time yesterday; nothing last week."""
    live = serve_all(past=0, feeding=False)
    live.feeder.backfill(1200, DAY_S - 900)
    live.feeder.backfill(300)
    live.feeder.start(gapless=True)
    return live


@pytest.fixture
def live(open_at: OpenAt, served: Live) -> Live:
    open_at(served.url, lambda page: wait_for_state(page, "live"))
    served.trouble.asked.clear()
    return served


def compared(page: Page, panel: str = "cpu") -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = page.evaluate(COMPARED, panel)
    return traces


def extra(live: Live) -> list[str]:
    return [query for query in live.trouble.asked if "from=" in query]


def is_exact(page: Page, live: Live) -> bool:
    """Return whether the dashed line has exactly yesterday's points over the range on screen."""
    (trace,) = compared(page)
    start, end = trace["range"]
    inside = [(round(x), y) for x, y in trace["points"] if start < x <= end and y is not None]
    ticks = live.store.since(start / 1000 - DAY_S - 1, 100_000)
    expected = [
        (to_milliseconds(tick.time) + 1000 * DAY_S, tick.values["cpu.percent"])
        for tick in ticks
        if start < to_milliseconds(tick.time) + 1000 * DAY_S <= end
    ]
    return len(expected) > 90 and inside == expected


def test_compare_draws_points_of_yesterday_with_one_request(page: Page, live: Live) -> None:
    page.keyboard.press("y")
    wait_until(page, lambda: is_exact(page, live))
    expect(page).to_have_url(re.compile(r"compare=1d"))
    expect(page.locator("#compared span")).to_have_text("Dashed: yesterday")
    expect(page.locator('[data-panel="cpu"] h2 .compared')).to_have_text("yesterday")
    assert len(extra(live)) == 1
    (trace,) = compared(page)
    assert "yesterday" in trace["name"]
    assert trace["dash"]
    # Live ticks move the lines, without another request.
    ticks = len(live.trouble.asked)
    stays(lambda: len(extra(live)) == 1, lambda: len(live.trouble.asked) > ticks + 4, page)
    wait_until(page, lambda: is_exact(page, live))
    assert page.evaluate("flights.most") == 1


def test_compare_in_address_is_shown_and_ends_by_key_and_button(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?compare=1d")
    wait_until(page, lambda: is_exact(page, served))
    wait_until(page, lambda: len(compared(page, "cores")) == 4)
    page.click("#compared button")
    wait_until(page, lambda: not compared(page))
    expect(page).not_to_have_url(re.compile(r"compare"))
    page.go_back()
    wait_until(page, lambda: is_exact(page, served))


def test_compare_follows_a_jump_in_time_with_one_request(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?compare=1d")
    wait_until(page, lambda: is_exact(page, served))
    served.trouble.asked.clear()
    page.keyboard.press("ArrowLeft")
    wait_for_state(page, "paused")
    wait_until(page, lambda: is_exact(page, served))
    expect(page.locator("#compared span")).to_have_text(re.compile("Dashed: (yesterday|a day earlier)"))
    shifted = [
        query
        for query in extra(served)
        if float(query.split("from=")[1].split("&")[0]) < 1000 * (served.feeder.newest - 40_000)
    ]
    assert len(shifted) == 1


def test_compare_without_data_states_it_and_draws_nothing(page: Page, live: Live) -> None:
    page.keyboard.press("y")
    page.keyboard.press("y")
    expect(page.locator("#compared span")).to_have_text("No data from last week to compare with.")
    expect(page).to_have_url(re.compile(r"compare=7d"))
    assert not [point for trace in compared(page) for point in trace["points"] if point[1] is not None]
    page.keyboard.press("y")
    expect(page.locator("#compared")).to_be_hidden()
    expect(page).not_to_have_url(re.compile(r"compare"))


def test_unknown_comparison_in_address_is_explained(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?compare=%3Cb%3E")
    expect(page.locator("#note.shown")).to_have_text(
        "Unknown comparison in the link: “<b>”; expected 1d or 7d."
    )
    expect(page.locator("#compared")).to_be_hidden()


def test_tooltip_has_value_of_yesterday(page: Page, live: Live) -> None:
    page.keyboard.press("y")
    wait_until(page, lambda: is_exact(page, live))
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    box = still_box(page, '[data-panel="cpu"] .nsewdrag')
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)

    def agrees() -> bool:
        moment = page.evaluate("dashapp.page.liveView.reading.pointer")
        ticks = live.store.since(moment / 1000 - DAY_S - 0.5, 100_000)
        (tick,) = [tick for tick in ticks if abs(tick.time + DAY_S - moment / 1000) < 0.01]
        text = page.inner_text('[data-panel="cpu"] .tooltip-lines')
        return text.endswith(f" · yesterday {tick.values['cpu.percent']:.1f}\u202f%")

    wait_until(page, agrees)


def test_axis_has_room_for_the_compared_line(page: Page, serve: Serve) -> None:
    live = serve(past=0, feeding=False)
    live.store.describe([Metric("orders", "Orders", "", "orders")])
    now = int(time.time())
    for start, count, value in ((now - DAY_S - 300, 600, 900), (now - 120, 120, 5)):
        for second in range(count):
            live.store.append(Tick(start + second, 1.0, {"orders": float(value + second % 3)}))
    page.goto(f"{live.url}?compare=1d")
    wait_until(page, lambda: len(compared(page, "orders")) == 1)
    wait_until(page, lambda: compared(page, "orders")[0]["top"] >= 902)


def test_failed_comparison_is_explained_and_ticks_go_on(page: Page, live: Live) -> None:
    page.evaluate("""() => {
        const real = window.fetch;
        const refused = () => Promise.resolve(new Response("{}", { status: 503 }));
        window.fetch = (...query) => (/from=/.test(String(query[0])) ? refused() : real(...query));
    }""")
    page.keyboard.press("y")
    expect(page.locator("#compared span")).to_have_text("The comparison failed: the server did not respond.")
    asked = len(live.trouble.asked)
    wait_until(page, lambda: len(live.trouble.asked) > asked + 2)
    wait_for_state(page, "live")


@pytest.fixture(scope="module")
def berlin(chromium: Browser) -> Iterator[Page]:
    """An empty page with the comparison, in a browser of this zone."""
    with closing(chromium.new_context(timezone_id="Europe/Berlin")) as context:
        page = context.new_page()
        load_scripts(page, "ui/time_zone.js", "comparison/comparison.js")
        yield page


@pytest.mark.parametrize(
    ("choice", "now", "end", "length", "name"),
    [
        ("1d", "2026-11-28T12:00+01:00", "2026-11-28T12:00+01:00", 100, "yesterday"),
        ("1d", "2026-11-28T12:00+01:00", "2026-11-28T06:00+01:00", 3600, "yesterday"),
        ("1d", "2026-11-28T12:00+01:00", "2026-11-27T12:00+01:00", 100, "a day earlier"),
        ("1d", "2026-11-28T12:00+01:00", "2026-11-28T12:00+01:00", 30 * DAY_S, "a day earlier"),
        ("1d", "2026-10-25T12:00+01:00", "2026-10-25T12:00+01:00", 100, "24 hours earlier"),
        ("1d", "2026-10-26T12:00+01:00", "2026-10-26T12:00+01:00", 100, "yesterday"),
        ("7d", "2026-10-26T12:00+01:00", "2026-10-26T12:00+01:00", 100, "168 hours earlier"),
        ("7d", "2026-11-28T12:00+01:00", "2026-11-28T12:00+01:00", 100, "last week"),
        ("7d", "2026-11-28T12:00+01:00", "2026-11-20T12:00+01:00", 100, "a week earlier"),
    ],
)
def test_name_of_comparison_is_true(
    berlin: Page, choice: str, now: str, end: str, length: int, name: str
) -> None:
    found = berlin.evaluate(
        """([choice, now, end, length]) => {
            const { Comparison, COMPARISONS } = window.dashapp;
            const range = [Date.parse(end) - 1000 * length, Date.parse(end)];
            const liveView = { shownRange: range, clock: { now: () => Date.parse(now) } };
            const { get } = Object.getOwnPropertyDescriptor(Comparison.prototype, "name");
            return get.call({ choice, shiftMs: COMPARISONS[choice], liveView });
        }""",
        [choice, now, end, length],
    )
    assert found == name
