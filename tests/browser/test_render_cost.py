"""Cost of a tick in the browser: one extension per chart, and no leak."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from chart_assertions import assert_drawn_equals_store, wait_for_state
from fake_collector import Feeder, tick
from faulty_server import Served
from playwright.sync_api import CDPSession, Page
from served_page import Live, Serve
from thorough import amount
from waiting import wait_until

from dashapp.config.settings import Settings
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

COUNT_DRAWS = """() => {
    window.draws = {};
    for (const way of ["extendTraces", "redraw", "react", "newPlot", "relayout", "restyle", "update"]) {
        const plain = window.Plotly[way];
        window.draws[way] = 0;
        window.Plotly[way] = (...given) => { window.draws[way] += 1; return plain(...given); };
    }
}"""
COUNT_BEATS = """() => {
    const { dashapp } = window.dash_clientside;
    const plain = dashapp.tick;
    window.beats = 0;
    dashapp.tick = (...given) => { window.beats += 1; return plain(...given); };
}"""
BEAT = "dashapp.page.intervalThrottle.currentMs"
CHARTS = 2


@pytest.fixture(scope="module")
def following(serve_all: Serve) -> Live:
    return serve_all(interval=0.5)


def test_tick_extends_traces_without_redraw(page: Page, following: Live) -> None:
    page.goto(following.url)
    assert_drawn_equals_store(page, following.store)
    asked = len(following.trouble.asked)
    page.evaluate(COUNT_DRAWS)
    wait_until(page, lambda: page.evaluate("window.draws.extendTraces") >= 8 * CHARTS)
    assert_drawn_equals_store(page, following.store)
    draws = page.evaluate("window.draws")
    # Up to two earlier requests count: one whose response is not drawn yet, and one in flight.
    questions = len(following.trouble.asked) - asked + 2
    assert draws.pop("extendTraces") <= CHARTS * questions
    assert set(draws.values()) == {0}


# The panels in the order in which they draw each tick, by its time. First, the second chart is the next one
# to draw, as after a start in which it was ready later.
RECORD_ORDER = """() => {
    const plain = window.Plotly.extendTraces;
    window.order = new Map();
    window.Plotly.extendTraces = (gd, update, ...rest) => {
        const time = update.x[0].at(-1);
        window.order.set(time, [...(window.order.get(time) ?? []), gd.closest("[data-panel]").dataset.panel]);
        return plain(gd, update, ...rest);
    };
    dashapp.page.liveView.renderQueue.nextIndex = 1;
}"""


def test_first_chart_draws_each_tick_first(page: Page, following: Live) -> None:
    """After a start, any chart could be the first one for as long as the page was open."""
    page.goto(following.url)
    assert_drawn_equals_store(page, following.store)
    panels = page.locator("[data-panel]:has(.js-plotly-plot)").evaluate_all(
        "found => found.map((section) => section.dataset.panel)"
    )[:CHARTS]
    page.evaluate(RECORD_ORDER)

    def orders_after_a_complete_tick() -> list[list[str]]:
        orders = page.evaluate("[...window.order.values()]")
        # A slow browser draws what is left of a tick together with the next one.
        return [order for before, order in pairwise(orders) if sorted(before) == sorted(panels)]

    wait_until(page, lambda: len(orders_after_a_complete_tick()) >= 4)
    assert {order[0] for order in orders_after_a_complete_tick()} == {panels[0]}


def measured(page: Page, session: CDPSession) -> dict[str, float]:
    """Return heap bytes, nodes and listeners after garbage collection.

    Each is the minimum of five readings: a page is never quite at rest, but a leak is in all of them.
    """
    readings = []
    for _ in range(5):
        page.wait_for_timeout(100)  # ended work becomes garbage only after the browser's next turn
        for _ in range(2):
            session.send("HeapProfiler.collectGarbage")
        found = session.send("Performance.getMetrics")["metrics"]
        readings.append({metric["name"]: metric["value"] for metric in found})
    wanted = ("JSHeapUsedSize", "Nodes", "JSEventListeners")
    return {name: min(reading[name] for reading in readings) for name in wanted}


class Drip:
    """A server that adds a tick at each request while it is `open`.

    A page then draws as fast as it can. The ticks are an hour old, so each is due when the page requests it.
    """

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.feeder = Feeder(self.store, 1.0)
        self.feeder.backfill(100, age=3600)
        self.open = False
        self._app = create_app(self.store, Settings(interval=1.0, store="memory:"))
        self.server = Served(self)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self.open and environ["PATH_INFO"] == "/api/ticks":
            self.store.append(tick(self.feeder.newest + 1.0, 1.0))
        return self._app(environ, start_response)

    def stop(self) -> None:
        self.feeder.stop()
        self.server.close()


@pytest.fixture
def drip() -> Iterator[Drip]:
    drip = Drip()
    yield drip
    drip.stop()


@pytest.mark.timeout(600)
def test_thousand_draws_leak_no_memory(own_page: Page, drip: Drip) -> None:
    """A leak shows in each part, because it grows with every draw; a cache only in some."""
    page = own_page  # in a new process, so that no earlier page counts as memory
    page.goto(drip.server.url)
    page.focus("#window [role=slider]")
    page.keyboard.press("Home")
    assert_drawn_equals_store(page, drip.store)
    page.evaluate(COUNT_DRAWS)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.enable")
    # Caches fill for some hundred draws. Smaller leaks of the heap show only after these.
    limits = {"JSHeapUsedSize": amount(8000, 2800), "Nodes": 0.24, "JSEventListeners": 0.04}

    def draw(count: int) -> dict[str, float]:
        target = page.evaluate("window.draws.extendTraces") + count * CHARTS
        drip.open = True
        wait_until(page, lambda: page.evaluate("window.draws.extendTraces") >= target, 300, every=0.2)
        # At rest: memory that a draw in progress holds is no leak.
        drip.open = False
        assert_drawn_equals_store(page, drip.store)
        return measured(page, session)

    # The first draws warm up compiled code and caches, about 1.5 MB.
    before, draws, growths = draw(amount(60, 700)), amount(40, 250), []
    for _ in range(6):
        after = draw(draws)
        growths.append({name: (after[name] - before[name]) / draws for name in limits})
        before = after
        if all(growths[-1][name] < limit for name, limit in limits.items()):
            break
    else:
        pytest.fail(f"each part of {draws} draws leaked: {growths}")
    drip.feeder.start()
    wait_for_state(page, "live")


def test_dash_interval_slows_down_without_visible_charts(page: Page, following: Live) -> None:
    page.goto(following.url)
    assert_drawn_equals_store(page, following.store)
    wait_until(page, lambda: page.evaluate(BEAT) == 500)
    page.evaluate(COUNT_BEATS)
    page.evaluate("document.getElementById('page').style.marginTop = '9000px'")
    wait_until(page, lambda: page.evaluate(BEAT) == 10_000)
    asked, beats = len(following.trouble.asked), page.evaluate("window.beats")
    # The page requests each tick as it comes, not when the interval fires, so requests outnumber beats.
    wait_until(
        page, lambda: len(following.trouble.asked) - asked >= 4 + page.evaluate("window.beats") - beats
    )
    page.evaluate("document.getElementById('page').style.marginTop = ''")
    wait_until(page, lambda: page.evaluate(BEAT) == 500)
    assert_drawn_equals_store(page, following.store)


def test_status_becomes_stale_without_visible_charts(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    page.goto(live.url)
    wait_for_state(page, "live")
    page.evaluate(
        "document.querySelectorAll('main, #tiles').forEach((part) => { part.style.marginTop = '9000px'; })"
    )
    wait_until(page, lambda: page.evaluate(BEAT) == 10_000)
    live.feeder.stop()
    wait_for_state(page, "stale")
    wait_until(page, lambda: page.evaluate(BEAT) == 500)
