"""One open page for the tests of a module that leave it as they found it.

A test that uses `open_at` gets the tab of the test before, if that one passed and its page can be reset.
Any other test gets a new tab. So a test passes alone, in any order, and after a failed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Error, Page
from reporting import FAILED
from tab import VIEWPORT, SharedContext, Tab
from waiting import wait_until

# The fixture by which a test takes part.
FIXTURE = "open_at"
# How long a page may take to close what the test before had opened. It decides what a test costs, not what it
# finds: after that the next test opens a page of its own.
SETTLING_MS = 2000
# All that a test could leave in a page: address, stored settings, structure, focus and scroll position. It
# excludes what each tick changes: texts, charts, tables.
LOOK = """() => {
    const TICKING = ".chart, table, .legend, .tile, .brush, .cross, .tooltip, style, script, option";
    const PASSING = ["waiting", "loading", "starting"];
    const NAMES = ["id", "class", "hidden", "open", "data-state", "data-theme", "aria-pressed",
        "aria-expanded", "aria-checked", "aria-valuetext", "disabled", "lang"];
    const stored = Object.entries(localStorage).filter(([key]) => !key.startsWith("dashapp.stream"));
    const look = [location.href, JSON.stringify(stored.sort()), scrollX, scrollY,
        document.activeElement?.tagName, navigator.onLine,
        document.querySelectorAll("dialog[open], :popover-open, .legend [aria-pressed=false]").length];
    for (const element of document.querySelectorAll("html, body, body *")) {
        if (element.closest(TICKING)) continue;
        const facts = NAMES.map((name) => element.getAttribute(name) ?? "").join(" ").split(" ");
        look.push([element.tagName, ...facts.filter((fact) => fact && !PASSING.includes(fact))].join(" "));
    }
    return look.join("\\n");
}"""
# The functions of the page and its browser, which a test may have replaced.
FUNCTIONS = """() => {
    const found = new Map(), objects = { window, document, navigator, dashapp: window.dashapp ?? {} };
    for (const [name, object] of Object.entries(objects)) {
        for (const [key, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
            if (typeof (value ?? get) === "function") found.set(`${name}.${key}`, value ?? get);
        }
    }
    return found;
}"""
KEEP_FUNCTIONS = f"() => {{ window.keptFunctions = ({FUNCTIONS})(); }}"
HAS_SAME_FUNCTIONS = f"""() => {{
    const found = ({FUNCTIONS})(), kept = keptFunctions;
    return found.size === kept.size && [...found].every(([key, each]) => kept.get(key) === each);
}}"""
IS_AGAIN = f"(look) => ({LOOK})() === look"
IS_OPEN = "document.querySelector('dialog[open], :popover-open') !== null"
# The page applies its address: the live view, its window, and all panels.
RESET = """(address) => {
    localStorage.clear();
    history.replaceState(history.state, "", address);
    window.dashapp?.page?.applyUrl();
    document.activeElement?.blur();
    scrollTo(0, 0);
    const { flights } = window;
    // As after the first request.
    Object.assign(flights, { most: Math.max(1, flights.now), at: [], urls: [] });
}"""

OpenAt = Callable[[str, Callable[[Page], object]], None]


class KeptTab:
    """The tab that one test leaves to the next, if any."""

    def __init__(self, shared: SharedContext) -> None:
        self._shared = shared
        self._tab: Tab | None = None
        self._url = self._look = ""

    def lend(self, test: pytest.Item) -> Iterator[Tab]:
        """Yield the kept tab to a test that can use it, else a new one."""
        tab = self._again() if FIXTURE in test.fixturenames else None  # type: ignore[attr-defined]
        if tab is None:
            self._close()
            tab = Tab(self._shared.context, self._keeps)
        try:
            yield from tab.lend(test)
        finally:
            if self._tab is tab and not tab.page.is_closed():
                self._shared.clean(tab.page)
            else:
                self._close()

    def open_at(self, tab: Tab, url: str, ready: Callable[[Page], object]) -> None:
        """Open `url` in `tab`, unless it has it open already, and wait until it is `ready`."""
        page = tab.page
        if self._tab is tab and self._url == url:
            ready(page)
            return
        page.goto(url)
        ready(page)
        wait_until(page, lambda: self._is_still(page))
        page.evaluate(KEEP_FUNCTIONS)
        self._tab, self._url = tab, url

    def _is_still(self, page: Page) -> bool:
        """Return whether the page looks as at the call before."""
        before, self._look = self._look, page.evaluate(LOOK)
        return before == self._look

    def _keeps(self, test: pytest.Item, following: pytest.Item | None) -> bool:
        """Return whether `following` can use the page of `test`, which is over."""
        return (
            self._tab is not None
            and not self._tab.has_thrown
            and not test.stash.get(FAILED, False)
            and following is not None
            and following.path == test.path
            and FIXTURE in getattr(following, "fixturenames", ())
        )

    def _again(self) -> Tab | None:
        """Return the kept tab, reset and as it was when it opened, or None."""
        if self._tab is None or self._tab.page.is_closed():
            return None
        page = self._tab.page
        try:
            if not page.evaluate(HAS_SAME_FUNCTIONS):
                return None
            page.unroute_all()
            page.emulate_media(media="null", color_scheme="null", reduced_motion="null", forced_colors="null")
            if page.viewport_size != VIEWPORT:
                page.set_viewport_size(VIEWPORT)
            page.mouse.move(0, 0)
            if page.evaluate(IS_OPEN):
                page.keyboard.press("Escape")
            page.evaluate(RESET, self._url)
            page.wait_for_function(IS_AGAIN, arg=self._look, timeout=SETTLING_MS)
        except Error:
            return None
        return None if self._tab.has_thrown else self._tab

    def _close(self) -> None:
        self._tab = None
        self._shared.clean()
