"""The main uses of the page, in Firefox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from chart_assertions import differences, drawing
from firefox import FirefoxTab, firefox_tab
from live_graph_app import Theirs
from served_page import Live, Serve
from tools import NO_FIREFOX, firefox
from waiting import wait_for

from dashapp.model.ticks import Metric, Tick

pytestmark = pytest.mark.skipif(firefox() is None, reason=NO_FIREFOX)

LINES, COUNT = 16, 60
ROWS = [Metric(f"many.m{number:02}", f"Line {number}", "%", "many", 0, 100) for number in range(LINES)]
PARTS = [Metric(f"cpu.{kind}", kind, "%", "cpu", 0, 100) for kind in ("user", "system")]
SHOWN = 'document.getElementById("status").dataset.state'
PAINTED = """(selector) => [...document.querySelectorAll(selector)].filter((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((value, index) => index % 4 === 3 && value > 0);
}).length"""
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirefoxTab]:
    with firefox_tab(tmp_path_factory.mktemp("firefox")) as tab:
        yield tab


@pytest.fixture
def tab(running: FirefoxTab) -> Iterator[FirefoxTab]:
    """The tab of all tests; an error or a warning in its console fails the test."""
    running.console.clear()
    running.resize(1280, 900)
    yield running
    running.goto("about:blank")
    assert running.console == []


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    return serve_all(past=300)


def shows(tab: FirefoxTab, state: str) -> bool:
    return bool(tab.evaluate(SHOWN) == state)


def opened(tab: FirefoxTab, url: str, state: str) -> None:
    tab.goto(url)
    wait_for(lambda: shows(tab, state) and tab.text("#window-label"))


def test_page_draws_each_point_live_in_firefox(tab: FirefoxTab, live: Live) -> None:
    opened(tab, live.url, "live")
    for _ in range(2):
        newest = live.store.newest().time_ms
        wait_for(partial(is_drawn, tab, live, newest))


def is_drawn(tab: Any, live: Live, newest: int) -> bool:
    return differences(drawing(tab), live.store, 100, newest) == []


def test_slider_and_keys_change_the_time_in_firefox(tab: FirefoxTab, live: Live) -> None:
    opened(tab, live.url, "live")
    tab.evaluate("document.querySelector('#window [role=slider]').focus()")
    tab.press("ArrowRight")
    wait_for(lambda: tab.text("#window-label") == "3 minutes")
    spoken = "document.querySelector('#window [role=slider]').getAttribute('aria-valuetext')"
    wait_for(lambda: tab.evaluate(spoken) == "3 minutes")
    tab.evaluate("document.activeElement.blur()")
    tab.press("ArrowLeft")
    wait_for(lambda: shows(tab, "paused"))
    assert re.search(r"\d", tab.text("#range"))
    tab.press("+")
    wait_for(lambda: tab.text("#window-label") == "100 seconds")
    tab.press("l")
    wait_for(lambda: shows(tab, "live"))


def search(tab: FirefoxTab, text: str, title: str) -> None:
    """Open the search by its key, type `text`, and wait until a result with `title` is selected."""
    tab.press("/")
    wait_for(lambda: tab.evaluate("document.activeElement.getAttribute('role')") == "combobox")
    tab.press(*text)
    wait_for(lambda: title in tab.text("#search-results [aria-selected=true]"))


def test_search_by_key_shows_a_moment_in_firefox(tab: FirefoxTab, live: Live) -> None:
    opened(tab, live.url, "live")
    search(tab, "core 2", "Core 2")
    tab.press("Escape")
    wait_for(lambda: tab.evaluate("document.querySelector('dialog') === null"))
    search(tab, "2 min ago", "2 min ago")
    tab.press("Enter")
    wait_for(lambda: shows(tab, "paused"))


def test_crosshair_and_legend_read_values_below_mouse_in_firefox(tab: FirefoxTab, live: Live) -> None:
    opened(tab, live.url, "live")
    wait_for(lambda: tab.text("[data-panel=cores] [data-line] .value"))
    tab.press("p")
    wait_for(lambda: shows(tab, "paused"))
    tab.move("[data-panel=cores] .nsewdrag")
    wait_for(lambda: "Core 3" in tab.text("[data-panel=cores] .tooltip"))
    crosshairs = "[...document.querySelectorAll('.cross')].filter((line) => !line.hidden).length"
    wait_for(lambda: tab.evaluate(crosshairs) >= 2)
    before = tab.evaluate(GROUND)
    tab.press("t")
    wait_for(lambda: tab.evaluate(GROUND) != before)


def test_heat_map_and_stack_are_painted_in_firefox(tab: FirefoxTab, serve: Serve) -> None:
    live = serve(feeding=False, past=1, age=COUNT + 5)
    live.store.describe([Metric("cpu.percent", "CPU", "%", "cpu", 0, 100), *PARTS, *ROWS])
    start = live.feeder.newest
    for second in range(1, COUNT):
        values = {metric.key: 10.0 + 5 * row for row, metric in enumerate(ROWS)}
        parts = {"cpu.user": 20.0 + second % 7, "cpu.system": 10.0}
        live.store.append(Tick(start + second, 1.0, {"cpu.percent": sum(parts.values()), **parts, **values}))
    opened(tab, f"{live.url}?window={COUNT - 2}&end={live.store.newest().time_ms}", "paused")
    wait_for(lambda: tab.evaluate(PAINTED, "[data-panel=cpu] .plot-canvas"))
    tab.evaluate("document.querySelector('[data-panel=many]').scrollIntoView()")
    wait_for(lambda: tab.evaluate(PAINTED, "canvas[data-heatmap]"))


def test_live_graph_streams_in_firefox(tab: FirefoxTab) -> None:
    app = Theirs()
    tab.goto(app.server.url)
    last = "dashapp.liveGraphs?.byId.get('one').liveView.series.lastTime"
    before = wait_for(lambda: tab.evaluate(last))
    wait_for(lambda: tab.evaluate(last) > before)
    wait_for(lambda: tab.evaluate("document.querySelector('[data-live-graph=one]').dataset.state") == "live")
    tab.click("[data-live-graph=one] .pause")
    wait_for(lambda: tab.text("[data-live-graph=one] .pause") == "Back to live")
    tab.goto("about:blank")
    app.server.close()
