"""Axes that the viewer chose in the menu of a panel, and marks of alerts in charts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from chart_assertions import wait_for_state
from painted import painted_columns
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import wait_until, wait_until_passes

from dashapp.model.ticks import Metric, Tick

COUNT = 60
SPIKE = 30  # second
METRICS = [
    Metric("odd.spiky", "Spiky", "%", "odd", 0, 100),
    Metric("flat.a", "a", "B", "flat", 0),
]
AXIS = """(panel) => {
    const layout = document.querySelector(`[data-panel=${panel}] .js-plotly-plot`)?._fullLayout;
    return layout ? { type: layout.yaxis.type, range: layout.yaxis.range.map(Number) } : {};
}"""
NOTE = "[data-panel=odd] .legend-note"


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    live = serve_all(feeding=False, past=1, age=COUNT + 5)
    live.store.describe(METRICS)
    start = live.feeder.newest
    for second in range(1, COUNT):
        value = 90.0 if second == SPIKE else 5.0 + second % 3
        live.store.append(Tick(start + second, 1.0, {"odd.spiky": value, "flat.a": 10.0**second}))
    return live


def opened(page: Page, live: Live, query: str = "") -> None:
    page.goto(f"{live.url}?window={COUNT - 2}&end={live.store.newest().time_ms}&panels=odd,flat{query}")
    wait_for_state(page, "paused")


def axis(page: Page, panel: str = "odd") -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(AXIS, panel)
    return found


def choose(page: Page, text: str, panel: str = "odd") -> None:
    page.locator(f"[data-panel={panel}] .more").click()
    page.get_by_role("menuitemcheckbox", name=text).click()


def test_clipped_spikes_are_counted_and_survive_reload(page: Page, live: Live) -> None:
    opened(page, live)
    wait_until(page, lambda: axis(page)["range"][1] > 99)
    choose(page, "Clip spikes")
    wait_until(page, lambda: axis(page)["range"][1] < 20)
    expect(page.locator(NOTE)).to_have_text(
        re.compile(r"^1 point above 1\d\.\d\W% clipped; the highest is 90\.0\W%\.$")
    )
    expect(page).to_have_url(re.compile("view=odd(:|%3A)clip"))
    # The browser stores it, for a page without it in the address.
    opened(page, live)
    wait_until(page, lambda: axis(page)["range"][1] < 20)
    choose(page, "Clip spikes")
    wait_until(page, lambda: axis(page)["range"][1] > 99)
    expect(page.locator(NOTE)).to_have_text("")


def test_link_opens_logarithmic_and_fixed_axes(page: Page, live: Live) -> None:
    opened(page, live, "&view=odd:2..6.5,flat:log,unknown:log,flat:nonsense")
    wait_until(page, lambda: axis(page, "flat") == {"type": "log", "range": [1, COUNT - 1]})
    wait_until(page, lambda: axis(page)["range"] == pytest.approx([2, 6.5], abs=0.05))
    expect(page.locator(NOTE)).to_contain_text("points above 6.5")
    choose(page, "Logarithmic scale", "flat")
    wait_until(page, lambda: axis(page, "flat").get("type") == "linear")


def test_alert_is_stripe_and_red_line_beyond_limit(page: Page, live: Live) -> None:
    opened(page, live)
    newest = live.store.newest().time_ms
    spike = newest - 1000 * (COUNT - 1 - SPIKE)
    page.evaluate(
        """([from, to]) => {
            const { page } = dashapp;
            const band = { metric: "odd.spiky", from, to, limit: 50, isBelow: false };
            page.alertHistory.alertBands = (keys) => (keys.includes(band.metric) ? [band] : []);
            page.onAlertHistory();
        }""",
        [spike - 3000, spike + 3000],
    )

    def is_marked() -> None:
        near, far = painted_columns(page, "odd", [spike, spike - 2500], ".plot-canvas.above")
        assert near > 0
        assert far == 0
        stripes = page.evaluate(
            """document.querySelector("[data-panel=odd] .js-plotly-plot").layout.shapes
                 .filter(({ type }) => type === "rect").map(({ x0, x1, ysizemode }) => [x0, x1, ysizemode])"""
        )
        assert stripes == [[spike - 3000, spike + 3000, "pixel"]]

    wait_until_passes(page, is_marked)
