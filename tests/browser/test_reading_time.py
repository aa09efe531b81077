"""One reading time: mouse, keys, titles, tiles, tables, slider and tab show the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import pytest
from chart_assertions import assert_drawn_equals_store, drawing, shows, wait_for_state, window
from kept_tab import OpenAt
from page_scripts import load_scripts
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import stays, still_box, wait_until, wait_until_passes

from dashapp.model.ticks import Metric, Tick

CPU = '[data-panel="cpu"]'
READING = "dashapp.page.liveView.reading.at"
# The position of the thumb between the first stop (0) and the last (1).
# The thumb's place between both ends, at which it is still inside the track.
THUMB = """() => {
    const thumb = document.querySelector("#window [role=slider]").getBoundingClientRect();
    const track = document.querySelector("#window .dash-slider-root").getBoundingClientRect();
    return (thumb.x - track.x) / (track.width - thumb.width);
}"""
LENGTH = 100


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(past=1500)


@pytest.fixture
def live(open_at: OpenAt, served: Live) -> Iterator[Live]:
    open_at(served.url, lambda page: assert_drawn_equals_store(page, served.store))
    yield served
    served.trouble.calm()


def past_end(live: Live, ticks: int = 400) -> int:
    """Return the time in milliseconds of a tick in the past."""
    return round(live.store.since(0, 100_000)[-ticks].time * 1000)


def open_past(page: Page, live: Live, end: int, seconds: float = LENGTH) -> None:
    page.goto(f"{live.url}?window={seconds:g}&end={end}")
    wait_until(page, lambda: shows(page, live.store, end / 1000 - seconds, end / 1000))


def cpu_at(live: Live, time_ms: float) -> str:
    (tick,) = [tick for tick in live.store.since(0, 100_000) if round(tick.time * 1000) == time_ms]
    return f"{tick.values['cpu.percent']:.1f}\u202f%"


def point_at(page: Page, share: float) -> None:
    """Rest the mouse in the CPU chart at a share of its width."""
    box = still_box(page, f"{CPU} .nsewdrag")
    page.mouse.move(box["x"] + share * box["width"] - 3, box["y"] + 50)
    page.mouse.move(box["x"] + share * box["width"], box["y"] + 50)


def assert_all_read(page: Page, live: Live, time_ms: float) -> None:
    """Wait until each part of the page that has a time reads `time_ms`."""

    def is_read() -> None:
        value = cpu_at(live, time_ms)
        assert page.evaluate(READING) == time_ms
        assert page.inner_text(f"{CPU} h2 .value") == value
        assert page.inner_text(".tile .tile-value") == value
        assert page.get_attribute("#tiles", "data-at") == str(time_ms)
        assert page.title().startswith(f"{value} CPU at ")
        tooltip = page.locator(f"{CPU} .tooltip:visible")
        assert not tooltip.count() or tooltip.locator("b").inner_text() == value

    wait_until_passes(page, is_read)


def test_mouse_and_keys_share_one_reading_time(page: Page, live: Live) -> None:
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    assert_all_read(page, live, page.evaluate("dashapp.page.liveView.pausedRange[1]"))
    point_at(page, 0.5)
    page.locator(f"{CPU} .tooltip").wait_for()
    first = page.evaluate(READING)
    assert_all_read(page, live, first)
    for step in (1, 2, 3):
        page.keyboard.press("Shift+ArrowLeft")
        expect(page.locator(f"{CPU} .tooltip")).to_be_visible()
        assert_all_read(page, live, first - 1000 * step)
    # The mouse takes over again as soon as it moves.
    point_at(page, 0.7)
    wait_until(page, lambda: page.evaluate(READING) > first)
    assert_all_read(page, live, page.evaluate(READING))


def test_reading_stays_while_mouse_rests_and_follows_its_point(page: Page, live: Live) -> None:
    point_at(page, 0.6)
    reading = wait_until(page, lambda: page.evaluate(READING))
    newest = live.store.newest().time_ms + 3000
    stays(
        lambda: page.evaluate(READING) == reading,
        until=lambda: live.store.newest().time_ms > newest,
        page=page,
    )
    assert_all_read(page, live, reading)
    page.mouse.move(2, 2)
    wait_until(page, lambda: page.evaluate(READING) is None)
    expect(page.locator("#tiles")).to_have_attribute("data-at", "now")
    expect(page).to_have_title(re.compile(r"% CPU \u00b7 dashapp$"))


def test_page_in_the_past_shows_values_of_its_end(page: Page, live: Live) -> None:
    end = past_end(live)
    open_past(page, live, end)
    assert_all_read(page, live, end)
    expect(page.locator("#status")).to_have_text(re.compile(r"^Paused at .*\d\d:\d\d:\d\d$"))
    table = page.locator('[data-table="top"]')
    expect(table).to_have_attribute("data-at", str(end))
    expect(table.locator("h2")).to_contain_text(re.compile(r"^Top processes, .*\d\d:\d\d"))
    page.keyboard.press("l")
    wait_for_state(page, "live")
    expect(page.locator("#tiles")).to_have_attribute("data-at", "now")
    expect(table).to_have_attribute("data-at", "now")
    expect(table.locator(".of")).to_have_text("of this machine")


def test_reading_in_a_gap_has_no_value(page: Page, serve: Serve) -> None:
    live = serve(past=60, feeding=False, age=120)
    before = live.store.newest().time_ms
    live.feeder.backfill(60)
    page.goto(f"{live.url}?window=100&end={before + 30_000}")
    wait_for_state(page, "paused")
    expect(page.locator(f"{CPU} h2 .value")).to_have_text("\u2013")
    expect(page.locator(".tile .tile-value").first).to_have_text("\u2013")
    expect(page.locator("#tiles")).to_have_attribute("data-at", str(before + 30_000))


@pytest.mark.parametrize(
    ("seconds", "words", "position"),
    [
        (43_200, "12 hours", 16),
        (100, "100 seconds", 6),
        (4321, "1 hour 12 minutes", 12.263),
        (17.5, "18 seconds", 1.536),
    ],
)
def test_slider_matches_length_on_screen(
    page: Page, served: Live, seconds: float, words: str, position: float
) -> None:
    # No data is that old.
    page.goto(f"{served.url}?window={seconds:g}&end={served.store.newest().time_ms - 7_000_000}")
    wait_for_state(page, "paused")
    thumb = page.locator("#window [role=slider]")
    last = len((page.get_attribute("#page", "data-stops") or "").split(",")) - 1
    shown = min(position, last)

    def matches() -> None:
        assert page.inner_text("#window-label") == thumb.get_attribute("aria-valuetext")
        assert float(thumb.get_attribute("aria-valuenow") or "") == pytest.approx(shown, abs=0.01)
        assert page.evaluate(THUMB) == pytest.approx(shown / last, abs=0.01)

    wait_until_passes(page, matches)
    if position <= last:
        expect(page.locator("#window-label")).to_have_text(words)
    expect(page.locator("#range")).to_have_text(re.compile(r"\d\d:\d\d.* \S \D*\d"))
    page.keyboard.press("l")
    expect(page.locator("#pause")).to_have_text("Pause")
    expect(page.locator("#range")).to_have_text("")
    expect(page.locator("#window-label")).to_have_text(thumb.get_attribute("aria-valuetext") or "")


# A slider that shows the first of two values late, as a slow browser does, and has the focus.
SLOW_SLIDER = """() => {
    const container = document.createElement("div");
    container.innerHTML = '<span role="slider" tabindex="0" aria-valuenow="5"></span>';
    document.body.append(container);
    window.thumb = container.firstChild;
    let ignored = 1;
    window.dash_clientside = { set_props: (_, { value }) => {
        if (value !== 0 && ignored-- > 0) return;
        thumb.setAttribute("aria-valuenow", value);
    } };
    window.slider = new window.dashapp.WindowSlider("window", [10, 15, 20, 30, 60, 100], container);
    thumb.focus();
}"""


def test_focused_slider_drops_only_an_earlier_value_of_the_page(page: Page) -> None:
    load_scripts(page, "ui/window_slider.js")
    page.evaluate(SLOW_SLIDER)
    thumb = page.locator("[role=slider]")
    page.evaluate("slider.show(10)")
    expect(thumb).to_have_attribute("aria-valuenow", "0")
    page.evaluate("slider.show(15)")
    expect(thumb).to_have_attribute("aria-valuenow", "1")
    # The user's own value stays until Dash reports it.
    page.evaluate("() => { thumb.setAttribute('aria-valuenow', 3); slider.check(0); }")
    expect(thumb).to_have_attribute("aria-valuenow", "3")


def test_later_keeps_length_when_it_reaches_now(page: Page, live: Live) -> None:
    page.keyboard.press("-")
    page.keyboard.press("-")
    expect(page.locator("#window-label")).to_have_text("5 minutes")
    page.keyboard.press("ArrowLeft")
    wait_for_state(page, "paused")
    page.keyboard.press("+")
    expect(page.locator("#window-label")).to_have_text("3 minutes")
    wait_until(page, lambda: window(page) == 180)
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    wait_for_state(page, "live")
    expect(page.locator("#window-label")).to_have_text("3 minutes")
    assert_drawn_equals_store(page, live.store)


def test_live_button_restores_window_before_zoom(page: Page, live: Live) -> None:
    page.evaluate(
        "dashapp.page.onZoom(dashapp.page.liveView.liveRange().map((t, side) => t - 40000 + side * 5000))"
    )
    wait_for_state(page, "paused")
    expect(page.locator("#window-label")).not_to_have_text("100 seconds")
    page.click("#pause")
    wait_for_state(page, "live")
    expect(page.locator("#window-label")).to_have_text("100 seconds")
    assert_drawn_equals_store(page, live.store)


RANGE = """(panel) => {
    const gd = document.querySelector(`[data-panel="${panel}"] .js-plotly-plot`);
    if (!gd?._fullLayout?.yaxis || !gd.data.length || !gd.data[0].x.length) return null;
    const { range, ticktext } = gd._fullLayout.yaxis;
    const bounds = (gd._fullLayout.shapes ?? []).filter(({ name }) => name === "bound").map(({ y0 }) => y0);
    return { range, ticktext, bounds };
}"""
AXES = {
    # values, unit, low, high: lowest and highest value that must be visible, and the bounds drawn as lines
    "exceeds": ([250.0, 20.0], "%", 0, 100, [100]),
    "below": ([-50.0, 20.0], "%", 0, 100, [0]),
    "within": ([20.0, 100.0], "%", 0, 100, []),
    "negative": ([-5.0, -7.0], "", None, None, []),
    "constant": ([5.0, 5.0], "", None, None, []),
    "zero": ([0.0, 0.0], "B/s", 0, None, []),
    "tiny": ([1e-9, 2e-9], "", 0, None, []),
    "huge": ([1e300, -1e300], "", None, None, []),
    "surprise": ([-3.0, 5.0], "B/s", 0, None, [0]),
}


def test_axis_contains_every_value(page: Page, serve: Serve) -> None:
    live = serve(past=2, feeding=False)
    now = live.feeder.newest
    metrics = {
        name: Metric(f"{name}.value", name, unit, name, low, high)
        for name, (_, unit, low, high, _) in AXES.items()
    }
    live.store.describe([*live.store.metrics(), *metrics.values()])
    for second in range(1, 20):
        values = {f"{name}.value": axis[0][second % 2] for name, axis in AXES.items()}
        live.store.append(Tick(now + second, 1.0, values))
    page.set_viewport_size({"width": 1200, "height": 4000})
    page.goto(live.url)

    def is_fitted(name: str) -> None:
        values, unit, low, high, bounds = AXES[name]
        axis = page.evaluate(RANGE, name)
        assert axis["range"][0] <= min(values)
        assert axis["range"][1] > max(values)
        assert axis["bounds"] == bounds
        texts = axis["ticktext"]
        assert len(set(texts)) == len(texts) >= 2
        # The unit is there once, at the top.
        assert [("%" in text or "B/s" in text) for text in texts[:-1]] == [False] * (len(texts) - 1)
        assert not unit or texts[-1].endswith(unit)
        if not bounds and low == 0 and high == 100:
            assert axis["range"] == [0, 101]

    for name in AXES:
        wait_until_passes(page, partial(is_fitted, name))
    wait_until(page, lambda: drawing(page))
