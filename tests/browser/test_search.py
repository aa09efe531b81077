"""The search: metrics, panels, times and actions by keyboard, without a request."""

from __future__ import annotations

import re
from contextlib import closing

import pytest
from chart_assertions import assert_drawn_equals_store, heard, wait_for_state
from kept_tab import OpenAt
from page_scripts import load_scripts
from playwright.sync_api import Browser, Locator, Page, Route, expect
from served_page import Live, Serve
from waiting import wait_until

from dashapp.model.ticks import Metric, Tick


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(past=5400)


@pytest.fixture
def live(open_at: OpenAt, served: Live) -> Live:
    open_at(served.url, lambda page: assert_drawn_equals_store(page, served.store))
    return served


def options(page: Page) -> Locator:
    return page.locator("#search-results [role=option]")


def search(page: Page, text: str) -> None:
    page.keyboard.press("/")
    page.get_by_role("combobox").fill(text)


def test_search_opens_by_key_and_by_button(page: Page, live: Live) -> None:
    for way in ("/", "Control+k", "#search"):
        if way.startswith("#"):
            page.click(way)
        else:
            page.keyboard.press(way)
        expect(page.get_by_role("combobox")).to_be_focused()
        expect(options(page).first).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)


def test_search_by_arrow_keys_marks_one_option(page: Page, live: Live) -> None:
    search(page, "core")
    box = page.get_by_role("combobox")
    for key, index in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("ArrowUp", 0), ("ArrowUp", -1)):
        page.keyboard.press(key)
        option = options(page).nth(index)
        expect(option).to_have_attribute("aria-selected", "true")
        expect(page.locator("[role=option][aria-selected=true]")).to_have_count(1)
        expect(box).to_have_attribute("aria-activedescendant", option.get_attribute("id") or "")


def test_search_for_metric_shows_its_panel(page: Page, live: Live) -> None:
    page.set_viewport_size({"width": 800, "height": 400})
    search(page, "core2 percent")
    expect(options(page).first).to_contain_text("Core 2")
    page.keyboard.press("Enter")
    expect(page.locator('[data-panel="cores"]')).to_be_in_viewport()
    expect(page.locator('[data-panel="cores"]')).to_have_class(re.compile("found"))


def test_search_finds_metrics_that_the_page_learns_later(page: Page, served: Live) -> None:
    held: list[Route] = []
    page.route("**/api/metrics*", lambda route: held.append(route))
    page.goto(served.url)
    wait_for_state(page, "live")
    search(page, "core 2")
    expect(page.locator(".result-count")).to_have_text("Nothing found for “core 2”")
    wait_until(page, lambda: held)
    held[0].continue_()
    expect(options(page).first).to_contain_text("Core 2")
    page.keyboard.press("Enter")
    expect(page.locator('[data-panel="cores"]')).to_be_in_viewport()


