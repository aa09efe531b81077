"""The page without faults: first drawing, updates, time zone, and the CPU in the title."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from chart_assertions import assert_drawn_equals_store, drawing, heard, wait_for_state
from playwright.sync_api import Page, Request, expect
from served_page import Serve
from tab import ZONE
from waiting import wait_until, wait_until_passes

# Records the elements of the bar and of the navigation that moved by themselves, and counts frames.
RECORD_SHIFTS = """
window.moved = [];
window.frames_since_load = 0;
new PerformanceObserver((list) => {
    for (const { sources } of list.getEntries()) {
        for (const { node, previousRect, currentRect } of sources) {
            const element = node instanceof Element ? node : node?.parentElement;
            const isMoved = previousRect.y !== currentRect.y || previousRect.height !== currentRect.height;
            const isLink = element?.matches(".jump");
            if (isLink || (isMoved && element?.closest(".window"))) window.moved.push(element.className);
        }
    }
}).observe({ type: "layout-shift", buffered: true });
const count = () => {
    window.frames_since_load += document.readyState === "complete";
    requestAnimationFrame(count);
};
requestAnimationFrame(count);
"""


def test_page_draws_history_without_console_messages(page: Page, serve: Serve) -> None:
    live = serve(past=300)
    requested: list[str] = []
    failed: list[str] = []
    console = heard(page)
    page.on("request", lambda request: requested.append(request.url))

    def fail(request: Request) -> None:
        # The page itself aborts a request that gets no response in time.
        if request.failure != "net::ERR_ABORTED":
            failed.append(request.url)

    page.on("requestfailed", fail)
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    answer = page.goto(live.url)
    assert answer is not None
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert_drawn_equals_store(page, live.store)
    wait_until(page, lambda: len(drawing(page)[0]["traces"][0]["x"]) == 100)
    wait_for_state(page, "live")
    assert console == []
    assert failed == []
    assert [url for url in requested if not url.startswith((live.url, "data:", "blob:"))] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_bar_and_navigation_stay_while_page_loads(page: Page, serve: Serve, width: int) -> None:
    live = serve(past=300)
    page.set_viewport_size({"width": width, "height": 844})
    page.add_init_script(RECORD_SHIFTS)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    expect(page.locator("#window [role=slider]")).to_be_visible()
    wait_until(page, lambda: page.evaluate("window.frames_since_load > 5"))
    assert page.evaluate("window.moved") == []


def test_axis_labels_use_time_zone_of_viewer(page: Page, serve: Serve) -> None:
    live = serve(feeding=False)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    here = datetime.fromtimestamp(live.feeder.newest, ZoneInfo(ZONE))
    newest = here.hour * 3600 + here.minute * 60 + here.second

    def drawn() -> None:
        labels = page.locator('[data-panel="cpu"] .xtick text').all_text_contents()
        assert labels
        assert all(re.fullmatch(r"\d\d:\d\d:\d\d", label) for label in labels)
        times = [int(h) * 3600 + int(m) * 60 + int(s) for h, m, s in (label.split(":") for label in labels)]
        assert all((newest - second) % 86400 <= 101 for second in times)

    wait_until_passes(page, drawn)


def test_live_page_draws_each_point_once(page: Page, serve: Serve) -> None:
    live = serve(interval=0.3)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    for _ in range(5):
        before = live.store.newest().time_ms
        wait_until(page, lambda b=before: live.store.newest().time_ms > b)
        assert_drawn_equals_store(page, live.store)


def test_title_and_panel_value_show_cpu(page: Page, serve: Serve) -> None:
    live = serve(feeding=False)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    cpu = live.store.since(0, 1)[0].values["cpu.percent"]
    expect(page).to_have_title(re.compile(f"^({cpu:.0f} % CPU|No data) · dashapp$"))
    expect(page.locator('[data-panel="cpu"] h2 .value')).to_have_text(f"{cpu:.1f} %")
