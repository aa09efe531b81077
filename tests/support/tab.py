"""A browser tab for each test; an uncaught error in it fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, ViewportSize
from reporting import keep_evidence
from waiting import PATIENCE_S

# An offset from UTC that is no whole hour, so that a test detects times in the wrong zone.
ZONE = "Asia/Kolkata"
VIEWPORT: ViewportSize = {"width": 1200, "height": 860}
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
Keeps = Callable[[pytest.Item, pytest.Item | None], bool]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Close the page before fixtures stop its server: a request in flight would fail the test."""
    if LENT in item.stash:
        item.stash[LENT].leave(item, nextitem)


def new_context(chromium: Browser) -> BrowserContext:
    context = chromium.new_context(viewport=VIEWPORT, timezone_id=ZONE, locale="en-GB")
    context.set_default_timeout(1000 * PATIENCE_S)
    return context


class SharedContext:
    """A browser context with a page for each test.

    One empty page stays open, and with it the process that has the scripts compiled: a page in a new context
    costs twice the CPU time.
    """

    def __init__(self, chromium: Browser) -> None:
        self.context = new_context(chromium)
        self._origins: set[str] = set()
        self._first = self.context.new_page()
        self._first.route("**/*", lambda route: route.fulfill(body=""))
        self._first.goto("http://127.0.0.1/")
        self._devtools = self.context.new_cdp_session(self._first)
        self.context.on("page", self._follow)

    def _follow(self, page: Page) -> None:
        page.on("framenavigated", lambda frame: self._origins.add("/".join(frame.url.split("/")[:3])))

    def clean(self, kept: Page | None = None) -> None:
        """Close the pages of a test but `kept`, and forget what they stored."""
        for page in self.context.pages:
            if page not in (self._first, kept):
                page.close()
        self.context.clear_permissions()
        if kept:
            return
        for origin in self._origins:
            stored = {"origin": origin, "storageTypes": "local_storage"}
            self._devtools.send("Storage.clearDataForOrigin", stored)
        self._origins.clear()
        self.context.clear_cookies()


class Tab:
    """A page, its uncaught errors, and its console.

    `keeps` decides whether the page stays open for the test after one that is over.
    """

    def __init__(self, context: BrowserContext, keeps: Keeps = lambda test, following: False) -> None:
        self.keeps = keeps
        self.page = context.new_page()
        self.page.add_init_script(COUNT_FLIGHTS)
        # The maximum number of requests for ticks in flight, once the page is left.
        self.most_flights = 0
        self._thrown: list[str] = []
        self._console: list[str] = []
        self.page.on("pageerror", lambda error: self._thrown.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, line: ConsoleMessage) -> None:
        self._console.append(f"{line.type}: {line.text}")
        if "dashapp:" in line.text:
            self._thrown.append(line.text)

    def lend(self, test: pytest.Item) -> Iterator[Tab]:
        """Yield the tab to a test; afterwards assert that no error was thrown."""
        test.stash[LENT] = self
        self._thrown.clear()
        self._console.clear()
        yield self
        assert not self._thrown, self._thrown

    @property
    def has_thrown(self) -> bool:
        return bool(self._thrown)

    def leave(self, test: pytest.Item, following: pytest.Item | None) -> None:
        """Save a screenshot and the console of a failed test; close the page.

        It stays open if `following` can use it.
        """
        page = self.page
        keep_evidence(test, page, [*self._console, *(f"thrown: {error}" for error in self._thrown)])
        if page.is_closed():
            return
        with suppress(Error):  # the page is being left already
            self.most_flights = page.evaluate("window.flights.most")
        if self.keeps(test, following):
            return
        # Errors from here on are those of a page that is left while it loads.
        thrown = list(self._thrown)
        page.close()
        self._thrown = thrown
