"""Full screen for one panel, and the page on a wall."""

from __future__ import annotations

import re

import pytest
from chart_assertions import wait_for_state
from kept_tab import OpenAt
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import wait_until

GROUPS_ON_SCREEN = """() => [...document.querySelectorAll("[data-group]")]
    .filter((group) => group.offsetParent).map((group) => group.dataset.group)"""


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(past=300)


@pytest.fixture
def live(open_at: OpenAt, served: Live) -> Live:
    open_at(served.url, lambda page: wait_for_state(page, "live"))
    return served


def fills_window(page: Page, panel: str) -> bool:
    box = page.locator(f'[data-panel="{panel}"]').bounding_box()
    size = page.evaluate("[innerWidth, innerHeight]")
    return box is not None and [box["width"], box["height"]] == size


def chart_height(page: Page, panel: str) -> float:
    height: float = page.evaluate(
        "(panel) => document.querySelector(`[data-panel='${panel}'] .main-svg`).clientHeight", panel
    )
    return height


def test_panel_fills_window_by_menu_until_escape(page: Page, live: Live) -> None:
    page.locator('[data-panel="cores"] .main-svg').first.wait_for()
    before = chart_height(page, "cores")
    page.click('[data-panel="cores"] .more')
    page.get_by_role("menuitem", name="Full screen").click()
    wait_until(page, lambda: fills_window(page, "cores"))
    wait_until(page, lambda: chart_height(page, "cores") > 1.5 * before)
    expect(page.get_by_role("button", name="Leave full screen")).to_be_focused()
    page.keyboard.press("Escape")
    wait_until(page, lambda: not fills_window(page, "cores"))
    wait_until(page, lambda: chart_height(page, "cores") == before)
    expect(page.locator(".leave-full")).to_have_count(0)
    wait_for_state(page, "live")


def test_panel_below_mouse_fills_window_by_key(page: Page, live: Live) -> None:
    page.hover('[data-panel="cpu"] h2')
    page.keyboard.press("Shift+F")
    wait_until(page, lambda: fills_window(page, "cpu"))
    page.click(".leave-full")
    wait_until(page, lambda: not fills_window(page, "cpu"))


def test_kiosk_hides_controls_and_shows_time(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?kiosk=1")
    wait_for_state(page, "live")
    expect(page.locator("#kiosk-clock")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    for control in ("#window", "#pause", "#search", ".more"):
        expect(page.locator(control).first).to_be_hidden()
    expect(page.locator('[data-panel="cpu"]')).to_be_visible()
    expect(page).to_have_url(re.compile(r"kiosk=1"))
    page.keyboard.press("Escape")
    expect(page.locator("#window")).to_be_visible()
    expect(page.locator("#kiosk-clock")).to_be_hidden()
    expect(page).not_to_have_url(re.compile(r"kiosk"))


def test_kiosk_shows_groups_in_turn_and_pauses_on_interaction(page: Page, live: Live) -> None:
    """Each step is due at a time, which the test moves."""
    page.keyboard.press("k")
    groups = page.evaluate("dashapp.page.kiosk.groups().map((group) => group.dataset.group)")
    assert len(groups) > 1
    due = "dashapp.page.kiosk.nextStepAt = 0"
    for group in [*groups[1:], groups[0]]:
        if page.evaluate(GROUPS_ON_SCREEN) != [group]:
            page.evaluate(due)
            wait_until(page, lambda g=group: page.evaluate(GROUPS_ON_SCREEN) == [g])
    page.mouse.move(50, 50)
    page.mouse.move(60, 60)
    wait_until(page, lambda: page.evaluate("dashapp.page.kiosk.nextStepAt - performance.now()") > 30_000)


def test_unknown_kiosk_in_address_is_explained(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?kiosk=yes")
    expect(page.locator("#note.shown")).to_have_text("Unknown kiosk in the link: “yes”; expected 1.")
    expect(page.locator("#window")).to_be_visible()
