"""The states of the page that axe checks: one table, and how to reach each state.

A new state is a new row. The code uses only the page's contract: `data-panel`, `#status`, the URL.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page

from bench.page import until

# Higher than a screen: a chart out of view is not drawn, and axe would not check it.
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 3200}, "color_scheme": "light"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DRAWN = "document.querySelector('[data-panel=cpu] .js-plotly-plot .scatterlayer path') !== null"


@dataclass(frozen=True)
class State:
    """A state of the page. `options` are the browser context's.

    `reach` brings the open page to the state and waits until it is there.
    """

    name: str
    reach: Callable[[Page], None]
    options: dict[str, Any] = field(default_factory=lambda: DESK)
    filled: bool = True
    # Whether the server has many hosts, and the part of the path that selects some of them.
    many: bool = False
    path: str = ""
    # Returns the query of the URL, when the page opens.
    query: Callable[[], str] = str

    def page(self) -> tuple[object, ...]:
        """Return a key that states of the same page share."""
        return (self.filled, self.many, self.path, self.query, *sorted(map(str, self.options.items())))


def shows(state: str) -> Callable[[Page], None]:
    """Return a function that waits until the badge shows `state` and a chart is drawn."""

    def reach(page: Page) -> None:
        _badge(page, state)
        until(page, DRAWN)

    return reach


def _badge(page: Page, state: str) -> None:
    until(page, f"document.querySelector('#status')?.dataset.state === '{state}'")


def _empty(page: Page) -> None:
    until(page, "document.querySelector('#status')?.textContent === 'Waiting for data'")


def _offline(page: Page) -> None:
    shows("live")(page)
    page.context.set_offline(True)
    _badge(page, "offline")


def pressed(key: str) -> Callable[[Page], None]:
    """Return a function that waits for a live page and opens the dialog of a key."""

    def reach(page: Page) -> None:
        shows("live")(page)
        page.keyboard.press(key)
        until(page, "document.querySelector('dialog[open]') !== null")

    return reach


def _menu(page: Page) -> None:
    shows("live")(page)
    page.click('[data-panel="cpu"] .more')
    until(page, "document.querySelector('.menu:popover-open') !== null")


def _page_menu(page: Page) -> None:
    shows("live")(page)
    page.click("#menu")
    until(page, "document.querySelector('#menu-items:popover-open') !== null")


def _processes(page: Page) -> None:
    shows("live")(page)
    page.locator('[data-table="top"]').scroll_into_view_if_needed()
    until(page, "document.querySelectorAll('[data-table=top] tbody tr').length > 3")


def _alert(page: Page) -> None:
    shows("live")(page)
    until(page, "document.querySelector('.tile.broken') !== null")


def _hosts(page: Page) -> None:
    shows("live")(page)
    page.keyboard.press("h")
    until(page, "document.querySelectorAll('dialog[open] tbody tr').length > 99")


def _past() -> str:
    return f"window=100&end={1000 * int(time.time() - 1200)}"


STATES = (
    State("a firing alert, dark", _alert, DESK | {"color_scheme": "dark"}),
    State("a firing alert, light", _alert),
    State("phone", shows("live"), PHONE),
    State("paused in the past", shows("paused"), query=_past),
    State("empty store", _empty, filled=False),
    State("help", pressed("?")),
    State("go to", pressed("g")),
    State("panels", pressed("v")),
    State("a panel's menu", _menu),
    State("the page's menu", _page_menu),
    State("processes", _processes),
    # The last one with this page, because it is not live any more.
    State("offline", _offline),
    State("hosts, dark", shows("live"), DESK | {"color_scheme": "dark"}, many=True),
    State("hosts, light", shows("live"), DESK | {"color_scheme": "light"}, many=True),
    State("choosing hosts", _hosts, many=True, path="host/web-005/"),
    State("choosing hosts, phone", _hosts, PHONE, many=True, path="host/web-005/"),
    State("hosts in one chart", shows("live"), many=True, path="host/web-001,web-003,web-005/"),
)
