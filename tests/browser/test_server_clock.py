"""The page's clock of the server keeps up, even with cached responses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from dashapp.web.assets import assets_directory

# A viewer asks for a tick each second, 100 ms after it is due by the clock under test. While a cached
# response is valid, the viewer gets that one: the first of many viewers got it 60 ms earlier. Returns how
# late each request was, in milliseconds.
KEEP_UP = """
([ticks, kept, skew]) => {
    let now = 0;
    performance.now = () => now;
    const clock = new window.dashapp.ServerClock();
    const lags = [];
    clock.update(0.5, true);
    now = 500;
    for (let tick = 1; tick <= ticks; tick += 1) {
        const due = 1000 * tick + 100;
        now = Math.max(now, now + due - clock.now());
        const server = 500 + now * (1 + skew);
        const first = 1000 * tick + 40;
        const told = server - first < kept ? Math.min(first, server) : server;
        clock.update(told / 1000, server > 1000 * tick + 20);
        lags.push(server - due);
    }
    return lags;
}
"""


@pytest.fixture
def script(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    page.add_script_tag(content=(assets_directory() / "data/server_clock.js").read_text())
    yield page
    page.close()


@pytest.mark.parametrize("skew", [0.0, 5e-5, -5e-5])
def test_server_clock_keeps_up_with_cached_responses(script: Page, skew: float) -> None:
    lags: list[float] = script.evaluate(KEEP_UP, [3600, 2000, skew])
    assert max(lags) < 250, "what clocks differ by in an hour"
    assert min(lags) > -150, "it asks before the tick is there, and goes on doing so"


@pytest.mark.parametrize("back", [1000, 10_000, 86_400_000])
def test_server_clock_follows_clock_set_back(script: Page, back: int) -> None:
    found: Any = script.evaluate(
        """(back) => {
            let now = 0;
            performance.now = () => now;
            const clock = new window.dashapp.ServerClock();
            for (let tick = 0; tick < 600; tick += 1) {
                now = 1000 * tick;
                clock.update((1e9 + now - (tick > 10 ? back : 0)) / 1000, false);
            }
            return clock.now() - (1e9 + now - back);
        }""",
        back,
    )
    assert abs(found) < 1


@pytest.mark.parametrize("skew", [0.0, 5e-5, -5e-5])
def test_server_clock_follows_ticks_of_stream_for_a_day(script: Page, skew: float) -> None:
    """Each tick is 30 ms late, and every hour some come in a burst, 20 s late."""
    lags: list[float] = script.evaluate(
        """([skew]) => {
            let now = 0;
            performance.now = () => now;
            const clock = new window.dashapp.ServerClock();
            clock.update(0, true);
            const lags = [];
            for (let tick = 1; tick <= 86_400; tick += 1) {
                const late = tick % 3600 < 20 ? 1000 * (20 - (tick % 3600)) : 0;
                now = (1000 * tick + 30 + late) / (1 + skew);
                clock.follow(tick);
                lags.push(clock.now() - now * (1 + skew));
            }
            return [Math.min(...lags), Math.max(...lags)];
        }""",
        [skew],
    )
    assert min(lags) > -50
    assert max(lags) < 10


def test_server_clock_is_viewers_own_before_first_response(script: Page) -> None:
    found: Any = script.evaluate(
        """() => {
            const clock = new window.dashapp.ServerClock();
            const before = [clock.isKnown, clock.now() - Date.now()];
            clock.update(1e6, true);
            return [...before, clock.isKnown, clock.now() - 1e9];
        }"""
    )
    was_known, viewer_offset, is_known, server_offset = found
    assert [was_known, is_known] == [False, True]
    assert abs(viewer_offset) < 1000
    assert abs(server_offset) < 1000
