"""Login in the browser: mouse and keyboard, sign-out, and an open page after its session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from authenticated_app import PASSWORD
from chart_assertions import drawing, heard, wait_for_state
from fake_collector import Feeder
from faulty_server import POLL, STREAM, TRANSPORTS, Served
from playwright.sync_api import Browser, Page, Route, expect
from waiting import PATIENCE_S, wait_until

from dashapp.config.settings import parse_settings
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app


@pytest.fixture(scope="module")
def feeder() -> Iterator[Feeder]:
    feeder = Feeder(MemoryStore(), 0.5)
    feeder.backfill(100)
    feeder.start()
    yield feeder
    feeder.stop()


@contextmanager
def served(feeder: Feeder, *flags: str, password: str = PASSWORD, transport: str = POLL) -> Iterator[Served]:
    settings = parse_settings(
        ["--store", "memory:", "--interval", "0.5", *flags],
        {"DASHAPP_PASSWORD": password} if password else {},
    )
    server = Served(create_app(feeder.store, settings), transport)
    yield server
    server.close()


@pytest.fixture
def live(feeder: Feeder) -> Iterator[Served]:
    """A server for one test, because a server counts login attempts."""
    with served(feeder) as server:
        yield server


@contextmanager
def another(chromium: Browser, **how: Any) -> Iterator[Page]:
    """Open a page in another browser context."""
    with chromium.new_context(viewport={"width": 1200, "height": 860}, **how) as context:
        context.set_default_timeout(1000 * PATIENCE_S)
        yield context.new_page()


def sign_in(page: Page, password: str = PASSWORD) -> None:
    """Submit the password, and wait for the page that follows."""
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def test_login_returns_to_requested_url(page: Page, live: Served) -> None:
    page.goto(live.url + "?window=300&panels=cpu")
    expect(page).to_have_title("Sign in · dashapp")
    expect(page.get_by_label("Password")).to_be_focused()
    sign_in(page, "something else")
    expect(page.get_by_role("alert")).to_have_text("Wrong password.")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    wait_for_state(page, "live")
    expect(page).to_have_url(live.url + "?window=300&panels=cpu")
    expect(page.locator("#window-label")).to_have_text(re.compile("^5 minutes"))


def test_login_works_without_javascript(chromium: Browser, live: Served) -> None:
    with another(chromium, java_script_enabled=False) as page:
        page.goto(live.url)
        sign_in(page)
        expect(page).to_have_url(live.url)
        expect(page.locator("noscript")).to_be_attached()


def test_login_form_has_password_manager_attributes(page: Page, live: Served) -> None:
    page.goto(live.url)
    box = page.get_by_label("Password")
    expect(box).to_have_attribute("autocomplete", "current-password")
    expect(box).to_have_attribute("type", "password")
    expect(page.locator('input[autocomplete="username"]')).to_have_count(1)


def test_login_shows_error_after_too_many_attempts(page: Page, live: Served) -> None:
    page.goto(live.url)
    # All at once, because attempts expire after a minute.
    for _ in range(5):
        page.context.request.post(live.url + "login", form={"password": "something else"})
    sign_in(page, "something else")
    expect(page.get_by_role("alert")).to_contain_text("Too many attempts. Try again in")


def test_sign_out_works_by_keyboard(page: Page, live: Served) -> None:
    page.goto(live.url)
    sign_in(page)
    wait_for_state(page, "live")
    page.locator("#menu").focus()
    page.keyboard.press("Enter")
    page.locator("#sign-out").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_title("Sign in · dashapp")
    page.goto(live.url)
    expect(page).to_have_title("Sign in · dashapp")
    assert not page.context.cookies()


def test_sign_out_is_absent_without_password(page: Page, feeder: Feeder) -> None:
    with served(feeder, password="") as server:
        page.goto(server.url)
        wait_for_state(page, "live")
        expect(page.locator("#sign-out")).to_have_count(0)
        page.locator("#menu").click()
        page.locator("#share").click()
        expect(page.locator(".menu")).not_to_be_empty()
        expect(page.locator(".menu")).not_to_contain_text("Share for a day")


def test_open_page_shows_sign_in_link_after_session_ends(page: Page, live: Served) -> None:
    page.goto(live.url + "?window=60")
    sign_in(page)
    wait_for_state(page, "live")
    page.context.clear_cookies()
    wait_for_state(page, "offline")
    expect(page.locator("#status")).to_have_text("You are signed out")
    expect(page).to_have_title(re.compile("^Signed out"))
    locked = page.locator("#locked")
    expect(locked).to_contain_text("You are signed out.")
    locked.get_by_role("link", name="Sign in again").click()
    sign_in(page)
    wait_for_state(page, "live")
    expect(page).to_have_url(live.url + "?window=60")
    expect(page.locator("#locked")).to_have_count(0)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_open_page_shows_sign_in_link_after_sign_out_in_other_tab(
    page: Page, feeder: Feeder, transport: str
) -> None:
    with served(feeder, transport=transport) as server:
        page.goto(server.url)
        sign_in(page)
        wait_for_state(page, "live")
        if transport == STREAM:
            wait_until(page, lambda: page.evaluate("dashapp.page.poller.stream.events > 0"))
        other = page.context.new_page()
        other.goto(server.url)
        wait_for_state(other, "live")
        other.click("#menu")
        other.click("#sign-out")
        expect(other).to_have_title("Sign in · dashapp")
        other.close()
        expect(page.locator("#status")).to_have_text("You are signed out")
        expect(page.locator("#locked").get_by_role("link", name="Sign in again")).to_be_visible()
        opened = len(server.trouble.streams)
        page.evaluate(BEATS)
        wait_until(page, lambda: page.evaluate("window.beats") >= 3)
        assert len(server.trouble.streams) == opened
        assert page.context.request.post(server.url + "login", form={"password": PASSWORD}).ok
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        wait_for_state(page, "live")
        expect(page.locator("#locked")).to_have_count(0)


REFUSALS = ({"status": 401}, {"status": 403}, {"status": 302, "headers": {"location": "/login"}})


def test_open_page_stops_requests_when_login_refuses_them(page: Page, feeder: Feeder) -> None:
    """The login of an application or of a proxy in front answers in one of these ways."""
    with served(feeder, password="") as server:
        page.goto(server.url)
        wait_for_state(page, "live")
        page.evaluate(BEATS)
        for refusal in REFUSALS:
            expect_signed_out(page, server, refusal)


def expect_signed_out(page: Page, server: Served, refusal: dict[str, Any]) -> None:
    """Refuse the page's requests until it stops, and let it in again."""
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(**refusal)

    page.route("**/api/ticks*", refuse)
    expect(page.locator("#status")).to_have_text("You are signed out")
    expect(page.locator("#locked").get_by_role("link")).to_have_attribute("href", server.url)
    page.evaluate("window.beats = 0")
    wait_until(page, lambda: page.evaluate("window.beats") >= 3)
    assert len(refused) == 1
    page.unroute("**/api/ticks*")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    wait_for_state(page, "live")


