"""More metrics than fit on screen: the page requests the visible ones and reports the rest."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs

import pytest
from chart_assertions import wait_for_state
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import stays, still_box, wait_until, wait_until_passes

from dashapp.model.ticks import Metric, Tick

WIDE = [Metric(f"wide.m{number:04}", f"m{number}", "", "wide") for number in range(1000)]
SMALL = [Metric(f"small{part}.{name}", name, "", f"small{part}") for part in range(4) for name in "ab"]
# The lines of a chart or heat map that is drawn, and the number of their points.
POINTS = """(panel) => {
    const { charts = [], shownSeries } = dashapp.page?.liveView ?? {};
    const chart = charts.find((each) => each.panel === panel);
    const count = (key) => (shownSeries.y[key] ?? []).filter((value) => value !== null).length;
    return chart?.expected ? chart.legendLines().map(({ metric }) => [metric.key, count(metric.key)]) : [];
}"""


@pytest.fixture
def page(page: Page) -> Page:
    page.set_viewport_size({"width": 1000, "height": 700})
    return page


@pytest.fixture(scope="module")
def filled(serve_all: Serve) -> Live:
    live = serve_all(feeding=False, past=1, age=60)
    now = live.feeder.newest
    live.store.describe([*WIDE, *SMALL])
    for second in range(1, 60):
        values = {metric.key: float(place) for place, metric in enumerate([*WIDE, *SMALL])}
        live.store.append(Tick(now + second, 1.0, values))
    return live


@pytest.fixture
def live(filled: Live) -> Live:
    filled.trouble.asked.clear()
    return filled


def asked(live: Live) -> list[list[str]]:
    return [parse_qs(query).get("metrics", [""])[0].split(",") for query in live.trouble.asked]


def test_page_requests_only_visible_metrics(page: Page, live: Live) -> None:
    page.goto(live.url)
    panel = page.locator('[data-panel="wide"]')
    panel.scroll_into_view_if_needed()
    wait_until(page, lambda: len(page.evaluate(POINTS, "wide")) > 10)
    assert all(1 <= len(keys) <= 64 for keys in asked(live))
    assert all("" not in keys for keys in asked(live))
    expect(panel.locator(".line-filter")).to_have_text(re.compile(r"^[56]\d of 1,000 lines$"))
    # The rest can be reached: the next lines, or those that the filter names.
    panel.get_by_role("button", name="Next lines").click()

    def shows_next() -> bool:
        """the lines begin with that in the caption, and have points"""
        first = int(panel.locator(".heat-map-rows").inner_text().split("\u2013")[0])
        keys = [key for key, count in page.evaluate(POINTS, "wide") if count]
        return first > 20 and keys[0] == WIDE[first - 1].key

    wait_until(page, shows_next)
    panel.get_by_label("filter lines by name").fill("M099")
    wait_until(page, lambda: len(page.evaluate(POINTS, "wide")) == 10)
    assert all(count > 0 and key.startswith("wide.m099") for key, count in page.evaluate(POINTS, "wide"))
    expect(panel.locator(".line-filter")).to_have_text("10 of 1,000 lines")
    # So few are lines again, each in the legend.
    panel.locator(".legend-more").click()
    expect(panel.locator("[data-line]")).to_have_count(10)
    expect(panel.locator("canvas[data-heatmap]")).to_have_count(0)
    panel.get_by_label("filter lines by name").fill("")
    page.locator('[data-panel="small3"]').scroll_into_view_if_needed()
    wait_until(page, lambda: [n for _, n in page.evaluate(POINTS, "small3")] == [59, 59])
    wait_until(page, lambda: {"small3.a", "small3.b"} <= set(asked(live)[-1]))
    assert page.evaluate("window.flights.most") == 1


def test_panel_scrolled_into_view_is_drawn_during_pause(page: Page, live: Live) -> None:
    page.goto(live.url + "?window=30")
    wait_until(page, lambda: page.evaluate(POINTS, "wide"))
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    page.locator('[data-panel="small3"]').scroll_into_view_if_needed()
    wait_until(page, lambda: [n >= 30 for _, n in page.evaluate(POINTS, "small3")] == [True, True])
    # Zooming in needs no new response.
    asked = len(live.trouble.asked)
    page.evaluate(
        "dashapp.page.onZoom(dashapp.page.liveView.pausedRange.map((end, side) => end + 5000 - side * 10000))"
    )
    # The page would send a request for a past range before any other.
    stays(
        lambda: not any("from=" in query for query in live.trouble.asked[asked:]),
        lambda: len(live.trouble.asked) >= asked + 2,
        page,
    )


def test_panel_of_1000_metrics_does_not_starve_others(page: Page, live: Live) -> None:
    page.set_viewport_size({"width": 1000, "height": 2600})
    page.goto(live.url)
    for part in range(4):
        wait_until(page, lambda p=part: [n for _, n in page.evaluate(POINTS, f"small{p}")] == [59, 59])
    wait_until(page, lambda: len(page.evaluate(POINTS, "wide")) > 20)


def turn_up(live: Live) -> None:
    live.feeder.stop()
    live.store.describe([*live.store.metrics(), Metric("train.loss", "Loss", "", "train_run")])
    for _ in range(20):
        live.store.append(Tick(live.feeder.newest + 0.5, 0.5, {"cpu.percent": 5.0, "train.loss": 0.3}))


def test_new_panel_is_drawn_and_can_be_hidden(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    page.goto(live.url)
    wait_until(page, lambda: page.evaluate(POINTS, "cpu"))
    turn_up(live)
    wait_until(page, lambda: [n for _, n in page.evaluate(POINTS, "train_run")] == [20])
    panel = page.locator('[data-panel="train_run"]')
    expect(panel.locator("h2")).to_contain_text("Train run")
    panel.locator(".more").click()
    page.get_by_role("menuitem", name="Hide", exact=True).click()
    expect(panel).to_be_hidden()


@pytest.mark.parametrize("chosen", ["link", "memory"])
def test_new_panel_stays_hidden_when_link_or_storage_excludes_it(
    page: Page, serve: Serve, chosen: str
) -> None:
    live = serve(interval=0.5)
    if chosen == "memory":
        kept = json.dumps({"version": 1, "hidden": ["train_run"]})
        page.goto(live.url + "healthz")
        page.evaluate("(kept) => localStorage.setItem('dashapp', kept)", kept)
    page.goto(live.url + ("?panels=cpu" if chosen == "link" else ""))
    wait_until(page, lambda: page.evaluate(POINTS, "cpu"))
    turn_up(live)
    page.wait_for_selector('[data-panel="train_run"]:not(.absent)', state="attached")
    expect(page.locator('[data-panel="train_run"]')).to_be_hidden()
    expect(page.locator('[data-panel="cpu"]')).to_be_visible()


def test_tooltip_of_many_lines_shows_highest_and_stays_in_panel(page: Page, live: Live) -> None:
    page.goto(live.url + "?window=30")
    panel = page.locator('[data-panel="wide"]')
    panel.scroll_into_view_if_needed()
    wait_until(page, lambda: len(page.evaluate(POINTS, "wide")) > 10)
    box = still_box(page, '[data-panel="wide"] canvas[data-heatmap]')
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 40)
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 40)
    tooltip = panel.locator(".tooltip")

    def shows_highest() -> None:
        expect(tooltip.locator(".tooltip-rest")).to_have_text(re.compile(r"^and [45]\d lower$"))
        # The line below the mouse comes first.
        below, *values = [int(text) for text in tooltip.locator("b").all_inner_texts()]
        assert values == sorted(values, reverse=True)
        assert below not in values
        assert len(values) == 9
        inside, outside = tooltip.bounding_box(), panel.bounding_box()
        assert inside
        assert outside
        assert outside["x"] <= inside["x"]
        assert inside["x"] + inside["width"] <= outside["x"] + outside["width"]
        assert inside["y"] + inside["height"] <= page.evaluate("innerHeight")

    # Each tick changes the values.
    wait_until_passes(page, shows_highest)
    # The title shows the lowest and the highest value.
    expect(panel.locator("h2 .value")).to_contain_text("\u2013")
