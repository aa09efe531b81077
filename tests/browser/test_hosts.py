"""Many hosts in the browser: the list, links to one and to several hosts, stopped hosts."""

from __future__ import annotations

import re

from chart_assertions import assert_drawn_equals_store, wait_for_state
from playwright.sync_api import Page, expect
from served_page import Many, Serving
from tall import TALL
from waiting import wait_until

LIST = '[data-table="hosts"]'
# Pretend that ten seconds have passed; then a page with one host asks whether there are others.
LATER = """() => {
    const plain = performance.now.bind(performance);
    performance.now = () => plain() + 10_000;
}"""


def names(page: Page, within: str = LIST) -> list[str]:
    return page.locator(f"{within} tbody .name").all_inner_texts()


def cell(page: Page, name: str, column: str, within: str = LIST) -> str:
    row = page.locator(f"{within} tbody tr").filter(has=page.get_by_role("link", name=name, exact=True))
    return row.locator(f".{column}").inner_text()


def of_hosts(live: Many) -> list[bool]:
    """Return for each request so far whether it asks for the host list as well."""
    return ["hosts=1" in query for query in list(live.server.trouble.asked)]


def wait_for_more(page: Page, live: Many, count: int) -> None:
    """Wait until the page has sent `count` more requests."""
    begun = len(live.server.trouble.asked)
    wait_until(page, lambda: len(live.server.trouble.asked) >= begun + count)


def assert_nobody_looks(page: Page, live: Many) -> None:
    """Assert that soon several requests in a row do not ask for the host list.

    A page that checks for new hosts now and then may ask once.
    """
    begun = len(live.server.trouble.asked)
    wait_until(page, lambda: (last := of_hosts(live)[begun:][-3:]) == [False] * 3 and last)


def test_host_list_shows_100_hosts_with_one_request_per_tick(page: Page, many: Serving) -> None:
    hosts = [f"web-{number}" for number in range(1, 101)]
    live = many(*hosts)
    page.goto(live.url(), wait_until="commit")
    page.wait_for_selector(f"{LIST} tbody tr:nth-child(100)")
    # Within a second on an idle machine; bench/scale measures that.
    wait_until(page, lambda: names(page) == hosts)  # by number, not by letter
    wait_for_state(page, "live")
    store = live.fleet.machines["web-1"].store
    before, begun = store.newest().time_ms, len(live.server.trouble.asked)
    value = cell(page, "web-50", "cpu")
    wait_for_more(page, live, 5)
    wait_until(page, lambda: cell(page, "web-50", "cpu") != value)
    # A request that is repeated without news is the same; one request per host would differ. The first two
    # may be for ticks that were there before.
    questions = set(live.server.trouble.asked[begun:])
    assert len(questions) <= (store.newest().time_ms - before) / 1000 + 2
    assert all(of_hosts(live))
    assert page.evaluate("window.flights.most") == 1


def test_host_name_links_to_host_page(page: Page, many: Serving) -> None:
    live = many("web-1", "web-2", "web-3")
    page.set_viewport_size(TALL)
    page.goto(f"{live.url()}?window=30")
    page.locator(LIST).get_by_role("link", name="web-2").click()
    page.wait_for_url(f"{live.url('web-2')}?window=30")
    assert_drawn_equals_store(page, live.fleet.machines["web-2"].store)
    expect(page.locator(LIST)).to_have_count(0)
    expect(page.locator("#page h1")).to_contain_text("web-2")
    expect(page).to_have_title(re.compile("% CPU · web-2$"))
    page.go_back()
    wait_until(page, lambda: names(page) == ["web-1", "web-2", "web-3"])


