"""The page that tests of a module share: kept only while nothing of a test is left in it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from chart_assertions import wait_for_state
from kept_tab import FIXTURE, KeptTab
from playwright.sync_api import Page
from reporting import FAILED
from served_page import Live, Serve
from tab import SharedContext


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all()


@pytest.fixture
def keeper(shared_context: SharedContext) -> KeptTab:
    return KeptTab(shared_context)


def follower(keeper: KeptTab, served: Live, first: str, *, failed: bool = False, module: str = "a") -> bool:
    """Return whether the test after one that runs the script `first` gets the same page."""
    tests: list[Any] = [
        SimpleNamespace(stash=pytest.Stash(), path=path, fixturenames=[FIXTURE], nodeid=f"tests/{path}")
        for path in ("a", module)
    ]
    pages: list[Page] = []
    for place, test in enumerate(tests):
        for tab in keeper.lend(test):
            keeper.open_at(tab, served.url, lambda page: wait_for_state(page, "live"))
            pages.append(tab.page)
            if place == 0:
                tab.page.evaluate(first)
                test.stash[FAILED] = failed
                if not tab.keeps(test, tests[1]):
                    tab.page.close()
            else:
                assert tab.page.evaluate("localStorage.length") == 0
                tab.page.close()
    return pages[0] is pages[1]


@pytest.mark.parametrize(
    "left",
    [
        "0",
        "document.getElementById('pause').click()",
        "document.querySelector('#menu').click()",
        "scrollTo(0, 300)",
        "localStorage.setItem('dashapp', '{\"version\": 1}')",
        "dashapp.page.theme.set('dark')",
    ],
    ids=["nothing", "pause", "menu", "place", "settings", "theme"],
)
def test_page_is_kept_if_what_is_left_can_be_undone(keeper: KeptTab, served: Live, left: str) -> None:
    assert follower(keeper, served, left)


@pytest.mark.parametrize(
    "left",
    [
        "document.querySelector('h1').className = 'changed'",
        "document.body.append(document.createElement('p'))",
        "document.querySelector('[data-panel=cpu]').remove()",
        "const real = fetch; window.fetch = (...query) => real(...query)",
        "Object.defineProperty(document, 'visibilityState', { get: () => 'visible', configurable: true })",
    ],
    ids=["class", "element", "panel", "function", "property"],
)
def test_page_that_stays_changed_is_replaced(keeper: KeptTab, served: Live, left: str) -> None:
    assert not follower(keeper, served, left)


def test_page_of_failed_test_or_other_module_is_replaced(keeper: KeptTab, served: Live) -> None:
    assert not follower(keeper, served, "0", failed=True)
    assert not follower(keeper, served, "0", module="b")
    assert follower(keeper, served, "0")
