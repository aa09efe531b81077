"""A firing alert in the browser: its line, text and marks, until it is resolved."""

from __future__ import annotations

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from chart_assertions import assert_drawn_equals_store
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import still_box, wait_until, wait_until_passes

from dashapp.model.thresholds import AlertChange, AlertState, Threshold

HIGH = Threshold.parse("cpu.percent > 90 for 30s")


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(interval=0.5)


@pytest.fixture
def live(served: Live) -> Live:
    """The module's server, without any alert so far."""
    served.store.set_changes([])
    served.store.set_thresholds([])
    return served


def set_state(live: Live, broken: bool) -> None:
    live.store.set_thresholds([AlertState(HIGH, broken, live.store.newest().time_ms)])


def test_firing_alert_shows_text_title_icon_and_marks(page: Page, live: Live) -> None:
    set_state(live, broken=False)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    expect(page.locator('[data-panel="cpu"] .shapelayer path')).to_have_count(1)
    expect(page.locator('[data-panel="cpu"] .shape-label')).to_have_text("> 90 %")
    expect(page.locator("#alerts")).to_be_hidden()
    expect(page).to_have_title(re.compile("% CPU \u00b7 dashapp$"))
    calm = page.get_attribute("link[rel~=icon]", "href") or ""
    set_state(live, broken=True)
    expect(page.locator("#alerts")).to_contain_text("CPU above 90 % since")
    expect(page.locator('[data-panel="cpu"].broken')).to_have_count(1)
    expect(page.locator('[data-panel="cores"].broken')).to_have_count(0)
    expect(page.locator(".tile.broken")).to_contain_text("CPU")
    expect(page).to_have_title("CPU above 90 % \u00b7 dashapp")
    expect(page.locator("link[rel~=icon]")).not_to_have_attribute("href", calm)
    set_state(live, broken=False)
    expect(page.locator("#alerts")).to_be_hidden()
    expect(page.locator(".broken")).to_have_count(0)
    expect(page).to_have_title(re.compile("% CPU \u00b7 dashapp$"))
    expect(page.locator("link[rel~=icon]")).to_have_attribute("href", calm)


def changed(live: Live, *states: bool, of: Threshold = HIGH, every: float = 10.0) -> None:
    """Add alert changes with `states` in turn, the last one at the newest tick."""
    newest = live.store.newest().time_ms / 1000
    before = live.store.changes()
    made = [
        AlertChange(
            of, broken, newest - every * (len(states) - place), 97.25 if broken else 20.0, len(before) + place
        )
        for place, broken in enumerate(states, 1)
    ]
    live.store.set_changes([*before, *made])
    live.store.set_thresholds([AlertState(of, states[-1], newest)])


def peak_since(live: Live, start: float) -> str:
    """Return the highest value of the ten seconds since `start`, as on the page."""
    ticks = [tick for tick in live.store.since(start - 0.01, 1000) if tick.time <= start + 10]
    highest = max(tick.values["cpu.percent"] for tick in ticks)
    return f"{highest:.1f} %" if highest > 97.25 else "97.3 %"


def shaded(page: Page, panel: str) -> list[list[float]]:
    found: list[list[float]] = page.evaluate(
        """(panel) => document.querySelector(`[data-panel=${panel}] .js-plotly-plot`).layout.shapes
             .filter((shape) => shape.type === "rect").map(({ x0, x1 }) => [x0, x1])""",
        panel,
    )
    return found


