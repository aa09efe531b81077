"""Appearance and access: dark and light, a phone, the Tab key, and hostile labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest
from chart_assertions import assert_drawn_equals_store, heard, wait_for_state
from fake_collector import METRICS
from page_scripts import load_scripts
from playwright.sync_api import Browser, Page, expect
from served_page import Live, Serve
from tab import ZONE
from waiting import still_box, wait_until, wait_until_passes

from dashapp.model.ticks import Metric

COLOURS = """() => {
    const brightness = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).reduce((sum, part) => sum + +part, 0);
    const style = (selector) => getComputedStyle(document.querySelector(selector));
    return {
        ground: brightness(style("body").backgroundColor),
        card: brightness(style(".panel").backgroundColor),
        text: brightness(style("h1").color),
        label: brightness(style(".xtick text").fill),
    };
}"""
SPANS = """() => [...document.querySelectorAll('[data-panel="cpu"] .xtick text')].map((text) => {
    const box = text.getBoundingClientRect();
    return [box.left, box.right];
})"""


HOSTILE = [
    '<a href="javascript:alert(1)">click</a>',
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "%{y}<br><b>" + "x" * 500,
    "&lt;b&gt; \u202e \x00",
]


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    return serve_all()


def test_open_page_follows_system_colour_scheme(page: Page, live: Live) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)

    def is_light() -> None:
        light = page.evaluate(COLOURS)
        assert light["ground"] > 600
        assert light["card"] > light["text"] + 400
        assert light["card"] > light["label"] + 250

    def is_dark() -> None:
        dark = page.evaluate(COLOURS)
        assert dark["ground"] < 150
        assert dark["card"] + 400 < dark["text"]
        assert dark["card"] + 250 < dark["label"]

    wait_until_passes(page, is_light)
    page.emulate_media(color_scheme="dark")
    wait_until_passes(page, is_dark)
    assert_drawn_equals_store(page, live.store)


def test_phone_page_has_no_horizontal_scrolling(chromium: Browser, live: Live) -> None:
    context = chromium.new_context(
        viewport={"width": 390, "height": 800}, is_mobile=True, has_touch=True, timezone_id=ZONE
    )
    page = context.new_page()
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    wait_until(page, lambda: page.evaluate("document.documentElement.scrollWidth") == 390)
    spans = sorted(page.evaluate(SPANS))
    assert len(spans) >= 2
    page.locator("#window .dash-slider-mark:visible").nth(1).wait_for()
    marks = page.locator("#window .dash-slider-mark:visible").all()
    for box in [mark.bounding_box() for mark in marks]:
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert all(right < left for (_, right), (left, _) in pairwise(spans))
    for control in ("#pause", "#window [role=slider]", "#status"):
        box = page.locator(control).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 800
    page.tap("#pause")
    wait_for_state(page, "paused")
    page.tap("#pause")
    wait_for_state(page, "live")
    page.touchscreen.tap(200, 300)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    context.close()


def test_tab_key_reaches_controls_with_visible_focus(page: Page, live: Live) -> None:
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    expect(page.locator("#window [role=slider]")).to_have_attribute("aria-valuetext", "100 seconds")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            """() => { const e = document.activeElement;
            return [e.id || e.getAttribute("role"), e.getAttribute("aria-label") || e.textContent,
                    getComputedStyle(e).outlineStyle]; }"""
        )
        reached.append(tuple(focus))
        if focus[1] == "CPU: menu":
            break
    assert ("pause", "Pause", "solid") in reached
    assert ("menu", "Menu", "solid") in reached
    assert any(name == "CPU: menu" for _, name, _ in reached)
    assert {style for _, _, style in reached} == {"solid"}
    assert ("slider", "Time on screen", "solid") in reached
    # The controls of time come first.
    names = [name for _, name, _ in reached]
    assert names.index("Earlier (left arrow)") <= 6
    assert names.index("Time on screen") <= 6
    expect(page.get_by_role("figure", name="CPU: chart")).to_be_visible()


def test_hostile_labels_are_shown_as_text(page: Page, serve: Serve) -> None:
    console = heard(page)
    live = serve()
    labelled = zip(METRICS, HOSTILE, strict=True)
    metrics = [Metric(m.key, label, label, "cores", m.low, m.high) for m, label in labelled]
    # Without control characters.
    labels = [metric.label for metric in metrics]
    live.store.describe(metrics)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    legend = page.locator('[data-panel="cores"] .legend-line bdi')
    expect(legend).to_have_count(len(HOSTILE))
    expect(legend.locator("a")).to_have_count(0)
    for shown, label in zip(legend.all_text_contents(), labels, strict=True):
        assert shown
        # Without the character that reverses what follows.
        assert shown.replace("…", "") in label.replace("\u202e", "")
    # Units of 500 characters do not widen the page.
    wait_until(page, lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
    box = still_box(page, '[data-panel="cores"] .nsewdrag')
    page.mouse.move(box["x"] + 300, box["y"] + 60)
    page.mouse.move(box["x"] + 304, box["y"] + 60)
    expect(page.locator('[data-panel="cores"] .tooltip bdi')).to_have_text(labels)
    expect(page.locator(".js-plotly-plot a, .js-plotly-plot img")).to_have_count(0)
    assert console == []


def test_status_uses_24_hour_times_in_us_locale(chromium: Browser, serve: Serve) -> None:
    live = serve(feeding=False, age=3600)
    with closing(chromium.new_context(locale="en-US", timezone_id="America/New_York")) as context:
        page = context.new_page()
        page.goto(live.url)
        wait_for_state(page, "stale")
        expect(page.locator("#status")).to_have_text(re.compile(r"since \D*.*\b\d\d:\d\d:\d\d$"))


@pytest.fixture(scope="module")
def scripts(chromium: Browser) -> Iterator[Page]:
    """An empty page with some of our scripts."""
    with closing(chromium.new_context(timezone_id=ZONE)) as context:
        page = context.new_page()
        load_scripts(
            page,
            *("ui/numbers.js", "ui/time_zone.js", "ui/times.js"),
            *("charts/traces.js", "charts/tooltip.js", "panels/tiles.js"),
        )
        yield page


# The sparkline of a tile over half an hour. It has a gap of ten minutes, two empty points at any position of
# the series, and a spike. Returns the ink in the middle of the gap, and whether the spike and the line are
# drawn.
SPARK = """(at) => {
    const series = { t: [], y: { cpu: [] }, firstIndex: 0 };
    for (let second = 0; second < 1200; second += 1) {
        const value = second === at + 333 ? 90 : 10;
        series.t.push(second < at ? second : second + 600);
        series.y.cpu.push(second === at || second === at - 1 ? null : value);
    }
    const canvas = document.createElement("canvas");
    canvas.style.cssText = "display: block; width: 300px; height: 40px; color: black";
    document.body.replaceChildren(canvas);
    const size = { width: 300, height: 40 };
    const metrics = [{ key: "cpu", low: 0, high: 100 }];
    window.dashapp.drawSparkline(canvas, size, "black", series, metrics, [0, 1800]);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const ink = (x, top, bottom) => {
        let count = 0;
        for (let y = top; y < bottom; y += 1) count += data[4 * (y * canvas.width + x) + 3] > 0;
        return count;
    };
    const [hole, spike] = [at + 300, at + 333 + 600].map((second) => Math.round(second / 6));
    return [ink(hole, 0, 40), ink(spike - 1, 0, 20) + ink(spike, 0, 20) > 0, ink(10, 0, 40) > 0];
}"""


def test_tile_sparkline_shows_gaps_and_spikes(scripts: Page) -> None:
    for at in range(400, 412):
        assert scripts.evaluate(SPARK, at) == [0, True, True]


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (12.0, "%", "12.0 %"),
        (99.96, "%", "100.0 %"),
        (0.0, "%", "0.0 %"),
        (0.04123, "%", "0.04 %"),
        (-3e-7, "%", "-3E-7 %"),
        (250.0, "%", "250.0 %"),
        (1e300, "%", "1E300 %"),
        (3e-7, "", "3E-7"),
        (-1e300, "", "-1E300"),
        (3e-7, "B/s", "3E-7 B/s"),
        (3e-7, "1/s", "3E-7/s"),
        (0.0, "B/s", "0 B/s"),
        (512.0, "B", "512 B"),
        (5e6, "B/s", "5.00 MB/s"),
        (8180.0, "B/s", "8.18 kB/s"),
        (999_600.0, "B", "1.00 MB"),
        (-12_345.0, "B", "-12.3 kB"),
        (2.5e18, "B", "2.50 EB"),
        (0.25, "s", "250 ms"),
        (1.6, "s", "1.60 s"),
        (0.0042, "s", "4.20 ms"),
        (119.0, "s", "119 s"),
        (200.0, "s", "3 min"),
        (0.0, "s", "0 s"),
        (0.004, "ms", "0.00400 ms"),
        (-0.00412345, "°C", "-0.004 °C"),
        (1e-12, "°C", "1E-12 °C"),
        (45.678, "°C", "45.7 °C"),
        (45.0, "°C", "45.0 °C"),
        (1234.5, "rpm", "1,235 rpm"),
        (999.7, "rpm", "1,000 rpm"),
        (182.345, "", "182.3"),
        (182.0, "", "182"),
        (1.2, "", "1.200"),
        (9.9996, "", "10.00"),
        (1234567.0, "", "1,234,567"),
        (0.123456, "1/s", "0.123/s"),
        (1, "up/down", "up"),
        (0, "up/down", "down"),
        (0.9994, "up/down", "99.9 %"),
        (-3.5, "days", "-3.50 days"),
    ],
)
def test_format_quantity_is_short_and_keeps_small_values(
    scripts: Page, value: float, unit: str, words: str
) -> None:
    text = scripts.evaluate("([value, unit]) => window.dashapp.formatQuantity(value, unit)", [value, unit])
    assert text == words.replace(" ", "\u202f")


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"value": 52.8, "low": None, "high": None}, "52.8 %"),
        ({"value": 52.8, "low": 52.8, "high": 52.8}, "52.8 %"),
        ({"value": 52.8, "low": 40.1, "high": 91.5}, "52.8 % (40.1 % \u2013 91.5 %)"),
    ],
)
def test_tooltip_of_downsampled_point_shows_its_extremes(
    scripts: Page, point: dict[str, float | None], words: str
) -> None:
    text = scripts.evaluate("(point) => window.dashapp.formatPoint(point, '%')", point)
    assert text == words.replace(" %", "\u202f%")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (10, "10 seconds"),
        (1, "1 second"),
        (9.96, "10 seconds"),
        (5.25, "5.3 seconds"),
        (100, "100 seconds"),
        (90, "1.5 minutes"),
        (61.4, "61 seconds"),
        (300, "5 minutes"),
        (4321, "1 hour 12 minutes"),
        (7199, "2 hours"),
        (43_200, "12 hours"),
        (86_399.9, "1 day"),
        (100_000, "1 day 4 hours"),
        (31_536_000, "1 year"),
        (63_071_999, "2 years"),
    ],
)
def test_length_on_screen_has_at_most_two_units(scripts: Page, seconds: float, words: str) -> None:
    assert scripts.evaluate("(seconds) => window.dashapp.formatDurationLong(seconds)", seconds) == words
