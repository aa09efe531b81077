"""The login in a browser: by hand and by keyboard, there and back; what an open page says when it ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from drawing import drawing, heard, wait_for_state
from feeder import Feeder
from guarded import PASSWORD
from playwright.sync_api import Browser, Page, expect
from served import Served
from waiting import wait_until

from dashapp.config.settings import parse
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app


@pytest.fixture
def live() -> Iterator[Served]:
    store = MemoryStore()
    feeder = Feeder(store, 0.5)
    feeder.past(100)
    feeder.start()
    settings = parse(["--store", "memory:", "--interval", "0.5"], {"DASHAPP_PASSWORD": PASSWORD})
    served = Served(create_app(store, settings))
    yield served
    feeder.stop()
    served.stop()


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_from_a_link_through_the_login_to_what_it_names(page: Page, live: Served) -> None:
    page.goto(live.url + "?window=300&panels=cpu")
    expect(page).to_have_title("Sign in · dashapp")
    expect(page.get_by_label("Password")).to_be_focused()
    sign_in(page, "something else")
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    wait_for_state(page, "live")
    assert page.url == live.url + "?window=300&panels=cpu"
    assert page.inner_text("#window-label").startswith("5 minutes")


def test_it_needs_no_script(chromium: Browser, live: Served) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(live.url)
    sign_in(page)
    assert page.url == live.url
    expect(page.locator("noscript")).to_be_attached()
    context.close()


def test_a_password_manager_knows_it(page: Page, live: Served) -> None:
    page.goto(live.url)
    box = page.get_by_label("Password")
    assert box.get_attribute("autocomplete") == "current-password"
    assert box.get_attribute("type") == "password"
    assert page.locator('input[autocomplete="username"]').count() == 1


def test_too_many_tries_are_told(page: Page, live: Served) -> None:
    page.goto(live.url)
    for _ in range(6):
        sign_in(page, "something else")
    expect(page.get_by_role("alert")).to_contain_text("Too many tries; please wait")


def test_signing_out_by_keyboard(page: Page, live: Served) -> None:
    page.goto(live.url)
    sign_in(page)
    wait_for_state(page, "live")
    page.locator("#sign-out").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_title("Sign in · dashapp")
    page.goto(live.url)
    expect(page).to_have_title("Sign in · dashapp")
    assert not page.context.cookies()


def test_without_a_password_there_is_nothing_to_sign_out_of(page: Page) -> None:
    store = MemoryStore()
    served = Served(create_app(store, parse(["--store", "memory:"], {})))
    page.goto(served.url)
    page.locator("#share").wait_for()
    assert page.locator("#sign-out").count() == 0
    page.locator("#share").click()
    assert "Share for a day" not in page.locator(".menu").inner_text()
    served.stop()


def test_a_session_that_ends_meanwhile_is_told_and_taken_up_again(page: Page, live: Served) -> None:
    page.goto(live.url + "?window=60")
    sign_in(page)
    wait_for_state(page, "live")
    page.context.clear_cookies()
    wait_for_state(page, "offline")
    assert page.inner_text("#status") == "Signed out"
    assert page.title().startswith("Signed out")
    locked = page.locator("#locked")
    expect(locked).to_contain_text("Your session has ended.")
    locked.get_by_role("link", name="Sign in again").click()
    sign_in(page)
    wait_for_state(page, "live")
    assert page.url == live.url + "?window=60"
    assert page.locator("#locked").count() == 0


def test_signing_in_elsewhere_brings_the_page_back(page: Page, live: Served) -> None:
    page.goto(live.url)
    sign_in(page)
    wait_for_state(page, "live")
    page.context.clear_cookies()
    wait_for_state(page, "offline")
    assert page.context.request.post(live.url + "login", form={"password": PASSWORD}).ok
    wait_for_state(page, "live")
    assert page.locator("#locked").count() == 0


def test_a_shared_view_shows_its_panel_to_a_stranger(page: Page, live: Served, chromium: Browser) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(live.url)
    sign_in(page)
    wait_for_state(page, "live")
    page.get_by_label("CPU: more").click()
    page.get_by_role("menuitem", name="Share for a day").click()
    expect(page.locator("#note")).to_contain_text("The link is copied. It shows this until")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(live.url + "share/")
    context = chromium.new_context(viewport={"width": 1200, "height": 860})
    stranger = context.new_page()
    failed: list[str] = []
    stranger.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    stranger.on("pageerror", lambda error: failed.append(str(error)))
    stranger.goto(link)
    wait_for_state(stranger, "live")
    wait_until(stranger, lambda: any(chart["traces"] for chart in drawing(stranger)))
    assert stranger.locator(".panel:not(.absent)").count() == 1
    assert stranger.locator("#sign-out").count() == 0
    stranger.locator("#share").click()
    assert "Share for" not in stranger.locator(".menu").inner_text()
    assert not failed
    stranger.goto(live.url)
    expect(stranger).to_have_title("Sign in · dashapp")
    context.close()


def test_nothing_stands_in_the_browsers_log(page: Page, live: Served) -> None:
    said = heard(page)
    page.goto(live.url)
    sign_in(page)
    wait_for_state(page, "live")
    assert not said