BEATS = """() => {
    const { dashapp } = window.dash_clientside;
    window.beats = 0;
    const plain = dashapp.tick;
    dashapp.tick = (...given) => { window.beats += 1; return plain(...given); };
}"""


def test_open_page_resumes_after_sign_in_in_other_tab(page: Page, live: Served) -> None:
    page.goto(live.url)
    sign_in(page)
    wait_for_state(page, "live")
    page.context.clear_cookies()
    wait_for_state(page, "offline")
    assert page.context.request.post(live.url + "login", form={"password": PASSWORD}).ok
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    wait_for_state(page, "live")
    expect(page.locator("#locked")).to_have_count(0)


def test_share_link_shows_its_panel_without_password(page: Page, live: Served, chromium: Browser) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(live.url)
    sign_in(page)
    wait_for_state(page, "live")
    page.get_by_label("CPU: menu", exact=True).click()
    page.get_by_role("menuitem", name="Share for a day").click()
    expect(page.locator("#note")).to_contain_text("Link copied. It works without a password until")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(live.url + "share/")
    with another(chromium) as stranger:
        failed: list[str] = []
        stranger.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        stranger.on("pageerror", lambda error: failed.append(str(error)))
        stranger.goto(link)
        wait_for_state(stranger, "live")
        wait_until(stranger, lambda: any(chart["traces"] for chart in drawing(stranger)))
        expect(stranger.locator(".panel:not(.absent)")).to_have_count(1)
        expect(stranger.locator("#sign-out")).to_have_count(0)
        stranger.locator("#menu").click()
        stranger.locator("#share").click()
        expect(stranger.locator(".menu")).not_to_be_empty()
        expect(stranger.locator(".menu")).not_to_contain_text("Share for")
        assert not failed
        stranger.goto(live.url)
        expect(stranger).to_have_title("Sign in · dashapp")


def test_login_leaves_browser_console_empty(page: Page, live: Served) -> None:
    said = heard(page)
    page.goto(live.url)
    sign_in(page)
    wait_for_state(page, "live")
    assert not said