def test_search_for_hidden_panel_shows_it(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?panels=-cores")
    wait_for_state(page, "live")
    expect(page.locator('[data-panel="cores"]')).to_be_hidden()
    search(page, "Cores")
    page.keyboard.press("Enter")
    expect(page.locator('[data-panel="cores"]')).to_be_in_viewport()


def test_search_for_time_shows_it(page: Page, live: Live) -> None:
    search(page, "30 min ago")
    expect(options(page).first).to_contain_text("Time")
    now = page.evaluate("dashapp.page.liveView.clock.now()")
    page.keyboard.press("Enter")
    wait_for_state(page, "paused")
    start, end = page.evaluate("dashapp.page.liveView.pausedRange")
    assert (start + end) / 2 == pytest.approx(now - 30 * 60_000, abs=60_000)
    search(page, "now")
    page.keyboard.press("Enter")
    wait_for_state(page, "live")


def test_search_for_length_shows_it_live(page: Page, live: Live) -> None:
    search(page, "last 20 minutes")
    page.keyboard.press("Enter")
    expect(page.locator("#window-label")).to_have_text("20 minutes")
    wait_for_state(page, "live")


def test_search_for_future_time_or_without_result_is_explained(page: Page, live: Live) -> None:
    search(page, "2999-01-01")
    expect(options(page).first).to_have_text(re.compile("This time is in the future"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_be_visible()
    page.get_by_role("combobox").fill("<b>no such thing</b>")
    expect(page.locator(".result-count")).to_have_text("Nothing found for “<b>no such thing</b>”")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox")).to_be_visible()


NAMES = [
    "<img src=x onerror=alert(1)>",
    "שלום עולם",
    "🔥" * 60,
    "x" * 200,
    "__proto__",
    "Zürich",
    "a&b;\u202e",
]


@pytest.fixture(scope="module")
def many_names(serve_all: Serve) -> Live:
    live = serve_all(feeding=False, past=1, age=60)
    metrics = [Metric(f"odd.m{place}", name, "", "odd") for place, name in enumerate(NAMES)]
    metrics += [Metric(f"wide.m{number:04}", f"Line {number}", "", "wide") for number in range(1000)]
    live.store.describe(metrics)
    live.store.append(Tick(live.feeder.newest + 1, 1.0, {metric.key: 1.0 for metric in metrics}))
    return live


def test_search_shows_hostile_names_as_text(page: Page, many_names: Live) -> None:
    said = heard(page)
    page.goto(many_names.url)
    wait_until(page, lambda: page.evaluate("dashapp.page?.liveView.catalog.metrics.size > 1000"))
    page.keyboard.press("/")
    for name in NAMES[:-1]:
        page.get_by_role("combobox").fill(name)
        expect(options(page).filter(has_text=name).first).to_be_visible()
    page.get_by_role("combobox").fill("zurich")
    expect(options(page).first).to_contain_text("Zürich")
    inside = "document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth"
    wait_until(page, lambda: page.evaluate(inside))
    assert not [line for line in said if "alert" in line]


def test_search_with_1000_metrics_asks_nothing_and_lists_the_first(page: Page, many_names: Live) -> None:
    page.goto(many_names.url)
    wait_until(page, lambda: page.evaluate("dashapp.page?.liveView.catalog.metrics.size > 1000"))
    page.evaluate("""() => {
        window.requests = [];
        const { poller } = dashapp.page;
        poller.subscriptions = [];
        const real = window.fetch;
        window.fetch = (...query) => { window.requests.push(`${query[0]}`); return real(...query); };
    }""")
    page.keyboard.press("/")
    page.get_by_role("combobox").press_sequentially("line 7")
    expect(options(page)).to_have_count(50)
    expect(page.locator(".result-count")).to_contain_text("the first 50 are shown")
    expect(options(page).first).to_contain_text("Line 7")
    # The page may still request the forecasts.
    assert [url for url in page.evaluate("window.requests") if "/api/forecast" not in url] == []


PHRASES = {
    "yesterday 14:00": "2026-11-27T14:00:00",
    "yesterday at 2pm": "2026-11-27T14:00:00",
    "3h ago": "2026-11-28T08:00:00",
    "1 h 30 min ago": "2026-11-28T09:30:00",
    "half an hour ago": "2026-11-28T10:30:00",
    "a week ago": "2026-11-21T11:00:00",
    "-3h": "2026-11-28T08:00:00",
    "14:00": "2026-11-27T14:00:00",
    "9:30": "2026-11-28T09:30:00",
    "2026-11-26 14:00": "2026-11-26T14:00:00",
    "2026-11-26T14:00Z": "2026-11-26T15:00:00",
    "26.11. 14:00": "2026-11-26T14:00:00",
    "last friday 8pm": "2026-11-27T20:00:00",
    "last night": "2026-11-27T20:00:00 2026-11-28T08:00:00",
    "yesterday": "2026-11-27T00:00:00 2026-11-28T00:00:00",
    "today": "2026-11-28T00:00:00 2026-11-28T11:00:00",
    "this morning": "2026-11-28T06:00:00 2026-11-28T11:00:00",
    "thursday afternoon": "2026-11-26T12:00:00 2026-11-26T18:00:00",
    "26 Nov": "2026-11-26T00:00:00 2026-11-27T00:00:00",
    "Nov 26 2025": "2025-11-26T00:00:00 2025-11-27T00:00:00",
    "29 Feb": "2024-02-29T00:00:00 2024-03-01T00:00:00",
    "monday": "2026-11-23T00:00:00 2026-11-24T00:00:00",
    "saturday": "2026-11-21T00:00:00 2026-11-22T00:00:00",
    "9:00-10:00": "2026-11-28T09:00:00 2026-11-28T10:00:00",
    "yesterday 22:00 to 2:00": "2026-11-27T22:00:00 2026-11-28T02:00:00",
    "last 3 hours": "10800 s",
    "15 min": "900 s",
    "tomorrow": "This time is in the future.",
    "30 Feb": "",
    "cpu": "",
    "core 3": "",
    "25:00": "",
    "14:00 pm": "",
    "9999999999999h ago": "",
    "1e9": "",
    "__proto__": "",
    "constructor": "",
    "": "",
}


def test_times_in_words_in_the_zone_of_the_page(chromium: Browser) -> None:
    with closing(chromium.new_context(timezone_id="Asia/Tokyo")) as context:
        page = context.new_page()
        load_scripts(page, "ui/time_zone.js", "search/time_phrases.js")
        found = page.evaluate(
            """(phrases) => {
                const app = window.dashapp;
                app.setTimeZone("Europe/Berlin");
                const now = Date.parse("2026-11-28T11:00:00+01:00");
                return phrases.map((phrase) => {
                    const { time, range, seconds, error } = app.parseTimePhrase(phrase, now) ?? {};
                    if (seconds) return `${seconds} s`;
                    return error ?? (range ?? (time === undefined ? [] : [time])).map(app.wallText).join(" ");
                });
            }""",
            list(PHRASES),
        )
    assert dict(zip(PHRASES, found, strict=True)) == PHRASES


def test_night_has_twelve_hours_on_the_clock_when_clocks_change(chromium: Browser) -> None:
    with closing(chromium.new_context(timezone_id="Europe/Berlin")) as context:
        page = context.new_page()
        load_scripts(page, "ui/time_zone.js", "search/time_phrases.js")
        found = page.evaluate(
            """() => {
                const app = window.dashapp;
                const now = Date.parse("2026-10-25T12:00:00+01:00");
                return app.parseTimePhrase("last night", now).range.map(app.wallText);
            }"""
        )
    assert found == ["2026-10-24T20:00:00", "2026-10-25T08:00:00"]
