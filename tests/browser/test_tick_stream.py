"""The scripts of the page that open streams, each by itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.sync_api import Page
from served_page import Live, Serve

from dashapp.web.assets import assets_directory


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    return serve_all()


@pytest.fixture
def script(page: Page, live: Live) -> Page:
    page.route(
        "**/blank.html", lambda route: route.fulfill(body="<title>blank</title>", content_type="text/html")
    )
    page.goto(live.url + "blank.html")
    page.add_script_tag(content=(assets_directory() / "data/stream_slot.js").read_text())
    page.evaluate("localStorage.clear()")
    return page


def test_slots_are_four_and_expire(script: Page) -> None:
    assert (
        script.evaluate(
            """() => {
            window.tabs = Array.from({ length: 6 }, () => new window.dashapp.StreamSlot());
            return tabs.map((tab) => tab.take());
        }"""
        )
        == [True] * 4 + [False] * 2
    )
    assert script.evaluate("tabs[1].release() ?? [tabs[5].take(), tabs[4].take()]") == [True, False]
    # Half a minute later the places of tabs that were not heard of are free; the viewer's clock may go back.
    for shift in (31_000, -86_400_000):
        script.evaluate(f"(() => {{ const now = Date.now(); Date.now = () => now + {shift}; }})()")
        assert script.evaluate("tabs[4].take()")
        assert script.evaluate("tabs.map((tab) => tab.keep())[4]")
        assert script.evaluate("tabs.filter((tab) => tab.keep()).length") <= 4
        script.evaluate("tabs[4].release()")


def test_slot_is_refused_without_storage(script: Page) -> None:
    script.evaluate("() => { Storage.prototype.setItem = () => { throw new DOMException('full'); }; }")
    assert script.evaluate("new window.dashapp.StreamSlot().take()") is False


# A stream whose EventSource does what a test needs, and a clock that the test sets.
FAKE_STREAM = """() => {
    window.now = 0;
    performance.now = () => now;
    window.sources = [];
    window.EventSource = class {
        static CLOSED = 2;
        readyState = 0;
        constructor(url) { this.url = url; window.sources.push(this); }
        close() { this.readyState = 2; }
    };
    const subscription = {
        step: 1000, cursor: "a.1", patterns: [], pastRange: null, question: "window=10",
        streamQuery: { params: "window=10&after=a.1", patterns: [] },
    };
    window.stream = new window.dashapp.TickStream("/", () => {}, () => {});
    window.open_stream = () => {
        const before = sources.length;
        stream.open([subscription]);
        return sources.length > before;
    };
    window.event = JSON.stringify({ cursor: "a.2", now: 2, t: [], y: {} });
    window.break_stream = (isRefused) => {
        if (isRefused) sources.at(-1).readyState = 2;
        sources.at(-1).onerror();
    };
}"""


@pytest.fixture
def stream(script: Page) -> Page:
    for name in ("patterns", "frames", "subscription", "tick_stream"):
        script.add_script_tag(content=(assets_directory() / f"data/{name}.js").read_text())
    script.evaluate(FAKE_STREAM)
    return script


def test_refused_streams_are_tried_ever_more_seldom(stream: Page) -> None:
    tries = stream.evaluate(
        """() => {
            const tries = [];
            for (now = 0; now < 86_400_000; now += 1000) {
                if (!open_stream()) continue;
                tries.push(now);
                break_stream(true);
            }
            return tries;
        }"""
    )
    pauses = [late - early for early, late in pairwise(tries)]
    assert 7_000 <= pauses[0] <= 13_500
    assert max(pauses) <= 751_000
    assert 100 <= len(tries) <= 250


def test_stream_that_breaks_is_opened_again_at_once_but_not_twice(stream: Page) -> None:
    assert stream.evaluate("open_stream()")
    stream.evaluate("break_stream(false)")
    assert stream.evaluate("open_stream()")
    stream.evaluate("break_stream(false)")
    assert not stream.evaluate("open_stream()")
    stream.evaluate("() => { now += 14_000; }")
    # Five events show that the way is free, so one more break is the first again.
    assert stream.evaluate("open_stream()")
    stream.evaluate("() => { for (let i = 0; i < 5; i += 1) sources.at(-1).onmessage({ data: event }); }")
    stream.evaluate("break_stream(false)")
    assert stream.evaluate("open_stream()")


@pytest.mark.parametrize(
    "data", ["", "null", "{", "[]", '{"error": "x"}', '{"cursor": 1, "now": 1, "t": [], "y": {}}']
)
def test_event_that_is_no_frame_ends_the_stream(stream: Page, data: str) -> None:
    stream.evaluate("open_stream()")
    stream.evaluate("(data) => sources.at(-1).onmessage({ data })", data)
    assert stream.evaluate("stream.source === null && sources.at(-1).readyState === 2")
