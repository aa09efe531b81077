"""Curve panels: each response replaces the curve, and navigation in time does not move it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from chart_assertions import judged, wait_for_state
from page_downloads import png_size, save
from playwright.sync_api import Page, expect
from processes import dashapp
from served_page import Live, Serve
from waiting import still_box, wait_until, wait_until_passes

from dashapp.model.ticks import Curves, Metric, Tick

POINTS = Metric("growth.points", "growth", "points", "growth", 0)
PANEL = '[data-panel="growth"]'
DRAWN = f"""() => {{
    const gd = document.querySelector('{PANEL} .js-plotly-plot');
    if (!gd?.calcdata) return null;
    return {{
        type: gd._fullLayout.xaxis.type,
        curves: gd.data.map((trace) => [trace.name, [...trace.x], [...trace.y]]),
        seen: gd.querySelectorAll(".scatterlayer .trace").length,
        axis: gd._fullLayout.yaxis.range,
    }};
}}"""


def doubling(count: int) -> Curves:
    return Curves([[float(n) for n in range(count)]], [[2.0**n for n in range(count)]], ["growth"])


def expected(curves: Curves) -> list[Any]:
    return [[name, x, y] for name, x, y in zip(curves.names, curves.x, curves.y, strict=True)]


def drawn(page: Page) -> list[Any]:
    found = page.evaluate(DRAWN)
    # A number above 2**53 arrives as the shortest decimal that rounds to it.
    return [[name, x, [y and float(y) for y in ys]] for name, x, ys in found["curves"]] if found else []


def expect_drawn(page: Page, curves: Curves) -> None:
    wait_until(page, lambda: drawn(page) == expected(curves))


# Nothing feeds these stores: two seconds after a tick the page is stale.
FOLLOWING = f"{judged('live')}, {judged('stale')}"


@pytest.fixture
def page(page: Page) -> Page:
    page.set_viewport_size({"width": 1000, "height": 1300})
    return page


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    live = serve_all(feeding=False, past=30, interval=0.2)
    live.store.describe([*live.store.metrics(), POINTS], {"growth": "curve"})
    return live


@pytest.fixture
def live(page: Page, served: Live) -> Live:
    """The page with a curve of five points."""
    give(served, doubling(5))
    page.goto(served.url)
    expect_drawn(page, doubling(5))
    return served


def give(live: Live, curves: Curves) -> None:
    live.store.set_curves({"growth": curves})
    count = sum(map(len, curves.x))
    append(live, {"cpu.percent": 5.0, "growth.points": count})


def append(live: Live, values: dict[str, float]) -> None:
    live.store.append(Tick(max(time.time(), live.feeder.newest + 0.001), 0.2, values))


def test_curve_is_replaced_not_appended(page: Page, live: Live) -> None:
    for count in (6, 7, 1, 2, 61):
        give(live, doubling(count))
        expect_drawn(page, doubling(count))

    def fits() -> None:
        found = page.evaluate(DRAWN)
        assert (found["type"], found["seen"]) == ("linear", 1)
        assert found["axis"][1] > 2.0**60, "the axis goes with the curve"

    wait_until_passes(page, fits)
    assert any("curves=1" in query for query in live.trouble.asked)
    # Several curves, gaps, and no curve.
    x, y = [[0.0, 1.5], [3.0, 1.0, 2.0]], [[1.0, None], [5.0, None, 6.0]]
    two = Curves(x, y, ["<b>a</b>", "b"], "°C", 0, 50)
    give(live, two)
    both = [[x, y] for x, y in zip(two.x, two.y, strict=True)]
    wait_until(page, lambda: [each[1:] for each in drawn(page)] == both)
    wait_until(page, lambda: page.evaluate(DRAWN)["axis"] == [0, 50.5])
    expect(page.locator(f"{PANEL} b")).to_have_count(0)
    live.store.set_curves({})
    append(live, {"cpu.percent": 5.0})
    wait_until(page, lambda: drawn(page) == [])


def test_curve_stays_unchanged_during_pause_and_updates_on_resume(page: Page, live: Live) -> None:
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    asked = len(live.trouble.asked)
    give(live, doubling(9))
    wait_until(page, lambda: len(live.trouble.asked) > asked + 1)
    page.set_viewport_size({"width": 800, "height": 1200})
    page.evaluate("dashapp.page.theme.set('dark')")
    page.evaluate("dashapp.page.liveView.renderQueue.redraw(true)")
    settled = "dashapp.page.liveView.charts.every((chart) => !chart.dirty || !chart.onScreen)"
    wait_until(page, lambda: page.evaluate(settled))
    wait_until(page, lambda: drawn(page) == expected(doubling(5)))
    page.keyboard.press("p")
    expect_drawn(page, doubling(9))


def test_curve_axis_ignores_zoom_of_other_chart(page: Page, live: Live) -> None:
    axis = f"() => document.querySelector('{PANEL} .js-plotly-plot')._fullLayout.xaxis.range"
    before = page.evaluate(axis)
    box = still_box(page, '[data-panel="cpu"] .nsewdrag')
    page.mouse.move(box["x"] + 200, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 50, steps=5)
    page.mouse.up()
    wait_for_state(page, "paused")
    assert page.evaluate(axis) == before
    wait_until(page, lambda: drawn(page) == expected(doubling(5)))
    # Dragging in the curve panel has no effect either.
    page.keyboard.press("p")
    page.wait_for_selector(FOLLOWING)
    page.locator(PANEL).scroll_into_view_if_needed()
    box = still_box(page, f"{PANEL} .js-plotly-plot")
    page.mouse.move(box["x"] + 150, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 350, box["y"] + 100, steps=5)
    page.mouse.up()
    give(live, doubling(6))
    expect_drawn(page, doubling(6))
    expect(page.locator("#status")).not_to_have_attribute("data-state", "paused")


def test_curve_panel_can_be_hidden_enlarged_and_downloaded(page: Page, live: Live, tmp_path: Path) -> None:
    path = save(page, f"{PANEL} .more", "Download PNG", tmp_path)
    assert png_size(path)[0] == 1800
    page.evaluate("dashapp.page.panelOrder.setHidden('growth', true)")
    give(live, doubling(7))
    page.evaluate("dashapp.page.panelOrder.setHidden('growth', false)")
    page.evaluate("dashapp.page.panelOrder.setLarge('growth', true)")
    expect_drawn(page, doubling(7))
    expect(page.locator(f"{PANEL} h2 .value")).to_have_text("7 points")


def test_several_curves_have_rows_in_the_legend_and_can_be_hidden(page: Page, live: Live) -> None:
    rows = page.locator(f"{PANEL} .legend-line")
    expect(rows).to_have_count(0)
    two = Curves(
        [[0.0, 1.0, 2.0], [0.0, 1.0]], [[1.0, 3.0, None], [5.0, 8.0]], ["<b>train</b>", "test"], "°C"
    )
    give(live, two)
    expect(rows.locator("bdi")).to_have_text(["<b>train</b>", "test"])
    expect(rows.locator(".value")).to_have_text(["3.0\u202f°C", "8.0\u202f°C"])
    expect(rows.locator('[data-stat="mean"]')).to_have_text(["2.0\u202f°C", "6.5\u202f°C"])
    # Plotly's own legend would show the same names again.
    expect(page.locator(f"{PANEL} .js-plotly-plot g.legend")).to_have_count(0)
    rows.nth(1).click()
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "false")
    wait_until(page, lambda: page.evaluate(DRAWN)["seen"] == 1)
    # The address keeps it hidden, also when the curves change.
    page.reload()
    expect(rows.nth(1)).to_have_attribute("aria-pressed", "false")
    give(live, Curves(two.x, [[1.0, 4.0, 2.0], [5.0, 9.0]], two.names, "°C"))
    expect(rows.locator(".value")).to_have_text(["2.0\u202f°C", "9.0\u202f°C"])
    wait_until(page, lambda: page.evaluate(DRAWN)["seen"] == 1)
    # A curve alone is always shown.
    give(live, Curves([[0.0, 1.0]], [[5.0, 8.0]], ["test"]))
    expect(rows).to_have_count(0)
    wait_until(page, lambda: page.evaluate(DRAWN)["seen"] == 1)


def test_curve_is_redrawn_after_dash_resets_graph(page: Page, live: Live) -> None:
    """Dash draws the graph again with its initial data; the page notices that after the draw."""
    give(live, doubling(8))
    expect_drawn(page, doubling(8))
    page.evaluate(
        f"""() => {{
            const gd = document.querySelector('{PANEL} .js-plotly-plot');
            return Plotly.react(gd, [{{ x: [1], y: [1] }}], gd.layout).then(() => null);
        }}"""
    )
    expect_drawn(page, doubling(8))


def test_page_without_curve_panel_requests_no_curves(page: Page, serve: Serve) -> None:
    live = serve()
    page.goto(live.url)
    wait_until(page, lambda: len(live.trouble.asked) > 2)
    assert not any("curves" in query for query in live.trouble.asked)


def test_new_curve_panel_appears_on_open_page(page: Page, serve: Serve) -> None:
    live = serve(feeding=False, past=30, interval=0.2)
    page.goto(live.url)
    page.wait_for_selector(FOLLOWING)
    live.store.describe([*live.store.metrics(), POINTS], {"growth": "curve"})
    give(live, doubling(3))
    page.locator(PANEL).scroll_into_view_if_needed()
    for count in (4, 5):
        give(live, doubling(count))
        expect_drawn(page, doubling(count))


def test_curve_of_function_source_is_drawn_whole(page: Page, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import itertools\nimport dashapp\ncount = itertools.cycle(range(1, 9))\n"
        "@dashapp.source(kind='curve', every=0.5)\n"
        "def growth():\n    return [2**n for n in range(next(count))]\n"
    )
    with dashapp(tmp_path, "--source", "none", "--source", "mine:growth", "--interval", "0.5") as app:
        app.serving()
        page.goto(f"http://127.0.0.1:{app.port}/")
        seen: set[int] = set()
        wrong: list[Any] = []

        def grown() -> bool:
            """Return whether curves of three lengths were drawn; each must be complete."""
            for _, x, y in drawn(page):
                if (x, y) != ([*range(len(x))], [2**n for n in x]):
                    wrong.append((x, y))
                seen.add(len(x))
            return len(seen) >= 3

        wait_until(page, grown)
        assert not wrong
