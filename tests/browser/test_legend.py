"""Legends: a row for each line with its value and statistics, and stacked areas."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from statistics import fmean
from typing import Any

import pytest
from chart_assertions import wait_for_state
from painted import painted_columns
from playwright.sync_api import Locator, Page, expect
from served_page import Live, Serve
from waiting import wait_until, wait_until_passes

from dashapp.model.ticks import Metric, Tick

COUNT = 90
TOTAL = Metric("cpu.percent", "CPU", "%", "cpu", 0, 100)
PARTS = [Metric(f"cpu.{kind}", kind, "%", "cpu", 0, 100) for kind in ("user", "system", "iowait")]
MANY = [Metric(f"many.m{number:02}", f"m{number:02}", "1/s", "many", 0) for number in range(9)]
CHECKS = [Metric(f"check.c{number}.up", f"c{number}", "up/down", "checks", 0, 1) for number in range(8)]
NEGATIVE = [Metric(f"memory.{name}", name, "B", "memorybytes") for name in ("used", "available")]
SPECIAL: dict[str, Callable[[int], float]] = {
    "constant": lambda second: 7.0,
    "tiny": lambda second: 1e-9 * (second + 1),
    "huge": lambda second: 1e300 * math.cos(second),
    "negative": lambda second: -5.0 - second,
}
PAIR = [Metric(f"pair.{name}", f"all-{name}", "B/s", "pair", 0) for name in ("received", "sent")]
RARE = Metric("rare.value", "Rare", "", "rare")
TWINS = [Metric(f"twin.{name}", "Twin", "", "twins") for name in ("one", "two")]
EXTREME = [Metric(f"extreme.{name}", name, "", name) for name in SPECIAL]
GAP = range(40, 60)  # seconds without a tick


def values_at(second: int) -> dict[str, float]:
    parts = {"cpu.user": 20.0 + second % 7, "cpu.system": 10.0, "cpu.iowait": 5.0}
    return {
        **parts,
        "cpu.percent": parts["cpu.user"] + parts["cpu.system"],
        **{metric.key: float(number + second % 3) for number, metric in enumerate(MANY)},
        # The last check is down, and the one before it was.
        **{
            metric.key: float(number < 7 and (number < 6 or second > 80))
            for number, metric in enumerate(CHECKS)
        },
        "memory.used": 5.0,
        "memory.available": -3.0,
        "pair.received": 1234567.0,
        "pair.sent": 123456.0,
        "twin.one": 1.0,
        "twin.two": 2.0,
        **{f"extreme.{name}": function(second) for name, function in SPECIAL.items()},
    }


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    live = serve_all(feeding=False, past=1, age=COUNT + 5)
    live.store.describe([TOTAL, *PARTS, *MANY, *CHECKS, *NEGATIVE, *PAIR, RARE, *TWINS, *EXTREME])
    start = live.feeder.newest
    for second in range(1, COUNT):
        if second not in GAP:
            rare = {RARE.key: 1.0} if second == 1 else {}
            live.store.append(Tick(start + second, 1.0, values_at(second) | rare))
    return live


def row(page: Page, key: str) -> Locator:
    return page.locator(f'[data-line="{key}"]')


def text(locator: Locator) -> str:
    return locator.inner_text().replace("\u202f", " ")


def open_past(page: Page, live: Live, panel: str = "cpu", last: int = COUNT - 1) -> list[int]:
    """Pause at the last ticks; return their times in epoch milliseconds."""
    newest = live.store.newest().time_ms
    page.goto(f"{live.url}?window={last}&end={newest}&panels={panel}")
    wait_for_state(page, "paused")
    return [newest - 1000 * back for back in range(last)][::-1]


def test_legend_rows_show_value_and_statistics_of_visible_range(page: Page, live: Live) -> None:
    newest = live.store.newest()
    open_past(page, live, last=20)
    ticks = live.store.since(newest.time_ms / 1000 - 19.5, 1000)
    user = sorted(tick.values["cpu.user"] for tick in ticks)
    expected = {
        "low": user[0],
        "mean": fmean(user),
        "p95": user[math.ceil(0.95 * len(user)) - 1],
        "high": user[-1],
    }

    def shows_all() -> None:
        line = row(page, "cpu.user")
        assert text(line.locator(".value")) == f"{ticks[-1].values['cpu.user']:.1f} %"
        for name, value in expected.items():
            assert text(line.locator(f"[data-stat={name}]")) == f"{value:.1f} %"

    wait_until_passes(page, shows_all)
    # The title has the whole of the stack.
    whole = row(page, "cpu.percent").locator(".value")
    wait_until(page, lambda: text(page.locator("[data-panel=cpu] h2 .value")) == text(whole))
    # At the pointer, the row shows the value there.
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    wait_until(
        page,
        lambda: text(row(page, "cpu.user").locator(".value")) == f"{ticks[-2].values['cpu.user']:.1f} %",
    )


def test_stack_has_gap_and_unstacked_values(page: Page, live: Live) -> None:
    times = open_past(page, live)
    wait_until(page, lambda: page.locator("[data-panel=cpu] .plot-canvas").count())
    newest = times[-1]
    gap, whole = newest - 1000 * (COUNT - 1 - 50), newest - 5000

    def is_stacked() -> None:
        in_gap, in_points = painted_columns(page, "cpu", [gap, whole])
        assert in_gap == 0
        second = COUNT - 1 - 5
        total = sum(values_at(second)[metric.key] for metric in PARTS)
        assert in_points == pytest.approx(total / 100, abs=0.03)

    wait_until_passes(page, is_stacked)

    # The total is a line, and each part an area with another shade.
    def has_shades() -> None:
        marks = page.locator("[data-panel=cpu] .legend-line > i").evaluate_all(
            "(all) => all.map((mark) => getComputedStyle(mark).backgroundColor)"
        )
        assert len(set(marks)) == len(marks) == 1 + len(PARTS)

    wait_until_passes(page, has_shades)
    # A hidden part leaves the stack; the others move down.
    row(page, "cpu.system").click()
    expect(row(page, "cpu.system")).to_have_attribute("aria-pressed", "false")

    def is_lower() -> None:
        (in_points,) = painted_columns(page, "cpu", [whole])
        assert in_points == pytest.approx((values_at(COUNT - 6)["cpu.user"] + 5) / 100, abs=0.03)

    wait_until_passes(page, is_lower)
    # The points of a trace stay those of its metric.
    points = page.evaluate(
        """() => document.querySelector("[data-panel=cpu] .js-plotly-plot").data
             .find(({ meta }) => meta === "cpu.iowait").y.filter((value) => value !== null)"""
    )
    assert set(points) == {5.0}


def test_long_legend_shows_highest_lines_and_expands(page: Page, live: Live) -> None:
    open_past(page, live, "many")
    rows = page.locator("[data-panel=many] [data-line]")
    expect(rows).to_have_count(5)
    keys = [metric.key for metric in MANY][::-1]
    for each, key in zip(rows.all(), keys, strict=False):
        expect(each).to_have_attribute("data-line", key)
    page.locator("[data-panel=many] .legend-more").filter(has_text="4 more").click()
    expect(rows).to_have_count(9)
    # One stop of the Tab key; arrow keys move.
    expect(page.locator("[data-panel=many] [data-line][tabindex='0']")).to_have_count(1)
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    expect(page.locator("[data-panel=many] .trace.faded")).to_have_count(8)
    page.keyboard.press("Enter")
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "false")
    expect(page).to_have_url(re.compile(re.escape(keys[1])))


def test_long_legend_of_a_stack_begins_with_its_whole(page: Page, serve: Serve) -> None:
    """Also if its mean is lower than that of a part, which has values for a shorter time."""
    live = serve(feeding=False, past=1, age=30)
    kinds = ["user", "system", "nice", "irq", "steal", "iowait"]
    live.store.describe([TOTAL, *(Metric(f"cpu.{kind}", kind, "%", "cpu", 0, 100) for kind in kinds)])
    start = live.feeder.newest
    for second in range(1, 25):
        parts = {f"cpu.{kind}": 60.0 / (place + 1) for place, kind in enumerate(kinds)} if second > 12 else {}
        live.store.append(Tick(start + second, 1.0, {"cpu.percent": 99.0 if parts else 1.0, **parts}))
    page.goto(f"{live.url}?window=24&end={live.store.newest().time_ms}&panels=cpu")
    rows = page.locator("[data-panel=cpu] [data-line]")
    expect(rows).to_have_count(5)
    expect(rows.nth(0)).to_have_attribute("data-line", "cpu.percent")
    expect(rows.nth(1)).to_have_attribute("data-line", "cpu.user")


def test_long_legend_of_checks_begins_with_those_that_are_down(page: Page, live: Live) -> None:
    open_past(page, live, "checks")
    rows = page.locator("[data-panel=checks] [data-line]")
    expect(rows).to_have_count(5)
    for each, words in zip(rows.all(), (["c7", "down"], ["c6", "up"], ["c0", "up"]), strict=False):
        expect(each).to_contain_text(words[0])
        expect(each).to_contain_text(words[1])
    expect(rows.nth(1)).to_contain_text("%")


@pytest.mark.parametrize("name", SPECIAL)
def test_statistics_of_extreme_values_are_those_of_points(page: Page, live: Live, name: str) -> None:
    open_past(page, live, name)
    line = row(page, f"extreme.{name}")
    wait_until(page, lambda: line.locator("[data-stat=high]").inner_text() not in ("", "\u2013"))
    values = [
        tick.values[f"extreme.{name}"]
        for tick in live.store.since(0, 1000)
        if f"extreme.{name}" in tick.values
    ]
    formatted = "([value]) => dashapp.formatQuantity(value, '')"
    for stat, value in (("low", min(values)), ("high", max(values))):
        rounded: Any = page.evaluate(formatted, [float(f"{value:.5g}") if abs(value) < 10 else value])
        expect(line.locator(f"[data-stat={stat}]")).to_have_text(rounded)
    expect(line).not_to_have_text(re.compile("NaN|Infinity|∞"))


def test_stack_with_negative_values_is_drawn_as_lines(page: Page, live: Live) -> None:
    open_past(page, live, "memorybytes")
    expect(page.locator("[data-panel=memorybytes] .legend-note")).to_have_text(
        "Not stacked: some values are below 0."
    )

    def lines_differ() -> None:
        lines = page.evaluate(
            """document.querySelector("[data-panel=memorybytes] .js-plotly-plot").data
                 .map(({ line }) => [line.width, line.color])"""
        )
        assert [width for width, _ in lines] == [1.5, 1.5]
        # Areas differ by shade, and lines by colour.
        assert len({colour for _, colour in lines}) == 2

    wait_until_passes(page, lines_differ)


def test_lines_with_same_label_are_named_by_key(page: Page, live: Live) -> None:
    open_past(page, live, "twins")
    names = page.locator("[data-panel=twins] [data-line] bdi")
    expect(names).to_have_text(["Twin (twin.one)", "Twin (twin.two)"])


# Whether each visible part of the title's value is whole.
VISIBLE_PARTS = """() => {
    const value = document.querySelector("[data-panel=pair] h2 .value");
    const box = value.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(value);
    return [...range.getClientRects()].filter(({ top, width }) => width > 1 && top < box.bottom - 2)
        .map(({ left, right }) => left >= box.left - 1 && right <= box.right + 1);
}"""


def test_title_has_whole_values_at_each_width(page: Page, live: Live) -> None:
    open_past(page, live, "pair")
    try:
        for width in (320, 360, 420, 820, 1200):
            page.set_viewport_size({"width": width, "height": 860})
            wait_until(page, lambda: all(page.evaluate(VISIBLE_PARTS)))
        wait_until(page, lambda: page.evaluate(VISIBLE_PARTS) == [True])
    finally:
        page.set_viewport_size({"width": 1200, "height": 860})


def test_panel_without_value_in_range_has_sentence(page: Page, live: Live) -> None:
    sentence = """getComputedStyle(document.querySelector("[data-panel=rare] .chart"), "::after").content"""
    open_past(page, live, "rare", last=20)
    wait_until(page, lambda: page.evaluate(sentence) == '"No data in this time range"')
    expect(page.locator("[data-panel=rare] .js-plotly-plot")).to_be_hidden()
    open_past(page, live, "rare")
    expect(page.locator("[data-panel=rare] .js-plotly-plot")).to_be_visible()
    wait_until(page, lambda: page.evaluate(sentence) == "none")