def test_host_dialog_filters_and_navigates_by_keyboard(page: Page, many: Serving) -> None:
    live = many("web-1", "web-2", "db-1", "db-2")
    page.goto(live.url("web-1"))
    wait_for_state(page, "live")
    assert_nobody_looks(page, live)
    seen = len(live.asked())
    page.keyboard.press("h")
    dialog = page.get_by_role("dialog", name="Hosts")
    expect(dialog.get_by_label("Filter hosts by name")).to_be_focused()
    wait_until(page, lambda: names(page, "dialog") == ["db-1", "db-2", "web-1", "web-2"])
    wait_until(page, lambda: len(live.asked()) > seen + 1)
    expect(dialog.get_by_role("link", name="web-1")).to_have_attribute("aria-current", "page")
    expect(dialog.get_by_label("Compare web-1")).to_be_checked()
    page.keyboard.type("DB")
    wait_until(page, lambda: names(page, "dialog") == ["db-1", "db-2"])
    dialog.get_by_role("link", name="db-1").focus()
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("link", name="db-2")).to_be_focused()
    value = cell(page, "db-2", "cpu", "dialog")
    wait_until(page, lambda: cell(page, "db-2", "cpu", "dialog") != value)
    expect(dialog.get_by_role("link", name="db-2")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert_nobody_looks(page, live)
    page.click("#hosts")
    page.keyboard.type("db-2")
    page.keyboard.press("Enter")
    page.wait_for_url(live.url("db-2"))
    page.click("#hosts")
    page.get_by_role("link", name="All hosts").click()
    page.wait_for_url(live.url())


def test_host_list_marks_stopped_host_and_drops_removed_host(page: Page, many: Serving) -> None:
    live = many("web-1", "web-2", "web-3")
    page.goto(live.url())
    wait_until(page, lambda: cell(page, "web-2", "state") == "Live")
    live.fleet.machines["web-2"].running = False
    wait_until(page, lambda: cell(page, "web-2", "state").startswith("Stopped since "))
    expect(page.locator(f"{LIST} .of")).to_have_text("2 live, 1 stopped")
    wait_until(page, lambda: cell(page, "web-1", "state") == "Live")
    live.fleet.said = ["Redis does not answer."]
    wait_until(page, lambda: cell(page, "web-2", "state") == "Unknown")
    expect(page.locator(f"{LIST} .of")).to_have_text("2 live, 1 unknown")
    live.fleet.said = []
    live.fleet.machines["web-2"].running = True
    wait_until(page, lambda: cell(page, "web-2", "state") == "Live")
    live.fleet.forget("web-3")
    wait_until(page, lambda: names(page) == ["web-1", "web-2"])


def test_compared_host_keeps_tile_when_it_stops(page: Page, many: Serving) -> None:
    live = many("web-1", "web-2")
    page.goto(live.url("web-1", "web-2"))
    wait_for_state(page, "live")
    tiles = page.locator(".tile:not(.absent)")
    value = tiles.locator(".tile-value")
    wait_until(page, lambda: tiles.count() == 2 and all("%" in each for each in value.all_inner_texts()))
    live.fleet.machines["web-2"].running = False
    wait_until(page, lambda: value.nth(1).inner_text() == "\N{EN DASH}")
    expect(value.nth(0)).to_contain_text("%")
    live.fleet.machines["web-2"].running = True
    wait_until(page, lambda: "%" in value.nth(1).inner_text())


def test_host_list_is_hidden_until_second_host_appears(page: Page, many: Serving) -> None:
    live = many("web-1")
    page.goto(live.url())
    wait_for_state(page, "live")
    expect(page.locator("#hosts")).to_be_hidden()
    expect(page.locator(LIST)).to_be_hidden()
    expect(page.locator("#page h1")).to_have_text("web-1")
    page.keyboard.press("h")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(1)
    expect(page.get_by_role("dialog")).not_to_contain_text("Choose or compare hosts")
    page.keyboard.press("Escape")
    assert_nobody_looks(page, live)
    live.fleet.add("web-2", 5)
    page.evaluate(LATER)
    page.wait_for_selector("#hosts:visible")
    wait_until(page, lambda: names(page) == ["web-1", "web-2"])
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Choose or compare hosts")


def test_unknown_host_is_reported_and_drawn_when_it_appears(page: Page, many: Serving) -> None:
    live = many("web-1", "web-2")
    page.set_viewport_size(TALL)
    page.goto(live.url("late"))
    expect(page.locator("#status")).to_contain_text("Unknown host late")
    expect(page.locator("#status")).to_have_attribute("data-state", "stale")
    live.fleet.add("late", 20)
    wait_for_state(page, "live")
    assert_drawn_equals_store(page, live.fleet.machines["late"].store)


def test_host_name_with_markup_is_shown_as_text(page: Page, many: Serving) -> None:
    """A store should never hold such names.

    The page shows them as text, and their links stay below this page.
    """
    live = many("web-1", '<img src=x onerror="document.title=1">', "javascript:alert(1)")
    page.goto(live.url())
    wait_until(page, lambda: len(names(page)) == 3)
    expect(page.locator(f"{LIST} img")).to_have_count(0)
    links = page.locator(f"{LIST} tbody a").evaluate_all("all => all.map((each) => each.href)")
    assert all(link.startswith(f"{live.url()}host/") for link in links)