def test_past_alert_is_shaded_and_listed(page: Page, live: Live) -> None:
    set_state(live, broken=False)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    expect(page.locator('[data-table="alerts"] .rest')).to_have_text("No alerts yet")
    changed(live, True, False)
    rows = page.locator('[data-table="alerts"] [data-incident]')
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("CPU above 90 %")
    expect(rows.locator("button")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d \u2013 \d\d:\d\d:\d\d$"))
    expect(rows.locator(".amount").nth(0)).to_have_text("10 s")
    expect(rows.locator(".amount").nth(1)).to_have_text(peak_since(live, live.store.changes()[0].time))
    again, began = live.store.changes()[1], live.store.changes()[0]
    wait_until(page, lambda: shaded(page, "cpu") == [[1000 * began.time, 1000 * again.time]])
    # The shading moves with the points, and nothing else is shaded.
    assert_drawn_equals_store(page, live.store)
    wait_until(page, lambda: shaded(page, "cpu") == [[1000 * began.time, 1000 * again.time]])
    changed(live, True)
    wait_until(page, lambda: len(shaded(page, "cpu")) == 2)
    expect(rows).to_have_count(2)
    expect(rows.nth(0).locator("button")).to_contain_text("firing")
    page.locator('[data-table="alerts"] .when button').last.click()
    expect(page.locator("#status")).to_have_attribute("data-state", "paused")


def test_link_of_new_alert_opens_window_that_ends_at_present(page: Page, live: Live) -> None:
    set_state(live, broken=False)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    changed(live, True)
    page.locator('[data-table="alerts"] .when button').click()
    expect(page.locator("#status")).to_have_attribute("data-state", "paused")

    def there() -> None:
        said = parse_qs(urlsplit(page.url).query)
        assert said["window"] == ["100"]
        # In seconds. The page's clock of the server may be up to a second ahead.
        assert live.store.changes()[0].time <= float(said["end"][0]) / 1000 <= time.time() + 1

    wait_until_passes(page, there)


def test_missing_data_alert_is_shown(page: Page, live: Live) -> None:
    absent = Threshold.parse("cpu.percent missing for 60s")
    live.store.set_thresholds([AlertState(absent)])
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    expect(page.locator('[data-panel="cpu"] .shapelayer path')).to_have_count(0)
    changed(live, True, of=absent)
    expect(page.locator("#alerts")).to_contain_text("No data: CPU since")
    incident = page.locator('[data-table="alerts"] [data-incident]')
    expect(incident.locator(".what")).to_have_text("No data: CPU")
    expect(incident.locator(".amount").nth(1)).to_have_text("")


def test_alert_list_is_absent_without_thresholds(page: Page, live: Live) -> None:
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    expect(page.locator('[data-table="alerts"]')).to_have_count(0)


SEVERAL = [Threshold.parse(f"cpu.core{number}.percent > {number}") for number in range(4)]


def test_header_counts_alerts_and_lists_each_at_any_width(page: Page, live: Live) -> None:
    newest = live.store.newest().time_ms / 1000
    live.store.set_thresholds([AlertState(rule, True, newest - 9) for rule in SEVERAL])
    live.store.set_changes(
        [AlertChange(rule, True, newest - 9, 50.0 + place, place) for place, rule in enumerate(SEVERAL, 1)]
    )
    page.goto(live.url)
    count = page.locator("#alerts button.count")
    listed = page.locator("#alerts [data-incident]")
    for width in (360, 820, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        expect(count).to_have_text("4 alerts")

        def is_inside(width: int = width) -> None:
            box = count.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width

        wait_until_passes(page, is_inside)
        wait_until(page, lambda: page.evaluate("dashapp.page.alertHistory.incidents.length") == 4)
        count.click()
        expect(listed).to_have_count(4)
        for item in listed.all():
            expect(item).to_contain_text("above")
            expect(item).to_contain_text(re.compile(r"firing \u00b7 \d+\ss \u00b7 peak \d+\.\d\s%"))
        # Two lines of one alert are closer to each other than to the next alert.
        tops = listed.locator("span").evaluate_all("(all) => all.map((e) => e.getBoundingClientRect().top)")
        ends = listed.locator("small").evaluate_all(
            "(all) => all.map((e) => e.getBoundingClientRect().bottom)"
        )
        assert all(top - end >= 12 for top, end in zip(tops[1:], ends, strict=False))
        page.keyboard.press("Escape")
        expect(listed).to_have_count(0)


def test_incident_shows_its_time_panel_and_values(page: Page, live: Live) -> None:
    page.set_viewport_size({"width": 1000, "height": 500})
    live.store.set_thresholds([AlertState(SEVERAL[2])])
    page.goto(live.url)
    expect(page.locator("#status")).to_have_attribute("data-state", "live")
    changed(live, True, False, of=SEVERAL[2], every=20.0)
    page.wait_for_selector('[data-table="alerts"] [data-incident]', state="attached")
    page.locator('[data-table="alerts"] [data-incident] button').click()
    start = round(1000 * live.store.changes()[0].time)
    wait_until(page, lambda: page.evaluate("dashapp.page.liveView.reading.at") == start)
    expect(page.locator('[data-panel="cores"]')).to_be_in_viewport(ratio=0.9)
    expect(page.locator('[data-panel="cores"].broken')).to_have_count(1)


def firing_for_a_minute(page: Page, live: Live) -> None:
    since = live.store.newest().time_ms / 1000 - 60
    live.store.set_thresholds([AlertState(HIGH, True, since)])
    live.store.set_changes([AlertChange(HIGH, True, since, 97.25, 1)])
    page.goto(live.url)
    expect(page.locator("#alerts button.count")).to_have_text("1 alert")
    wait_until(page, lambda: page.evaluate("dashapp.page.alertHistory.incidents.length") == 1)


def test_reading_a_live_chart_moves_nothing_in_the_bar(page: Page, live: Live) -> None:
    firing_for_a_minute(page, live)
    assert_drawn_equals_store(page, live.store)
    before = page.locator("#pause").bounding_box()
    plot = still_box(page, '[data-panel="cpu"] .nsewdrag')
    assert before
    page.mouse.move(plot["x"] + 0.9 * plot["width"], plot["y"] + 40)
    wait_until(page, lambda: page.evaluate("dashapp.page.liveView.reading.at") is not None)
    expect(page.locator("#alerts button.count")).to_have_text("1 alert")
    assert page.locator("#pause").bounding_box() == before
    # Before the alert, the count is that of then.
    page.mouse.move(plot["x"] + 0.1 * plot["width"], plot["y"] + 40)
    expect(page.locator("#alerts button.count")).to_have_text("No alert then, 1 now")


def test_old_alert_has_no_colour_when_the_server_is_gone(page: Page, live: Live) -> None:
    firing_for_a_minute(page, live)
    expect(page.locator(".tile.broken")).to_contain_text("CPU")
    colour = "(element) => getComputedStyle(element).color"
    parts = [page.locator(part).first for part in (".tile.broken .tile-value", "#alerts .count")]
    red = [part.evaluate(colour) for part in parts]
    page.context.set_offline(True)
    try:
        expect(page.locator("#page")).to_have_attribute("data-state", "offline")
        wait_until(page, lambda: not {part.evaluate(colour) for part in parts} & set(red))
    finally:
        page.context.set_offline(False)


def test_limit_is_readable_on_a_wall(page: Page, live: Live) -> None:
    set_state(live, broken=False)
    page.set_viewport_size({"width": 2560, "height": 1440})
    page.goto(live.url)
    expect(page.locator('[data-panel="cpu"] .shape-label text')).to_have_css("font-size", "15.4px")


def test_past_shows_alerts_of_its_time(page: Page, live: Live) -> None:
    set_state(live, broken=False)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    calm = page.get_attribute("link[rel~=icon]", "href") or ""
    changed(live, True, every=10.0)
    expect(page.locator("#alerts")).to_contain_text("1 alert")
    expect(page).to_have_title("CPU above 90 % \u00b7 dashapp")
    wait_until(page, lambda: page.evaluate("dashapp.page.alertHistory.incidents.length") == 1)
    # Half a minute earlier, nothing fired. The header marks the present alert with "now".
    end = live.store.newest().time_ms - 40_000
    page.evaluate("(end) => dashapp.page.onZoom([end - 20000, end])", end)
    expect(page.locator(".broken")).to_have_count(0)
    expect(page.locator("#alerts button.count")).to_have_text("No alert then, 1 now")
    expect(page).to_have_title("CPU above 90 % now \u00b7 dashapp")
    expect(page.locator("link[rel~=icon]")).not_to_have_attribute("href", re.compile("circle"))
    # At its own time, a resolved alert is shown although nothing fires now.
    start = live.store.changes()[0].time * 1000
    wait_until(page, lambda: live.store.newest().time_ms >= start + 3000)
    changed(live, False)
    expect(page.locator("#alerts")).to_be_hidden()
    page.evaluate("(end) => dashapp.page.onZoom([end - 20000, end])", start + 1000)
    expect(page.locator("#alerts")).to_contain_text("1 alert then")
    expect(page.locator("#alerts")).to_contain_text("CPU above 90 % since")
    expect(page.locator('[data-panel="cpu"].broken')).to_have_count(1)
    expect(page.locator(".tile.broken")).to_contain_text("CPU")
    page.keyboard.press("l")
    expect(page.locator("#alerts")).to_be_hidden()
    expect(page.locator(".broken")).to_have_count(0)
    expect(page.locator("link[rel~=icon]")).to_have_attribute("href", calm)
