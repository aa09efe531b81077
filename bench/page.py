"""The page in a real Chromium, and counters of its DevTools protocol: tasks, bytes, heap."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

# Only the measured chart: a chart that is not displayed is not drawn.
BY_ITSELF = "[data-panel]:not([data-panel=cpu]) { display: none !important }"
VIEWPORT: Any = {"width": 1280, "height": 800}


@cache
def chromium() -> str | None:
    """Return the path of the Chromium that the tests use; None for Playwright's own."""
    finder = Path(__file__).resolve().parent.parent / "tests" / "support" / "chromium.py"
    process = subprocess.run([sys.executable, str(finder)], capture_output=True, text=True, check=True)
    path = process.stdout.strip()
    return path if Path(path).is_file() else None


@contextmanager
def browser(*flags: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=list(flags))
        try:
            yield running
        finally:
            running.close()


@contextmanager
def opened(running: Browser, *, script: str = "") -> Iterator[tuple[BrowserContext, Page, CDPSession]]:
    """Yield a blank page in a context of its own (an empty cache); `script` runs first in it."""
    context = running.new_context(viewport=VIEWPORT)
    try:
        if script:
            context.add_init_script(script)
        page = context.new_page()
        yield context, page, session(page)
    finally:
        context.close()


def session(page: Page) -> CDPSession:
    cdp = page.context.new_cdp_session(page)
    # Thread time, so that a task does not count as longer while it waits for a core that others use.
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    return cdp


def metrics(cdp: CDPSession) -> dict[str, float]:
    """Return Chromium's counters: TaskDuration (s), JSHeapUsedSize (bytes), Nodes, and more."""
    return {metric["name"]: metric["value"] for metric in cdp.send("Performance.getMetrics")["metrics"]}


def until(page: Page, expression: str, timeout: float = 20.0) -> None:
    """Wait until `expression` is true in the page.

    The page's policy forbids Playwright's own way to wait for it.
    """
    deadline = time.monotonic() + timeout
    while not page.evaluate(expression):
        if time.monotonic() > deadline:
            raise RuntimeError(f"the page did not reach {expression} in {timeout:g} s")
        page.wait_for_timeout(50)


class Traffic:
    """Counts requests and received bytes of a page from now on, headers included."""

    def __init__(self, cdp: CDPSession) -> None:
        self.requests = 0
        self.bytes = 0.0
        self.responses: list[tuple[str, float]] = []
        self._urls: dict[str, str] = {}
        cdp.on("Network.requestWillBeSent", self._sent)
        cdp.on("Network.loadingFinished", self._finished)
        cdp.send("Network.enable")

    def _sent(self, event: dict[str, Any]) -> None:
        url = event["request"]["url"]
        if url.startswith("http"):
            self._urls[event["requestId"]] = url

    def _finished(self, event: dict[str, Any]) -> None:
        url = self._urls.get(event["requestId"])
        size = event["encodedDataLength"]
        # A file from the browser's own cache has no bytes, and caused no request.
        if url is not None and size > 0:
            self.requests += 1
            self.bytes += size
            self.responses.append((url, size))
