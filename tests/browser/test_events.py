"""Events on the page: lines in every chart, the list, and marks by people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from chart_assertions import wait_for_state
from fake_collector import Feeder
from faulty_server import Served
from painted import painted_columns
from playwright.sync_api import Page, expect
from waiting import stays, wait_until, wait_until_passes

from dashapp.config.settings import Settings
from dashapp.model.events import MAX_EVENTS, Event, EventLog
from dashapp.sources.push import PushSource
from dashapp.stores.documents import EVENTS
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app

HTML = "<b onclick=alert(1)>rollback</b>"
ABOVE = ".plot-canvas.above"


@dataclass
class Site:
    """A page that ticks twice a second, and the queue of its marks."""

    store: MemoryStore
    queue: MemoryPushQueue
    server: Served

    def write(self, *events: tuple[float, str, str]) -> list[int]:
        """Replace the log by these events, in seconds before now; return their times."""
        now = time.time()
        log = EventLog().with_events(
            Event(round(1000 * (now - ago)), text, kind) for ago, text, kind in events
        )
        self.store.write_document(EVENTS, log)
        return [event.time_ms for event in log.events]

    def received(self) -> tuple[list[str], list[str]]:
        """Return the texts that the collector adds and removes."""
        source = PushSource(self.queue, lambda: 0)
        source.read()
        added, removed = source.take_events(), source.take_removed_events()
        return [text for _time, text in added], [text for _time, text in removed]


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    store, queue = MemoryStore(), MemoryPushQueue()
    feeder = Feeder(store, 0.5)
    feeder.backfill(1200)
    feeder.start(gapless=True)
    app = create_app(store, Settings(interval=0.5, store="memory:"), queue)
    server = Served(app)
    yield Site(store, queue, server)
    feeder.stop()
    server.close()


@pytest.fixture
def site(served: Site) -> Site:
    served.write()
    return served


def opened(page: Page, site: Site, count: int) -> list[str]:
    """Open the page with this many events on screen; return its requests for events."""
    requests: list[str] = []
    page.on("request", lambda each: requests.append(each.method) if "/api/events" in each.url else None)
    page.goto(f"{site.server.url}?window=600")
    wait_for_state(page, "live")
    if count:
        expect(page.locator('[data-panel="cpu"]')).to_have_attribute("data-events", str(count))
    return requests


def test_events_are_lines_in_every_chart_with_one_request(page: Page, site: Site) -> None:
    times = site.write((30, "deploy 1.4", "user"), (60, HTML, "user"), (90, "The machine started", "boot"))
    requests = opened(page, site, 3)
    for panel in ("cpu", "cores"):
        expect(page.locator(f'[data-panel="{panel}"]')).to_have_attribute("data-events", "3")

    def are_lines() -> None:
        shares = painted_columns(page, "cores", [float(each) for each in times], ABOVE)
        assert min(shares) > 0.3, shares

    wait_until_passes(page, are_lines)
    begun = len(site.server.trouble.asked)
    stays(lambda: requests == ["GET"], lambda: len(site.server.trouble.asked) > begun + 6, page)
    site.write(
        (30, "deploy 1.4", "user"),
        (20, "deploy 1.5", "user"),
        *[(9, "restart", "start")] * 2,
        (8, "x", "gap"),
    )
    expect(page.locator('[data-panel="cores"]')).to_have_attribute("data-events", "4")
    assert requests == ["GET", "GET"]


def test_thousands_of_events_are_counts_and_no_wall_of_lines(page: Page, site: Site) -> None:
    site.write(*((5 + 560 * number / MAX_EVENTS, f"event {number}", "user") for number in range(MAX_EVENTS)))
    opened(page, site, MAX_EVENTS)
    columns = page.evaluate("dashapp.page.liveView.charts[0].queue.liveView.events.groupings.size")
    assert columns < 5
    newest = site.store.newest().time_ms
    shares = painted_columns(page, "cpu", [newest - 1000.0 * ago for ago in range(1, 90)], ABOVE)
    assert max(shares) < 0.2
    page.locator('[data-panel="cpu"] .chart').hover()
    expect(page.locator('[data-panel="cpu"] .tooltip-events')).to_contain_text("events more")


def test_list_shows_events_by_day_and_jumps_to_a_moment(page: Page, site: Site) -> None:
    *_, day, old, new = site.write(
        (90_000, "before", "boot"),
        (900, "No data for 60 s: the machine was suspended", "gap"),
        (30, HTML, "user"),
    )
    assert day < old < new
    opened(page, site, 1)
    page.keyboard.press("e")
    rows = page.locator(".event-list li")
    expect(rows.locator(".event-text")).to_have_text(
        [HTML, "No data for 60 s: the machine was suspended", "before"]
    )
    expect(page.locator(".event-list .on-screen")).to_have_count(1)
    assert page.locator(".event-list h3").count() >= 2
    page.locator('.event-kinds [data-kind="user"]').click()
    expect(rows).to_have_count(2)
    rows.first.locator("button").click()
    expect(page.locator("dialog")).to_have_count(0)
    wait_for_state(page, "paused")
    wait_until(page, lambda: page.evaluate("dashapp.page.liveView.reading.pointer") == old)
    expect(page.locator("#event-at-crosshair")).to_contain_text(
        "No data for 60 s: the machine was suspended,"
    )
    expect(page.locator('[data-panel="cpu"] .cross bdi')).to_contain_text("suspended")
    page.keyboard.press("/")
    page.get_by_role("combobox").fill("rollback")
    expect(page.locator("#search-results [role=option]").first).to_contain_text(HTML)


def test_person_marks_a_moment_and_undoes_it(page: Page, site: Site) -> None:
    opened(page, site, 0)
    page.keyboard.press("e")
    expect(page.locator(".event-list")).to_contain_text("No events yet. Press m to mark a moment")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    expect(page.get_by_label("What happened")).to_be_focused()
    page.keyboard.type(HTML)
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator('[data-panel="cpu"]')).to_have_attribute("data-events", "1")
    assert wait_until(page, site.received) == ([HTML], [])
    # The message may have faded meanwhile.
    page.locator("#note button").dispatch_event("click")
    expect(page.locator('[data-panel="cpu"][data-events]')).to_have_count(0)
    wait_until_passes(page, lambda: _assert_equal(site.received()[1], [HTML]))


def test_removal_in_list_keeps_focus_and_offers_undo(page: Page, site: Site) -> None:
    site.write((60, "deploy", "user"), (40, "rollback", "user"), (20, "deploy", "user"))
    opened(page, site, 3)
    page.keyboard.press("e")
    remove = page.locator(".event-list .close")
    remove.nth(0).focus()
    page.keyboard.press("Enter")
    expect(remove).to_have_count(2)
    expect(remove.nth(0)).to_be_focused()
    page.locator("dialog #note button").click()
    expect(remove).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator("body > #note")).to_contain_text("Marked: deploy")
    assert site.received()[0] == ["deploy"]


def test_more_events_in_list_get_the_focus_of_their_button(page: Page, site: Site) -> None:
    site.write(*((5 + number, f"event {number}", "user") for number in range(201)))
    opened(page, site, 201)
    page.keyboard.press("e")
    page.get_by_role("button", name="1 event before").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".event-list li").nth(200).locator("button").first).to_be_focused()


def test_times_in_tooltip_follow_the_time_zone(page: Page, site: Site) -> None:
    opened(page, site, 0)
    shown = page.evaluate(
        """() => ["UTC", "Asia/Tokyo"].map((zone) => {
            const element = (window.rows ??= document.body.appendChild(document.createElement("div")));
            dashapp.setTimeZone(zone);
            dashapp.showEventRows(element, [{ t: 1795218017000, text: "deploy", kind: "user" }]);
            return element.textContent;
        })"""
    )
    assert shown == ["deploy23:40:17", "deploy08:40:17"]


def test_events_of_a_new_store_with_the_same_numbers_are_loaded(page: Page, site: Site) -> None:
    requests = opened(page, site, 0)
    page.evaluate("window.log = new dashapp.EventLog(dashapp.page.poller.base, true)")
    for generation in "ab":
        page.evaluate(
            """async (generation) => {
                log.loadedAt = -Infinity;
                const cursors = [`${generation}.1`, `${generation}.2`];
                for (const cursor of cursors) log.update({ events: 1, cursor });
            }""",
            generation,
        )
        wait_until(page, lambda: page.evaluate("!log.loading && log.loadedNumbers.length > 0"))
    assert requests == ["GET", "GET"]


def test_refused_mark_shows_one_sentence_in_dialog(page: Page, site: Site) -> None:
    opened(page, site, 0)
    page.locator('[data-panel="cpu"] .more').click()
    page.get_by_role("menuitem", name="Mark this moment").click()
    page.get_by_label("What happened").fill("deploy")
    page.get_by_label("When").fill("2096-01-01T10:00:00")
    page.get_by_role("button", name="Mark", exact=True).click()
    expect(page.locator("dialog .wrong")).to_contain_text("not in the future")
    assert site.received() == ([], [])


def _assert_equal(value: Any, expected: Any) -> None:
    assert value == expected
