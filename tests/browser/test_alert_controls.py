"""Alerts on a page with a login: people mute, acknowledge, and keep rules in a dialog."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from alert_page import AlertSite, alert_site
from authenticated_app import PASSWORD
from chart_assertions import wait_for_state
from playwright.sync_api import Locator, Page, expect
from waiting import wait_until

from dashapp.model.alerts.rules import RULE_EXPECTED

# It fires at the first tick.
FIRING = "cpu.percent >= 0"
CALM = [f"cpu.core0.percent > {1000 + number}" for number in range(9)]
IS_WITHIN_WIDTH = """(list) =>
    [...list.querySelectorAll("*")].every((part) => part.scrollWidth <= list.clientWidth)"""
HTML = "<b onclick=alert(1)>backup</b> runs"


@pytest.fixture
def site() -> Iterator[AlertSite]:
    with alert_site(FIRING, *CALM) as site:
        yield site


def open_signed_in(page: Page, site: AlertSite) -> None:
    """Open the page; sign in if its session does not exist yet."""
    page.goto(site.server.url)
    if page.title().startswith("Sign in"):
        page.get_by_label("Password").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_role("button", name="Sign in").click()
    wait_for_state(page, "live")


def open_list(page: Page) -> Locator:
    """Open the list of alerts; return the item of the one that fires."""
    page.locator("#alerts .count").click()
    return page.locator("#alerts .incidents .firing")


def open_dialog(page: Page) -> Locator:
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Alert rules")
    expect(rule_items(dialog).first).to_be_visible()
    return dialog


def rule_items(dialog: Locator) -> Locator:
    return dialog.locator("[data-rule]")


def test_firing_alert_is_muted_and_acknowledged_also_after_reload(page: Page, site: AlertSite) -> None:
    open_signed_in(page, site)
    count = page.locator("#alerts .count")
    expect(count).to_have_text("1 alert")
    open_list(page).get_by_role("button", name="Mute 1 hour").click()
    expect(page.locator("#note")).to_have_text("Muted for an hour: CPU at or above 0 %.")
    expect(count).to_have_attribute("data-muted", ", 1 muted")
    page.reload()
    expect(count).to_have_attribute("data-muted", ", 1 muted")
    item = open_list(page)
    expect(item.locator(".alert-state")).to_have_text(re.compile(r"^Muted until .*\d\d:\d\d:\d\d$"))
    expect(item.get_by_role("button", name="Mute 1 day")).to_have_count(0)
    item.get_by_role("button", name="Acknowledge").click()
    expect(item.get_by_label("Comment")).to_be_focused()
    page.keyboard.type(HTML)
    page.keyboard.press("Enter")
    expect(page.locator("#alerts .incidents")).to_have_count(0)
    dialog = open_dialog(page)
    dialog.get_by_text("History").click()
    newest = dialog.locator(".alert-actions li").first
    expect(newest).to_contain_text(f"Somebody acknowledged {FIRING}: {HTML}")
    expect(dialog.locator("b")).to_have_count(0)
    page.keyboard.press("Escape")
    item = open_list(page)
    expect(item.locator(".alert-state")).to_contain_text(f"Acknowledged: {HTML}")
    item.get_by_role("button", name="Unmute").click()
    expect(count).to_have_attribute("data-muted", "")


def test_rule_is_created_changed_and_deleted_by_keyboard(page: Page, site: AlertSite) -> None:
    open_signed_in(page, site)
    page.locator("#menu").focus()
    dialog = open_dialog(page)
    expect(dialog.get_by_label("Rule", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#menu")).to_be_focused()

    dialog = open_dialog(page)
    page.keyboard.type("cpu.percent")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text(f'Rule is "cpu.percent"; {RULE_EXPECTED}.')
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(f"{FIRING} critical")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("differ only in their options")
    expect(rule_items(dialog)).to_have_count(10)
    for item in rule_items(dialog).all():
        expect(item).to_contain_text("from the settings")
        expect(item.get_by_role("button")).to_have_count(0)

    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("cpu.core1.percent > 500")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("status")).to_have_text("Saved.")
    created = rule_items(dialog).filter(has_text="cpu.core1.percent")
    expect(created.locator("code")).to_have_text("cpu.core1.percent > 500")
    # On a phone, its buttons are on one line.
    size = page.viewport_size
    assert size
    page.set_viewport_size({"width": 360, "height": 740})
    tops = created.get_by_role("button").evaluate_all(
        "(all) => all.map((e) => e.getBoundingClientRect().top)"
    )
    assert len(tops) == 2
    assert tops[0] == tops[1]
    page.set_viewport_size(size)
    # The order of the keyboard.
    button = dialog.get_by_role("button", exact=True, name="Change: cpu.core1.percent > 500")
    for element in (
        dialog.get_by_role("button", name="Add rule"),
        dialog.get_by_role("button", name="Test"),
        dialog.locator("summary"),
        dialog.get_by_label("Find rules"),
        button,
    ):
        page.keyboard.press("Tab")
        expect(element).to_be_focused()
    button.press("Enter")
    expect(dialog.get_by_label("Rule", exact=True)).to_have_value("cpu.core1.percent > 500")
    # After "Cancel", the form adds a rule again.
    dialog.get_by_role("button", name="Cancel").press("Enter")
    expect(dialog.get_by_role("button", name="Add rule")).to_be_visible()
    expect(dialog.get_by_label("Rule", exact=True)).to_have_value("")
    button.press("Enter")
    page.keyboard.press("End")
    page.keyboard.type(" repeat 30m critical")
    page.keyboard.press("Enter")
    expect(created.locator("code")).to_have_text("cpu.core1.percent > 500 repeat 30m critical")
    expect(dialog.get_by_role("status")).to_have_text("Saved.")
    dialog.get_by_label("Find rules").fill("CRITICAL core1")
    expect(dialog.locator("[data-rule]:visible")).to_have_count(1)
    created.get_by_role("button", name="Delete").press("Enter")
    expect(created).to_have_count(0)
    expect(dialog.get_by_role("status")).to_have_text("Saved.")
    expect(dialog.get_by_label("Rule", exact=True)).to_be_focused()


def test_changed_options_keep_the_incident_and_its_controls(page: Page, site: AlertSite) -> None:
    open_signed_in(page, site)
    dialog = open_dialog(page)
    page.keyboard.type("cpu.core2.percent >= 0")
    page.keyboard.press("Enter")
    item = rule_items(dialog).filter(has_text="core2")
    expect(item).to_contain_text("firing")
    item.get_by_role("button", name="Change").click()
    page.keyboard.press("End")
    page.keyboard.type(" critical")
    page.keyboard.press("Enter")
    expect(item.locator("code")).to_have_text("cpu.core2.percent >= 0 critical")
    page.keyboard.type(f"{'x' * 200} missing for 1s")
    page.keyboard.press("Enter")
    # The open dialog shows a rule that begins to fire.
    expect(rule_items(dialog).filter(has_text="xxx")).to_contain_text("firing")
    with page.expect_navigation():
        page.keyboard.press("Escape")
    wait_for_state(page, "live")
    items = open_list(page)
    expect(items).to_have_count(3)
    expect(page.locator("#alerts .incidents > li")).to_have_count(3)
    wait_until(page, lambda: page.locator("#alerts .incidents").evaluate(IS_WITHIN_WIDTH))
    expect(items.first).to_contain_text("Critical: Core 2 at or above 0")
    expect(items.first.get_by_role("button", name="Mute 1 hour")).to_be_visible()


def test_page_without_login_has_no_alert_controls(page: Page, site: AlertSite) -> None:
    page.goto(site.public.url)
    wait_for_state(page, "live")
    expect(page.locator("#alert-rules")).to_have_count(0)
    page.keyboard.press("a")
    # The next key shows that the page has handled the first one.
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(1)
    expect(page.get_by_role("dialog")).not_to_contain_text("Alert rules")
    page.keyboard.press("Escape")
    item = open_list(page).first
    expect(item).to_be_visible()
    expect(item.locator(".alert-buttons")).to_have_count(0)
    expect(item).not_to_contain_text("backup")
