"""Forecasts in tiles, titles and charts, and the band of usual values."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from built_charts import drawn
from faulty_server import Served
from long_series import CPU, DAY, FILESYSTEM, HOUR, fill_days, rising
from playwright.sync_api import Page, expect
from waiting import wait_until

from dashapp.config.settings import Settings
from dashapp.model.ticks import Metric
from dashapp.stores.disk.reader import DiskReader
from dashapp.web.app import create_app

LOAD = Metric("load.1", "Load, 1 min", "", "load", 0.0)
# The ranges of the axes, and how many pixels below the lines are painted.
STATE = """(panel) => {
    const section = document.querySelector(`[data-panel="${panel}"]`);
    const layout = section?.querySelector(".js-plotly-plot")?._fullLayout;
    if (!layout) return { painted: 0 };
    const canvas = section.querySelector(".plot-canvas:not(.above)");
    const context = canvas?.getContext("2d");
    const data = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let painted = 0;
    for (let index = 3; index < data.length; index += 4) painted += data[index] > 0;
    return { y: [...layout.yaxis.range], length: layout.xaxis.range[1] - layout.xaxis.range[0], painted };
}"""

USUAL = re.compile(r"^usual 1[01]\.\d\s% . 1[89]\.\d\s%$")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A disk that fills for a week, and a CPU at this hour of four weeks."""
    now = int(time.time()) // 60 * 60
    disk = rising(5, 60, now)

    def values(at: float) -> Mapping[str, float]:
        is_near = min((now - at) % (7 * DAY), (at - now) % (7 * DAY)) < 2 * HOUR
        cpu = {CPU.key: 10.0 + at % 600 / 60, LOAD.key: 1.0} if is_near else {}
        return cpu | ({FILESYSTEM.key: disk(at)} if at > now - 7.5 * DAY else {})

    folder: Path = tmp_path_factory.mktemp("store")
    fill_days(folder, values, 28.2, [CPU, LOAD, FILESYSTEM], minutes=28.2, now=now).close()
    reader = DiskReader(folder)
    server = Served(create_app(reader, Settings(store=str(folder))))
    yield server
    server.close()
    reader.close()


def test_forecast_is_in_the_tile_and_the_title_and_below_a_long_chart(page: Page, served: Served) -> None:
    page.goto(f"{served.url}?window=300")
    text = re.compile(r"^full in 8 days")
    expect(page.locator('.tile[data-leads="filesystem"] .tile-forecast')).to_have_text(text)
    section = page.locator('[data-panel="filesystem"]')
    section.scroll_into_view_if_needed()
    expect(section.locator("h2 .forecast")).to_have_text(text)
    expect(page.locator('[data-panel="cpu"] h2 .forecast')).to_have_count(0)
    page.goto(f"{served.url}?window={3 * DAY}")
    section.scroll_into_view_if_needed()
    state = wait_until(page, lambda: (found := page.evaluate(STATE, "filesystem"))["painted"] and found)
    # The limit of 100 is in the future, and the chart ends now.
    assert state["y"] == [0, 101]
    assert state["length"] == pytest.approx(3000 * DAY)


def test_forecast_is_hidden_while_the_page_shows_the_past(page: Page, served: Served) -> None:
    page.goto(served.url)
    tile = page.locator('.tile[data-leads="filesystem"] .tile-forecast')
    expect(tile).to_have_text(re.compile("^full in"))
    page.keyboard.press("ArrowLeft")
    expect(tile).to_have_text("")
    page.keyboard.press("l")
    expect(tile).to_have_text(re.compile("^full in"))


def test_usual_range_is_toggled_and_remembered(page: Page, served: Served) -> None:
    page.goto(f"{served.url}?window=600")
    expect(page.locator('[data-panel="cpu"] .js-plotly-plot')).to_be_visible()
    before = wait_until(page, lambda: "y" in (found := page.evaluate(STATE, "cpu")) and found)
    mark = page.locator('[data-panel="cpu"] h2 .usual')
    expect(mark).to_have_count(0)
    page.keyboard.press("u")
    expect(mark).to_have_text(USUAL)
    expect(page).to_have_url(re.compile(r"usual=1"))
    after = wait_until(
        page, lambda: (found := page.evaluate(STATE, "cpu"))["painted"] > before["painted"] and found
    )
    assert (after["y"], after["length"]) == (before["y"], before["length"])
    page.goto(served.url)
    expect(mark).to_have_text(USUAL)
    page.keyboard.press("u")
    expect(mark).to_have_text("")
    expect(page).not_to_have_url(re.compile(r"usual"))
    page.goto(served.url)
    expect(page.locator('[data-panel="cpu"] .js-plotly-plot')).to_be_visible()
    expect(mark).to_have_count(0)


def test_usual_range_says_that_there_is_too_little_history(page: Page, serve: object) -> None:
    live = serve()  # type: ignore[operator]
    page.goto(live.url)
    expect(page.locator('[data-panel="cpu"] .js-plotly-plot')).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("#note")).to_have_text(re.compile("There is too little history for usual values"))


def test_usual_range_is_not_requested_for_a_formula(page: Page, served: Served) -> None:
    key = "=load.1 * 2"
    page.goto(f"{served.url}?usual=1&chart={quote(key)}")
    wait_until(page, lambda: [key] in drawn(page).values())
    page.locator(".panel[data-built]").first.scroll_into_view_if_needed()
    shown = (
        "dashapp.page.liveView.charts.filter(({ onScreen, panel }) => onScreen && panel.startsWith('yours'))"
    )
    wait_until(page, lambda: page.evaluate(f"{shown}.length"))
    assert key not in page.evaluate("dashapp.page.usualBands.keys()")
