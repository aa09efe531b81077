"""Ticks by an open stream: exactly once, whatever cuts, delays or refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest
from bad_proxy import BadProxy, bad_proxy
from chart_assertions import assert_drawn_equals_store, drawing, wait_for_state
from fastapi_graphs import INTERVAL, served_graphs
from live_graph_app import section
from live_graph_app import wait_for_state as wait_for_graph
from playwright.sync_api import Browser, Page, expect
from served_page import Live, Serve, Serving
from tab import HIDE
from waiting import stays, wait_until

STREAM = "dashapp.page.poller.stream"
# Whether a stream is open and has brought an event.
STREAMS = f"{STREAM}.source !== null && {STREAM}.events > 0"
PAUSED = f"{STREAM}.pausedUntil > performance.now()"
# Addresses of requests, without that of the overview strip, which comes once.
ADDRESSES = "flights.urls.filter((url) => !url.includes('ticks?metrics='))"
REQUESTS = f"{ADDRESSES}.length"
BEAT = "dashapp.page.intervalThrottle.currentMs"
# Records every state of the badge.
WATCH = """() => {
    window.states = new Set();
    const badge = document.getElementById("status");
    const read = () => window.states.add(badge.dataset.state);
    read();
    new MutationObserver(read).observe(badge, { attributes: true, childList: true, subtree: true });
}"""
# Records whether a request was in flight when the badge became offline for the first time.
OFFLINE_DURING = """() => {
    const badge = document.getElementById("status");
    new MutationObserver(() => {
        if (badge.dataset.state === "offline") window.duringRequest ??= dashapp.page.poller.inFlight !== null;
    }).observe(badge, { attributes: true });
}"""
# Records the times of the points, in the order in which they arrive.
RECORD = """() => {
    window.times = [];
    const { listener } = dashapp.page.liveView.subscription;
    const plain = listener.onFrame.bind(listener);
    listener.onFrame = (frame) => { window.times.push(...frame.t); plain(frame); };
}"""


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(interval=0.5, transport="stream")


@pytest.fixture
def live(served: Live) -> Live:
    served.trouble.calm()
    return served


@pytest.fixture
def proxy(live: Live) -> Iterator[BadProxy]:
    with bad_proxy(live.url) as proxy:
        yield proxy


def opened(page: Page, url: str, live: Live) -> None:
    page.goto(url)
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")


def streaming(page: Page, url: str, live: Live) -> None:
    """Open the page and wait until its stream brings ticks."""
    opened(page, url, live)
    wait_until(page, lambda: page.evaluate(STREAMS))


def ticks(page: Page, live: Live, count: int) -> None:
    """Wait until the chart has `count` more ticks."""
    end = live.store.newest().time_ms + 1000 * live.feeder.step * count
    wait_until(page, lambda: drawing(page)[0]["traces"][0]["x"][-1] >= end)


def assert_always_live(page: Page, live: Live) -> None:
    """The badge never changed, and the chart has each point once."""
    assert page.evaluate("[...window.states]") == ["live"]
    assert_drawn_equals_store(page, live.store)


def test_page_makes_no_request_while_stream_delivers(page: Page, live: Live) -> None:
    streaming(page, live.url, live)
    page.evaluate(WATCH)
    page.evaluate(RECORD)
    # The first request, and those for ticks before the stream was open.
    asked = page.evaluate(REQUESTS)
    ticks(page, live, 8)
    assert page.evaluate(REQUESTS) == asked
    times = page.evaluate("window.times")
    assert len(times) >= 8
    assert {late - early for early, late in pairwise(times)} == {1000 * live.feeder.step}
    assert_always_live(page, live)


def test_dash_interval_is_slow_only_while_stream_delivers(page: Page, live: Live, proxy: BadProxy) -> None:
    streaming(page, proxy.url, live)
    wait_until(page, lambda: page.evaluate(BEAT) == 10_000)
    proxy.holds = True
    wait_until(page, lambda: page.evaluate(BEAT) == 500)
    assert_drawn_equals_store(page, live.store)


def test_page_is_offline_soon_after_a_streaming_server_hangs(page: Page, live: Live) -> None:
    streaming(page, live.url, live)
    wait_until(page, lambda: page.evaluate(BEAT) == 10_000)
    page.evaluate(OFFLINE_DURING)
    live.trouble.latency = 1e6
    wait_until(page, lambda: page.evaluate(BEAT) == 500)
    wait_for_state(page, "offline")
    # The badge does not wait for the timeout of the request.
    assert page.evaluate("window.duringRequest")
    live.trouble.calm()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


@pytest.mark.parametrize("seed", range(3))
def test_page_keeps_every_point_when_streams_are_cut_anywhere(
    page: Page, live: Live, proxy: BadProxy, seed: int
) -> None:
    proxy.cut = Random(seed)
    opened(page, proxy.url, live)
    page.evaluate(WATCH)
    # Streams again and again, without the pause after failures.
    page.evaluate(f"Object.defineProperty({STREAM}, 'pausedUntil', {{ get: () => 0, set() {{}} }})")
    wait_until(page, lambda: proxy.streams >= 10)
    assert_always_live(page, live)


def test_page_polls_after_two_cuts_and_streams_again_later(page: Page, live: Live, proxy: BadProxy) -> None:
    proxy.cut = Random(1)
    opened(page, proxy.url, live)
    page.evaluate(WATCH)
    wait_until(page, lambda: page.evaluate(PAUSED))
    streams = proxy.streams
    assert streams >= 2
    proxy.cut = None
    ticks(page, live, 4)
    assert proxy.streams == streams
    page.evaluate(f"{STREAM}.pausedUntil = 0")
    wait_until(page, lambda: page.evaluate(STREAMS))
    assert_always_live(page, live)


def test_page_polls_when_proxy_holds_events_back(page: Page, live: Live, proxy: BadProxy) -> None:
    proxy.holds = True
    opened(page, proxy.url, live)
    page.evaluate(WATCH)
    wait_until(page, lambda: page.evaluate(PAUSED))
    asked = page.evaluate(REQUESTS)
    ticks(page, live, 4)
    # One response has several ticks if the page is slow.
    wait_until(page, lambda: page.evaluate(REQUESTS) >= asked + 3)
    wait_until(page, lambda: proxy.open_streams == 0)
    assert_always_live(page, live)


def test_page_polls_when_proxy_begins_to_hold_events_back(page: Page, live: Live, proxy: BadProxy) -> None:
    streaming(page, proxy.url, live)
    page.evaluate(WATCH)
    proxy.holds = True
    wait_until(page, lambda: page.evaluate(PAUSED))
    ticks(page, live, 2)
    assert_always_live(page, live)


def test_page_polls_when_proxy_answers_with_a_page(page: Page, live: Live, proxy: BadProxy) -> None:
    proxy.html = True
    opened(page, proxy.url, live)
    page.evaluate(WATCH)
    wait_until(page, lambda: page.evaluate(PAUSED))
    assert proxy.streams == 1
    ticks(page, live, 4)
    assert proxy.streams == 1
    assert_always_live(page, live)


@pytest.mark.parametrize(("header", "streams"), [("x-stream", 0), ("content-type", 1)])
def test_page_polls_when_proxy_strips_header(
    page: Page, live: Live, proxy: BadProxy, header: str, streams: int
) -> None:
    proxy.strips = frozenset({header})
    opened(page, proxy.url, live)
    page.evaluate(WATCH)
    asked = page.evaluate(REQUESTS)
    ticks(page, live, 4)
    # One response has several ticks if the page is slow.
    wait_until(page, lambda: page.evaluate(REQUESTS) >= asked + 3)
    assert proxy.streams == streams
    assert_always_live(page, live)


def test_page_polls_when_stream_does_not_open(page: Page, live: Live) -> None:
    live.trouble.opening_latency = 1e6
    opened(page, live.url, live)
    page.evaluate(WATCH)
    wait_until(page, lambda: page.evaluate(PAUSED))
    ticks(page, live, 2)
    assert_always_live(page, live)


def test_page_continues_after_server_is_killed_within_an_event(page: Page, live: Live) -> None:
    streaming(page, live.url, live)
    times = "dashapp.page.liveView.series.t"
    live.trouble.breaks_event = True
    wait_until(page, lambda: not live.server.is_running)
    wait_for_state(page, "offline")
    before = page.evaluate(times)
    live.trouble.calm()
    live.server.start()
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)
    assert set(page.evaluate(times)) - set(before)
    wait_until(page, lambda: page.evaluate(STREAMS))
    ticks(page, live, 2)
    assert_drawn_equals_store(page, live.store)


def test_hidden_tab_closes_stream_and_catches_up_with_one_request(
    page: Page, live: Live, proxy: BadProxy
) -> None:
    streaming(page, proxy.url, live)
    page.evaluate(WATCH)
    page.evaluate(HIDE, True)
    asked = page.evaluate(REQUESTS)
    wait_until(page, lambda: proxy.open_streams == 0)
    end = live.store.newest().time_ms + 3000
    stays(
        lambda: page.evaluate(REQUESTS) == asked and proxy.open_streams == 0,
        until=lambda: live.store.newest().time_ms >= end,
        page=page,
    )
    page.evaluate(HIDE, False)
    wait_until(page, lambda: page.evaluate(STREAMS))
    # One for what it missed; on a slow machine others for ticks before the stream was open.
    newer = page.evaluate(ADDRESSES)[asked:]
    assert newer.count(newer[0]) == 1
    ticks(page, live, 3)
    assert page.evaluate(ADDRESSES)[asked:] == newer
    assert_always_live(page, live)


def test_page_continues_after_phone_was_offline(page: Page, live: Live, proxy: BadProxy) -> None:
    streaming(page, proxy.url, live)
    page.context.set_offline(True)
    try:
        wait_until(page, lambda: proxy.open_streams == 0)
        wait_for_state(page, "offline")
    finally:
        page.context.set_offline(False)
    wait_for_state(page, "live")
    wait_until(page, lambda: page.evaluate(STREAMS))
    assert_drawn_equals_store(page, live.store)


def test_ten_tabs_share_four_streams(chromium: Browser, serve: Serve) -> None:
    live = serve(interval=2, transport="stream")

    def shows_newest(page: Page) -> bool:
        return bool(page.evaluate("dashapp.page?.liveView.series.lastTime") == live.store.newest().time_ms)

    def streams(pages: list[Page]) -> int:
        return sum(page.evaluate(f"Boolean(window.dashapp?.page) && {STREAMS}") for page in pages)

    with bad_proxy(live.url) as proxy, chromium.new_context() as context:
        pages = [context.new_page() for _ in range(10)]
        for page in pages:
            page.goto(f"{proxy.url}?panels=cpu")
        for page in pages:
            wait_for_state(page, "live")
        wait_until(pages[0], lambda: streams(pages) == 4)
        for page in pages:
            wait_until(page, lambda page=page: shows_newest(page))
            wait_for_state(page, "live")
        wait_until(pages[0], lambda: proxy.open_streams == 4)
        # A tab that polled gets the place of a tab that is closed.
        closed = next(page for page in pages if page.evaluate(STREAMS))
        closed.goto("about:blank")
        pages.remove(closed)
        wait_until(pages[0], lambda: streams(pages) == 4)
        wait_until(pages[0], lambda: proxy.open_streams == 4)


def test_window_and_range_change_while_page_streams(page: Page, live: Live) -> None:
    streaming(page, live.url, live)
    page.focus("#window [role=slider]")
    for key in ("ArrowLeft", "End", "Home"):
        page.keyboard.press(key)
        assert_drawn_equals_store(page, live.store)
        wait_until(page, lambda: page.evaluate(STREAMS))
    page.evaluate("dashapp.page.goTo(dashapp.page.liveView.clock.now() - 40000)")
    wait_for_state(page, "paused")
    ticks_before = page.evaluate("dashapp.page.liveView.series.lastTime")
    asked = page.evaluate(REQUESTS)
    # The stream goes on while the past is on screen.
    wait_until(page, lambda: page.evaluate("dashapp.page.liveView.series.lastTime") >= ticks_before + 2000)
    assert page.evaluate(REQUESTS) <= asked + 1
    assert page.evaluate(STREAMS)
    page.click("#pause")
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.store)


def test_page_redraws_when_store_is_cleared_while_it_streams(page: Page, live: Live) -> None:
    streaming(page, live.url, live)
    live.feeder.stop()
    live.store.clear()
    live.feeder.backfill(60)
    live.feeder.start(gapless=True)
    assert_drawn_equals_store(page, live.store)
    wait_until(page, lambda: page.evaluate(STREAMS))
    ticks(page, live, 2)
    assert_drawn_equals_store(page, live.store)


def test_live_graphs_on_fastapi_share_one_stream(page: Page) -> None:
    graphs = "[...dashapp.liveGraphs.byId]"
    times = f"Object.fromEntries({graphs}.map(([id, {{ liveView }}]) => [id, liveView.series.t]))"
    poller = "dashapp.liveGraphs.poller"
    with served_graphs() as url:
        page.goto(url)
        wait_until(page, lambda: page.evaluate(f"window.dashapp?.liveGraphs && {poller}.stream.events > 0"))
        assert page.evaluate(f"{poller}.stream.queries.length") == 2
        asked = page.evaluate(REQUESTS)
        before = page.evaluate(times)
        wait_until(page, lambda: page.evaluate(times)["two"][-1] >= before["two"][-1] + 3000)
        for graph, drawn in page.evaluate(times).items():
            assert {late - early for early, late in pairwise(drawn)} == {1000 * INTERVAL}
            assert drawn[-1] >= before[graph][-1] + 2500
            wait_for_graph(page, graph, "live")
        assert page.evaluate(REQUESTS) == asked
        # A paused graph keeps what it shows; the other one goes on.
        page.locator(section("one")).get_by_role("button", name="Pause").click()
        wait_for_graph(page, "one", "paused")
        wait_until(page, lambda: page.evaluate(times)["two"][-1] >= before["two"][-1] + 5000)
        wait_for_graph(page, "two", "live")
        page.goto("about:blank")


def test_visible_process_table_is_requested_beside_the_stream(page: Page, live: Live) -> None:
    streaming(page, live.url, live)
    page.locator('[data-table="top"]').scroll_into_view_if_needed()
    page.wait_for_selector('[data-table="top"] tbody tr')
    rows_at = "dashapp.page.processTable.time"
    first, streams = page.evaluate(rows_at), len(live.trouble.streams)
    wait_until(page, lambda: page.evaluate(rows_at) > first)
    # Both come without another stream, and the ticks come by it.
    assert len(live.trouble.streams) == streams
    assert page.evaluate(STREAMS)
    assert_drawn_equals_store(page, live.store)


def test_host_list_appears_while_page_streams(page: Page, many: Serving) -> None:
    live = many("web-1", transport="stream")
    page.goto(live.url())
    wait_until(page, lambda: page.evaluate(f"Boolean(window.dashapp?.page) && {STREAMS}"))
    live.fleet.add("web-2", 5)
    page.evaluate("dashapp.page.hosts.requestedAt = -Infinity")
    page.wait_for_selector("#hosts:visible")
    names = page.locator('[data-table="hosts"] tbody th a')
    expect(names).to_have_text(["web-1", "web-2"])
    # The list is a part of each event now.
    wait_until(page, lambda: "hosts=1" in live.server.trouble.streams[-1])
    value = page.locator('[data-table="hosts"] tbody tr').first.locator("td.cpu")
    before = value.inner_text()
    wait_until(page, lambda: value.inner_text() != before)
