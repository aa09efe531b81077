"""LiveGraphs in a stranger's Dash app, in the browser: they stream, pause, slide, heal, come and go."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from dash import Dash
from live_graphs import (
    INTERVAL,
    Theirs,
    assert_up_to_date,
    chart,
    click,
    drawn,
    living,
    section,
    state,
    wait_for_state,
)
from playwright.sync_api import Page
from served import Served
from waiting import wait_until

from dashapp import LiveGraph


@pytest.fixture
def theirs(page: Page) -> Iterator[Theirs]:
    app = Theirs()
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto(app.server.url)
    wait_until(page, lambda: drawn(page, "one") and drawn(page, "two") and drawn(page, "fixed"))
    yield app
    app.server.stop()
    assert [text for text in errors if "ERR_" not in text and "Failed to fetch" not in text] == []


def test_all_stream_with_one_request_a_tick(page: Page, theirs: Theirs) -> None:
    trouble = theirs.server.trouble
    for name, key in (("one", "up"), ("two", "down"), ("fixed", "up")):
        assert_up_to_date(page, theirs, name, key)
    asked, begun = len(trouble.asked), max(drawn(page, "one"))
    wait_until(page, lambda: max(drawn(page, "one")) >= begun + 12 * 1000 * INTERVAL)
    ticks = (max(drawn(page, "one")) - begun) / (1000 * INTERVAL)
    # Three that ask by themselves ask three times as often; a tick that is late on a slow machine, twice.
    assert len(trouble.asked) - asked <= 1.5 * ticks + 1
    assert trouble.most_in_flight == 1
    # All stand at the same place of the same window: their question is one.
    assert "q=" not in trouble.asked[-1]
    assert_up_to_date(page, theirs, "two", "down")


def test_the_apps_own_callbacks_and_graphs_are_as_they_were(page: Page, theirs: Theirs) -> None:
    click(page, "say")
    page.wait_for_selector("text=said 1")
    assert page.locator("#theirs .gtitle").text_content() == "Theirs"
    style = page.evaluate("""() => {
        const { margin, backgroundColor, fontFamily } = getComputedStyle(document.body);
        return [margin, backgroundColor, fontFamily];
    }""")
    page.goto("about:blank")
    assert style[:2] == page.evaluate("""() => {
        const { margin, backgroundColor } = getComputedStyle(document.body);
        return [margin, backgroundColor];
    }""")


def test_one_is_paused_and_the_others_go_on(page: Page, theirs: Theirs) -> None:
    assert_up_to_date(page, theirs, "one", "up")
    page.locator(section("one")).get_by_role("button", name="Pause").click()
    wait_for_state(page, "one", "paused")
    page.wait_for_timeout(500)  # what came just before is held too, and drawn a frame later
    held = drawn(page, "one")
    before = max(drawn(page, "two"))
    wait_until(page, lambda: max(drawn(page, "two")) > before + 4 * 1000 * INTERVAL)
    assert drawn(page, "one") == held
    page.locator(section("one")).get_by_role("button", name="Back to live").click()
    wait_for_state(page, "one", "live")
    assert_up_to_date(page, theirs, "one", "up")


def test_a_zoom_holds_one_and_a_double_click_lets_go(page: Page, theirs: Theirs) -> None:
    box = page.locator(f"{section('one')} .nsewdrag").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60, steps=5)
    page.mouse.up()
    wait_for_state(page, "one", "paused")
    assert state(page, "two") == "live"
    start, end = (chart(page, "one") or {})["range"]
    assert 5_000 < end - start < 15_000
    page.locator(f"{section('one')} .nsewdrag").dblclick()
    wait_for_state(page, "one", "live")
    assert_up_to_date(page, theirs, "one", "up")


def test_a_callback_of_the_apps_slides_one_window(page: Page, theirs: Theirs) -> None:
    def length(aio_id: str) -> float:
        start, end = (chart(page, aio_id) or {})["range"]
        return float(end - start)

    click(page, "longer")
    wait_until(page, lambda: length("one") == 45_000)
    assert length("fixed") == 30_000
    assert "last 45 seconds" in page.inner_text(section("one"))
    for name, key in (("one", "up"), ("fixed", "up"), ("two", "down")):
        assert_up_to_date(page, theirs, name, key)
    # Two windows are two questions, of one request.
    wait_until(page, lambda: theirs.server.trouble.asked[-1].count("q=") == 2)
    assert theirs.server.trouble.most_in_flight == 1


def test_one_that_comes_later_streams_and_one_that_goes_leaves_nothing(page: Page, theirs: Theirs) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def reading() -> tuple[float, float]:
        page.wait_for_timeout(200)
        session.send("HeapProfiler.collectGarbage")
        found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        return found["JSEventListeners"], found["Nodes"]

    def standing() -> tuple[float, float]:
        # On a slow machine React lets go of some of it after the first look.
        listeners, nodes = zip(*[reading() for _ in range(5)], strict=True)
        return min(listeners), min(nodes)

    click(page, "add")
    wait_until(page, lambda: drawn(page, "more1"))
    assert_up_to_date(page, theirs, "more1", "up")
    present = standing()
    click(page, "remove")
    wait_until(page, lambda: living(page) == ["late", "one", "two"])
    absent = standing()
    for number in range(2, 8):
        click(page, "add")
        wait_until(page, lambda n=number: drawn(page, f"more{n}"))
        click(page, "remove")
        wait_until(page, lambda: len(living(page)) == 3)
    assert page.evaluate("dashapp.graphs.asker.feeds.length") == 3
    # Plotly and React keep some of the last one, but not of each.
    for now, one, none in zip(standing(), present, absent, strict=True):
        assert now - none < 3 * (one - none)
    assert_up_to_date(page, theirs, "one", "up")


def test_the_same_one_comes_back_and_the_one_that_beat_may_go(page: Page, theirs: Theirs) -> None:
    leader = page.evaluate("dashapp.graphs.leader")
    page.evaluate(
        """(id) => document.querySelector(`[data-live-graph="${id}"]`).classList.add("first")""", leader
    )
    for _ in range(2):
        click(page, "remove")
        wait_until(page, lambda: "fixed" not in living(page))
        click(page, "again")
        wait_until(page, lambda: drawn(page, "fixed"))
        assert_up_to_date(page, theirs, "fixed", "up")
    # React would not have it so, but the one whose interval beats for all may leave as well.
    page.evaluate("""() => {
        const { graphs } = dashapp;
        graphs.found.get(graphs.leader).section.remove();
    }""")
    wait_until(page, lambda: page.evaluate("dashapp.graphs.leader") not in (leader, None))
    theirs.late = True
    rest = [name for name in living(page) if name in ("one", "two", "fixed")]
    assert len(rest) == 2
    assert_up_to_date(page, theirs, rest[0], "down" if rest[0] == "two" else "up")


def test_a_server_that_was_down_is_told_and_its_hole_is_filled(page: Page, theirs: Theirs) -> None:
    assert_up_to_date(page, theirs, "one", "up")
    theirs.server.stop()
    stopped = time.monotonic()
    wait_for_state(page, "one", "offline")
    assert state(page, "two") == "offline"
    assert "not reachable" in page.inner_text(section("two"))
    wait_until(page, lambda: time.monotonic() - stopped > 4)
    theirs.server.start()
    wait_for_state(page, "one", "live")
    for name, key in (("one", "up"), ("two", "down")):
        assert_up_to_date(page, theirs, name, key)


def test_a_metric_that_is_not_there_is_told_and_drawn_when_it_comes(page: Page, theirs: Theirs) -> None:
    page.locator(section("late")).scroll_into_view_if_needed()
    said = f"getComputedStyle(document.querySelector('{section('late')} .chart'), '::after').content"
    wait_until(page, lambda: "There is no metric late.* yet" in page.evaluate(said))
    assert chart(page, "late") is None
    theirs.late = True
    wait_until(page, lambda: drawn(page, "late"))
    assert_up_to_date(page, theirs, "late", "late.now")
    assert page.evaluate(said) == "none"


def test_its_numbers_are_said_beside_its_title(page: Page, theirs: Theirs) -> None:
    value = page.locator(f"{section('one')} .value")
    first = float(value.inner_text())
    wait_until(page, lambda: float(value.inner_text()) > first)


def test_an_app_that_was_not_attached_says_so(page: Page) -> None:
    app = Dash(__name__)
    app.layout = LiveGraph("up")
    server = Served(app.server.wsgi_app)
    page.goto(server.url)
    page.wait_for_selector("text=Its numbers come by dashapp.attach(app)")
    server.stop()
