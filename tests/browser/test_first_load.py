"""The files of the first view of the page."""

from __future__ import annotations

from typing import Any

from chart_assertions import assert_drawn_equals_store
from playwright.sync_api import Page
from served_page import Serve
from waiting import wait_until

# plotly.js has 362 kB of these, and the scripts of Dash and React 219 kB.
MAX_BYTES, MAX_REQUESTS = 780_000, 14
# The last requests of a first load: the names of all metrics, and the whole history of one.
LAST = ("api/metrics", "api/ticks?metrics=cpu.percent&window=")


class Traffic:
    """Records the bytes of the responses of a page, except later ticks."""

    def __init__(self, page: Page, url: str) -> None:
        self.received: dict[str, int] = {}
        self._addresses: dict[str, str] = {}
        self._url = url
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._sent)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")

    def has(self, start: str) -> bool:
        return any(address.startswith(start) for address in self.received)

    def _sent(self, event: dict[str, Any]) -> None:
        address = event["request"]["url"]
        if address.startswith(self._url) and "&after=" not in address:
            self._addresses[event["requestId"]] = address.removeprefix(self._url)

    def _finished(self, event: dict[str, Any]) -> None:
        if (address := self._addresses.get(event["requestId"])) is not None:
            self.received[address] = event["encodedDataLength"]


def test_first_load_has_few_requests_and_bytes(own_page: Page, serve: Serve) -> None:
    live = serve()
    traffic = Traffic(own_page, live.url)
    own_page.goto(live.url)
    assert_drawn_equals_store(own_page, live.store)
    wait_until(own_page, lambda: all(traffic.has(start) for start in LAST))
    assert len(traffic.received) <= MAX_REQUESTS, traffic.received
    assert sum(traffic.received.values()) <= MAX_BYTES, traffic.received
    scripts = [address.partition("?")[0] for address in traffic.received if ".js" in address]
    assert sorted(scripts) == [
        "assets/dash-renderer.bundle.js",
        "assets/page.bundle.js",
        "assets/vendor/plotly-basic-4.1.1.min.js",
    ]
