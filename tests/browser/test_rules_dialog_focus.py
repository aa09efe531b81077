"""The dialog of alert rules: focus and form after a change; actions after a failed request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chart_assertions import wait_for_state
from playwright.sync_api import Page, Route, expect
from served_page import Live, Serve
from waiting import wait_until

RULES = ("cpu.percent > 90", "memory.percent > 95")


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    return serve_all(interval=0.5)


@pytest.fixture
def rules(page: Page, live: Live) -> list[str]:
    """The rules of a server with a login, whose dialog is open."""
    texts = list(RULES)

    def listed(route: Route) -> None:
        rules: list[dict[str, Any]] = [{"text": text, "state": "ok", "origin": "page"} for text in texts]
        route.fulfill(json={"thresholds": rules, "actions": [], "log": []})

    def deleted(route: Route) -> None:
        rule = json.loads(route.request.post_data or "")["rule"]
        texts.remove(rule)
        route.fulfill(json={"rule": rule})

    page.route("**/api/alerts?limit=20", listed)
    page.route("**/api/alerts/rules/delete", deleted)
    page.goto(live.url)
    wait_for_state(page, "live")
    page.evaluate("dashapp.openAlertRules(dashapp.page)")
    return texts


def test_deleting_the_edited_rule_empties_the_form_and_keeps_the_focus(page: Page, rules: list[str]) -> None:
    page.get_by_role("button", name=f"Change: {RULES[0]}").click()
    form = page.locator(".rule-form")
    expect(form.get_by_label("Rule")).to_have_value(RULES[0])
    page.get_by_role("button", name=f"Delete: {RULES[0]}").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".alert-rules li")).to_have_count(1)
    expect(form.get_by_label("Rule")).to_be_focused()
    expect(form.get_by_label("Rule")).to_have_value("")
    expect(form.get_by_role("button", name="Add rule")).to_be_visible()
    assert rules == [RULES[1]]


def test_cancel_ends_the_change_of_a_rule(page: Page, rules: list[str]) -> None:
    form = page.locator(".rule-form")
    expect(form.get_by_role("button", name="Cancel")).to_be_hidden()
    page.get_by_role("button", name=f"Change: {RULES[1]}").click()
    form.get_by_role("button", name="Cancel").click()
    expect(form.get_by_role("button", name="Add rule")).to_be_visible()
    expect(form.get_by_label("Rule")).to_have_value("")
    expect(form.get_by_label("Rule")).to_be_focused()
    assert rules == list(RULES)


def test_action_on_an_alert_is_loaded_again_after_a_failure(page: Page, live: Live) -> None:
    page.goto(live.url)
    wait_for_state(page, "live")
    requests: list[str] = []

    def answer(route: Route) -> None:
        requests.append(route.request.url)
        if len(requests) == 1:
            route.abort()
        else:
            route.fulfill(json={"thresholds": [], "actions": [], "log": []})

    page.route("**/api/alerts?limit=500", answer)
    for count in (1, 2, 2):
        page.evaluate("dashapp.page.alertHistory.update(undefined, {}, 5)")
        wait_until(page, lambda: page.evaluate("!dashapp.page.alertHistory.loading"))
        assert len(requests) == count
