"""LiveGraphs in another Dash app: streaming, pause, window, recovery, adding, removing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dash import Dash
from faulty_server import Served
from kept_tab import OpenAt
from live_graph_app import (
    INTERVAL,
    Theirs,
    assert_up_to_date,
    chart,
    click,
    drawn,
    kept,
    least_kept,
    living,
    newest,
    opened,
    section,
    state,
    wait_for_state,
)
from playwright.sync_api import Page, expect
from waiting import stays, still_box, wait_until

from dashapp import LiveGraph

HELD = "dashapp.liveGraphs.byId.get('one').liveView.shownSeries.lastTime"


@pytest.fixture(scope="module")
def app() -> Iterator[Theirs]:
    app = Theirs()
    yield app
    app.server.close()


@pytest.fixture
def theirs(open_at: OpenAt, page: Page, app: Theirs) -> Iterator[Theirs]:
    yield from opened(page, app, open_at)


@pytest.fixture
def fresh(page: Page) -> Iterator[Theirs]:
    """An app of its own, without the late metric so far."""
    app = Theirs()
    yield from opened(page, app)
    app.server.close()


@pytest.fixture
def alone(own_page: Page, app: Theirs) -> Iterator[Theirs]:
    """The app in a new process, so that no earlier page counts as memory."""
    yield from opened(own_page, app)


def test_live_graphs_stream_with_one_request_per_tick(page: Page, theirs: Theirs) -> None:
    trouble = theirs.server.trouble
    for name, key in (("one", "up"), ("two", "down"), ("fixed", "up")):
        assert_up_to_date(page, theirs, name, key)
    begun, asked = newest(theirs), len(trouble.asked)
    wait_until(page, lambda: max(drawn(page, "one")) >= begun + 6 * 1000 * INTERVAL)
    questions = trouble.asked[asked:]
    # The first two may be for ticks that were there before. Graphs that poll alone repeat a request, as does
    # a request before its tick. Soon, however, several in a row differ.
    assert len(set(questions)) <= (newest(theirs) - begun) / (1000 * INTERVAL) + 2
    wait_until(page, lambda: len(set(trouble.asked[-4:])) == 4)
    assert page.evaluate("window.flights.most") == 1
    # All graphs are at the same position of the same window, so they share one query.
    wait_until(page, lambda: "q=" not in trouble.asked[-1])
    assert_up_to_date(page, theirs, "two", "down")


def test_live_graphs_leave_callbacks_and_graphs_of_app_unchanged(page: Page, theirs: Theirs) -> None:
    click(page, "say")
    page.wait_for_selector("text=said 1")
    expect(page.locator("#theirs .gtitle")).to_have_text("Theirs")
    style = page.evaluate("""() => {
        const { margin, backgroundColor, fontFamily } = getComputedStyle(document.body);
        return [margin, backgroundColor, fontFamily];
    }""")
    page.goto("about:blank")
    assert style[:2] == page.evaluate("""() => {
        const { margin, backgroundColor } = getComputedStyle(document.body);
        return [margin, backgroundColor];
    }""")


def test_paused_live_graph_does_not_stop_others(page: Page, theirs: Theirs) -> None:
    assert_up_to_date(page, theirs, "one", "up")
    page.locator(section("one")).get_by_role("button", name="Pause").click()
    wait_for_state(page, "one", "paused")
    # The page also holds the last tick before the pause, and draws it one frame later.
    wait_until(page, lambda: max(drawn(page, "one")) == page.evaluate(HELD))
    held = drawn(page, "one")
    before = max(drawn(page, "two"))
    stays(
        lambda: drawn(page, "one") == held,
        lambda: max(drawn(page, "two")) > before + 4 * 1000 * INTERVAL,
        page,
    )
    page.locator(section("one")).get_by_role("button", name="Back to live").click()
    wait_for_state(page, "one", "live")
    assert_up_to_date(page, theirs, "one", "up")


def test_zoom_pauses_one_live_graph_and_double_click_resumes_it(page: Page, theirs: Theirs) -> None:
    box = still_box(page, f"{section('one')} .nsewdrag")
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60, steps=5)
    page.mouse.up()
    wait_for_state(page, "one", "paused")
    wait_for_state(page, "two", "live")

    def zoomed() -> bool:
        start, end = (chart(page, "one") or {})["range"]
        return bool(5_000 < end - start < 15_000)

    wait_until(page, zoomed)

    def let_go() -> bool:
        """Return whether it is live after a double click.

        On a slow machine two clicks can be too far apart for one; then the next call tries again.
        """
        if state(page, "one") != "live":
            page.locator(f"{section('one')} .nsewdrag").dblclick()
        return state(page, "one") == "live"

    wait_until(page, let_go)
    assert_up_to_date(page, theirs, "one", "up")


def test_app_callback_changes_window_of_one_live_graph(page: Page, theirs: Theirs) -> None:
    def length(aio_id: str) -> float:
        start, end = (chart(page, aio_id) or {})["range"]
        return float(end - start)

    click(page, "longer")
    wait_until(page, lambda: length("one") == 45_000)
    wait_until(page, lambda: length("fixed") == 30_000)
    expect(page.locator(section("one"))).to_contain_text("last 45 seconds")
    for name, key in (("one", "up"), ("fixed", "up"), ("two", "down")):
        assert_up_to_date(page, theirs, name, key)
    # Two windows are two queries in one request.
    wait_until(page, lambda: theirs.server.trouble.asked[-1].count("q=") == 2)
    assert page.evaluate("window.flights.most") == 1


def test_live_graph_added_later_streams_and_removal_leaks_no_memory(own_page: Page, alone: Theirs) -> None:
    page, theirs = own_page, alone
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    click(page, "add")
    wait_until(page, lambda: drawn(page, "more1"))
    assert_up_to_date(page, theirs, "more1", "up")
    present = least_kept(page, session)
    click(page, "remove")
    wait_until(page, lambda: living(page) == ["late", "one", "two"])
    wait_until(page, lambda: all(now < one for now, one in zip(kept(session), present, strict=True)))
    absent = least_kept(page, session)
    for number in range(2, 7):
        click(page, "add")
        wait_until(page, lambda n=number: drawn(page, f"more{n}"))
        click(page, "remove")
        wait_until(page, lambda: len(living(page)) == 3)
    wait_until(page, lambda: page.evaluate("dashapp.liveGraphs.poller.subscriptions.length") == 3)

    def nothing_left() -> bool:
        """Return whether memory is bounded.

        The page may keep some of the last graph, but not of each one.
        """
        found = zip(kept(session), present, absent, strict=True)
        return all(now - none < 3 * (one - none) for now, one, none in found)

    wait_until(page, nothing_left)
    assert_up_to_date(page, theirs, "one", "up")


def test_live_graph_returns_after_removal_and_leader_can_be_removed(page: Page, fresh: Theirs) -> None:
    leader = page.evaluate("dashapp.liveGraphs.leader")
    page.evaluate(
        """(id) => document.querySelector(`[data-live-graph="${id}"]`).classList.add("first")""", leader
    )
    for _ in range(2):
        click(page, "remove")
        wait_until(page, lambda: "fixed" not in living(page))
        click(page, "again")
        wait_until(page, lambda: drawn(page, "fixed"))
        assert_up_to_date(page, fresh, "fixed", "up")
    # React would not remove it this way, but the graph whose interval drives all others may leave as well.
    page.evaluate("""() => {
        const { liveGraphs } = dashapp;
        liveGraphs.byId.get(liveGraphs.leader).section.remove();
    }""")
    wait_until(page, lambda: page.evaluate("dashapp.liveGraphs.leader") not in (leader, None))
    fresh.late = True
    rest = [name for name in living(page) if name in ("one", "two", "fixed")]
    assert len(rest) == 2
    assert_up_to_date(page, fresh, rest[0], "down" if rest[0] == "two" else "up")


def test_live_graphs_show_offline_and_fill_gap_after_restart(page: Page, theirs: Theirs) -> None:
    assert_up_to_date(page, theirs, "one", "up")
    theirs.server.stop()
    stopped = newest(theirs)
    wait_for_state(page, "one", "offline")
    wait_for_state(page, "two", "offline")
    expect(page.locator(section("two"))).to_contain_text("not reachable")
    wait_until(page, lambda: newest(theirs) >= stopped + 4 * 1000 * INTERVAL)
    theirs.server.start()
    wait_for_state(page, "one", "live")
    for name, key in (("one", "up"), ("two", "down")):
        assert_up_to_date(page, theirs, name, key)


def test_live_graph_reports_missing_metric_and_draws_it_later(page: Page, fresh: Theirs) -> None:
    page.locator(section("late")).scroll_into_view_if_needed()
    said = f"getComputedStyle(document.querySelector('{section('late')} .chart'), '::after').content"
    wait_until(page, lambda: "No metric late.* yet" in page.evaluate(said))
    assert chart(page, "late") is None  # a chart cannot exist before `late` is set
    fresh.late = True
    wait_until(page, lambda: drawn(page, "late"))
    assert_up_to_date(page, fresh, "late", "late.now")
    wait_until(page, lambda: page.evaluate(said) == "none")


def test_live_graph_shows_current_value_beside_title(page: Page, theirs: Theirs) -> None:
    value = page.locator(f"{section('one')} h2 .value")
    first = wait_until(page, lambda: float(value.inner_text()))
    wait_until(page, lambda: float(value.inner_text()) > first)


def test_live_graph_has_legend_of_page(page: Page, theirs: Theirs) -> None:
    row = page.locator(f"{section('one')} [data-line=up]")
    wait_until(page, lambda: float(row.locator(".value").inner_text()) > 0)
    low, high = (row.locator(f"[data-stat={name}]") for name in ("low", "high"))
    wait_until(page, lambda: float(low.inner_text()) < float(high.inner_text()))
    hidden = (
        f"""document.querySelector("{section("one").replace('"', "'")} .js-plotly-plot").data[0].visible"""
    )
    for pressed, visible in (("false", "legendonly"), ("true", True)):
        row.click()
        expect(row).to_have_attribute("aria-pressed", pressed)
        wait_until(page, lambda expected=visible: page.evaluate(hidden) == expected)


def test_live_graph_shows_link_to_login_after_session_ends(page: Page, fresh: Theirs) -> None:
    page.route("**/_dashapp/api/*", lambda route: route.fulfill(status=302, headers={"location": "/login"}))
    link = page.locator(section("one")).get_by_role("link", name="Sign in again")
    expect(link).to_have_attribute("href", page.url)
    page.unroute("**/_dashapp/api/*")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(link).to_have_count(0)


def test_live_graph_shows_error_in_app_without_attach(page: Page) -> None:
    app = Dash(__name__)
    app.layout = LiveGraph("up")
    server = Served(app.server.wsgi_app)
    try:
        page.goto(server.url)
        page.wait_for_selector("text=No data source: call dashapp.attach(app)")
    finally:
        server.close()
