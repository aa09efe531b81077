"""A browser tab for one test or for a file's tests; an uncaught error in it fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page
from reporting import keep_evidence
from waiting import PATIENCE_S

# An offset from UTC that is no whole hour, so that a test detects times in the wrong zone.
ZONE = "Asia/Kolkata"
# Requests for ticks in flight: the current number, the maximum, and the time (ms) and address of each.
COUNT_FLIGHTS = r"""
window.flights = { now: 0, most: 0, at: [], urls: [] };
const plain = window.fetch;
window.fetch = async (...question) => {
    if (!/\/api\/(ticks|frames)/.test(String(question[0]))) return plain(...question);
    window.flights.at.push(Date.now());
    window.flights.urls.push(String(question[0]));
    window.flights.now += 1;
    window.flights.most = Math.max(window.flights.most, window.flights.now);
    try { return await plain(...question); } finally { window.flights.now -= 1; }
};
"""
# Hides or shows the page; returns the number of its requests.
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    Object.defineProperty(document, "visibilityState", {
        configurable: true, get: () => (hidden ? "hidden" : "visible") });
    document.dispatchEvent(new Event("visibilitychange"));
    return window.flights.at.length;
}"""
LENT = pytest.StashKey["Tab"]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Leave the page before fixtures stop its server: a request in flight would fail the test."""
    if LENT in item.stash:
        item.stash[LENT].leave(item)


class Tab:
    """A page, its uncaught errors, and its console."""

    def __init__(self, chromium: Browser) -> None:
        context = chromium.new_context(
            viewport={"width": 1200, "height": 860}, timezone_id=ZONE, locale="en-GB"
        )
        context.set_default_timeout(1000 * PATIENCE_S)
        self.page = context.new_page()
        self.page.add_init_script(COUNT_FLIGHTS)
        # The maximum number of requests for ticks in flight, in the page that was left last.
        self.most_flights = 0
        self._thrown: list[str] = []
        self._console: list[str] = []
        self.page.on("pageerror", lambda error: self._thrown.append(str(error)))
        self.page.on("console", self._hear)
        self._origins: set[str] = set()
        self.page.on("framenavigated", lambda frame: self._origins.add("/".join(frame.url.split("/")[:3])))

    def _hear(self, line: ConsoleMessage) -> None:
        self._console.append(f"{line.type}: {line.text}")
        if "dashapp:" in line.text:
            self._thrown.append(line.text)

    def lend(self, test: pytest.Item) -> Iterator[Page]:
        """Yield the page to a test."""
        test.stash[LENT] = self
        yield self.page

    def leave(self, test: pytest.Item) -> None:
        """Save a screenshot and the console if the test failed, and leave the page."""
        page = self.page
        keep_evidence(test, page, [*self._console, *(f"thrown: {error}" for error in self._thrown)])
        if page.is_closed():
            return
        with suppress(Error):  # the page is being left already
            self.most_flights = page.evaluate("window.flights.most")
        # Errors from here on are those of a page that is left while it loads.
        thrown = list(self._thrown)
        page.goto("about:blank")
        self._thrown = thrown

    def close(self) -> None:
        thrown = list(self._thrown)
        self.page.context.close()
        assert not thrown, thrown

    def clean(self) -> None:
        """Reset the tab, so that a test does not affect the next one.

        An init script cannot be removed, so a test that adds one needs its own tab.
        """
        page = self.page
        for other in page.context.pages:
            if other is not page:
                other.close()
        page.unroute_all(behavior="ignoreErrors")
        devtools = page.context.new_cdp_session(page)
        for origin in self._origins:
            devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage"})
        devtools.detach()
        page.mouse.move(0, 0)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1200, "height": 860})
        page.context.clear_permissions()
        thrown, self._thrown, self._console, self._origins = self._thrown, [], [], set()
        assert not thrown, thrown
