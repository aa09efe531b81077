"""What a tick costs the browser: one extension a chart, and nothing that stays behind."""

from __future__ import annotations

import pytest
from conftest import Serve
from drawing import assert_drawn_equals_store, wait_for_state
from playwright.sync_api import CDPSession, Page
from waiting import wait_until

COUNT_DRAWS = """() => {
    window.draws = {};
    for (const way of ["extendTraces", "redraw", "react", "newPlot", "relayout", "restyle", "update"]) {
        const plain = window.Plotly[way];
        window.draws[way] = 0;
        window.Plotly[way] = (...given) => { window.draws[way] += 1; return plain(...given); };
    }
}"""
# As if the page's interval were this short, so that a minute holds the draws of ten.
HURRY = "() => { window.hurry = setInterval(() => dash_clientside.dashapp.tick(), 40); }"


def test_a_tick_extends_and_draws_nothing_anew(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    page.goto(live.url)
    # Counted from before the draws are: a question asked in between would be drawn and not counted.
    asked = len(live.trouble.asked)
    assert_drawn_equals_store(page, live.store)
    page.evaluate(COUNT_DRAWS)
    begun = len(live.trouble.asked)
    wait_until(page, lambda: len(live.trouble.asked) >= begun + 6)
    assert_drawn_equals_store(page, live.store)
    draws = page.evaluate("window.draws")
    ticks = len(live.trouble.asked) - asked
    assert 10 <= draws.pop("extendTraces") <= 2 * ticks
    assert set(draws.values()) == {0}


def measured(page: Page, session: CDPSession) -> dict[str, float]:
    """Heap in bytes, nodes and listeners, all rubbish collected first, each the least of eight readings.

    A page that follows is never quite at rest, and holds up to a megabyte for a moment; what leaks is in all.
    """
    readings = []
    for _ in range(8):
        page.wait_for_timeout(300)
        for _ in range(3):
            session.send("HeapProfiler.collectGarbage")
        found = session.send("Performance.getMetrics")["metrics"]
        readings.append({metric["name"]: metric["value"] for metric in found})
    wanted = ("JSHeapUsedSize", "Nodes", "JSEventListeners")
    return {name: min(reading[name] for reading in readings) for name in wanted}


@pytest.mark.timeout(300)
def test_a_thousand_draws_leave_nothing_behind(page: Page, serve: Serve) -> None:
    live = serve(past=500, interval=0.025)
    page.goto(live.url)
    page.focus("#window [role=slider]")
    page.keyboard.press("Home")
    assert_drawn_equals_store(page, live.store)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.enable")
    seen = []
    # By draws, not by ticks, of which a busy machine draws several at once: the first seven hundred warm up
    # what the browser compiles and keeps.
    for draws in (700, 250, 250):
        page.evaluate(HURRY)
        target = len(live.trouble.asked) + draws
        wait_until(page, lambda t=target: len(live.trouble.asked) >= t, 120, every=0.5)
        # At rest: what a draw in progress holds is no leak.
        page.evaluate("clearInterval(window.hurry)")
        live.feeder.stop()
        assert_drawn_equals_store(page, live.store)
        seen.append(measured(page, session))
        live.feeder.start()
    _, early, late = seen
    assert late["JSHeapUsedSize"] < early["JSHeapUsedSize"] + 700_000
    assert late["Nodes"] < early["Nodes"] + 60
    assert late["JSEventListeners"] < early["JSEventListeners"] + 10
    wait_for_state(page, "live")


def test_with_nothing_in_sight_dashs_interval_rests_and_the_points_still_come(
    page: Page, serve: Serve
) -> None:
    live = serve(interval=0.5)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    beat = "dashapp.page.beat.now"
    assert page.evaluate(beat) == 500
    page.evaluate("document.getElementById('page').style.marginTop = '9000px'")
    wait_until(page, lambda: page.evaluate(beat) == 10_000)
    begun = len(live.trouble.asked)
    # Each tick is asked for as it comes: three of them in less than one such beat.
    page.wait_for_timeout(2500)
    assert len(live.trouble.asked) >= begun + 3
    page.evaluate("document.getElementById('page').style.marginTop = ''")
    wait_until(page, lambda: page.evaluate(beat) == 500)
    assert_drawn_equals_store(page, live.store)


def test_with_nothing_in_sight_silence_is_said_as_soon_as_it_is_seen(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    page.goto(live.url)
    wait_for_state(page, "live")
    page.evaluate(
        "document.querySelectorAll('main, #tiles').forEach((part) => { part.style.marginTop = '9000px'; })"
    )
    wait_until(page, lambda: page.evaluate("dashapp.page.beat.now") == 10_000)
    live.feeder.stop()
    wait_for_state(page, "stale")
    wait_until(page, lambda: page.evaluate("dashapp.page.beat.now") == 500)
