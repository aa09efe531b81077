"""Dialogs over the page (help, go to), and the crosshair in all charts."""

from __future__ import annotations

import pytest
from chart_assertions import assert_drawn_equals_store, drawing, wait_for_state
from kept_tab import OpenAt
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import still_box, wait_until, wait_until_passes

CROSSED = """() => [...document.querySelectorAll(".cross:not([hidden])")].map((line) => {
    const section = line.closest("[data-panel]");
    const gd = section.querySelector(".js-plotly-plot");
    const { l, w } = gd._fullLayout._size;
    const [start, end] = dashapp.page.liveView.charts.find((c) => c.section === section).range();
    const left = parseFloat(line.style.left) - section.querySelector(".chart").offsetLeft;
    return [section.dataset.panel, start + ((left - l) / w) * (end - start)];
})"""


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(past=5400)


@pytest.fixture
def live(open_at: OpenAt, served: Live) -> Live:
    """The server, with its page open and drawn."""
    open_at(served.url, lambda page: assert_drawn_equals_store(page, served.store))
    return served


def test_crosshair_shows_same_time_in_all_panels(page: Page, live: Live) -> None:
    box = still_box(page, '[data-panel="cpu"] .nsewdrag')
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.move(box["x"] + box["width"] / 2 + 4, box["y"] + 40)
    wait_until(page, lambda: page.evaluate("dashapp.page.liveView.crosshair.time") is not None)
    for _ in range(3):
        before = live.store.newest().time_ms
        wait_until(page, lambda b=before: drawing(page)[0]["traces"][0]["x"][-1] > b)

        def agreed() -> bool:
            """Return whether the crosshair lines are at the time of the value in the CPU title."""
            time = page.evaluate("dashapp.page.liveView.crosshair.time")
            lines = page.evaluate(CROSSED)
            ticks = {round(tick.time * 1000): tick for tick in live.store.since(0, 500)}
            value = ticks[time].values["cpu.percent"]
            said = page.inner_text('[data-panel="cpu"] h2 .value') == f"{value:.1f}\u202f%"
            return (
                said and [panel for panel, _ in lines] == ["cpu", "cores"] and abs(lines[0][1] - time) < 400
            )

        wait_until(page, agreed)
    page.mouse.move(2, 2)
    wait_until(page, lambda: page.evaluate(CROSSED) == [])


def test_shift_arrow_keys_move_crosshair_by_one_point(page: Page, live: Live) -> None:
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    ticks = {round(tick.time * 1000): tick for tick in live.store.since(0, 500)}
    times = sorted(ticks)
    end = page.evaluate("dashapp.page.liveView.pausedRange[1]")
    for back in (0, 1, 2):
        page.keyboard.press("Shift+ArrowLeft")
        time = times[times.index(round(end)) - back]

        def is_read(time: int = time) -> None:
            assert page.evaluate("dashapp.page.liveView.crosshair.time") == time
            value = f"{ticks[time].values['cpu.percent']:.1f}\u202f%"
            assert page.inner_text('[data-panel="cpu"] h2 .value') == value
            assert {panel for panel, _ in page.evaluate(CROSSED)} == {"cpu", "cores"}

        wait_until_passes(page, is_read)
    page.keyboard.press("Escape")
    wait_until(page, lambda: page.evaluate(CROSSED) == [])
    wait_for_state(page, "paused")


def test_help_dialog_opens_by_key_and_restores_focus(page: Page, live: Live) -> None:
    page.focus("#menu")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard and mouse")).to_be_visible()
    page.keyboard.press("p")
    wait_for_state(page, "live")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#menu")).to_be_focused()
    assert_drawn_equals_store(page, live.store)


def test_escape_closes_a_dialog_without_focus_and_other_keys_do_nothing(page: Page, live: Live) -> None:
    page.keyboard.press("?")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("p")
    page.keyboard.press("g")
    expect(page.get_by_role("dialog", name="Keyboard and mouse")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    wait_for_state(page, "live")


def test_escape_closes_a_menu_and_keeps_the_time_on_screen(page: Page, live: Live) -> None:
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    page.locator("#menu").click()
    expect(page.locator("#menu-items")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#menu-items")).to_be_hidden()
    wait_for_state(page, "paused")


def test_go_to_dialog_shows_an_hour_ago(page: Page, live: Live) -> None:
    before = live.store.newest().time_ms
    page.keyboard.press("g")
    expect(page.get_by_role("button", name="An hour ago")).to_be_focused()
    page.keyboard.press("Enter")
    wait_for_state(page, "paused")
    after = live.store.newest().time_ms

    def is_there() -> None:
        (start, end), points = drawing(page)[0]["range"], drawing(page)[0]["traces"][0]["x"]
        assert before - 5000 < (start + end) / 2 + 3_600_000 < after + 5000
        assert len([t for t in points if start < t <= end]) == pytest.approx(1800, abs=2)

    wait_until_passes(page, is_there)
    page.click("#pause")
    wait_for_state(page, "live")


def test_go_to_dialog_rejects_invalid_range(page: Page, live: Live) -> None:
    page.click("#menu")
    page.click("#goto")
    dialog = page.get_by_role("dialog", name="Go to")
    dialog.get_by_label("From").fill("2026-03-01T10:00:00")
    dialog.get_by_label("To").fill("2026-03-01T09:00:00")
    dialog.get_by_role("button", name="Show").click()
    expect(dialog.get_by_role("alert")).to_contain_text("must be before")
    dialog.get_by_label("From").fill("2099-01-01T10:00:00")
    dialog.get_by_label("To").fill("2099-01-01T11:00:00")
    dialog.get_by_role("button", name="Show").click()
    expect(dialog.get_by_role("alert")).to_contain_text("must not be in the future")
    page.keyboard.press("Escape")
    wait_for_state(page, "live")


def test_plus_and_minus_keys_change_window(page: Page, live: Live) -> None:
    page.keyboard.press("+")
    label = page.locator("#window-label")
    expect(label).to_have_text("1 minute")
    page.keyboard.press("-")
    expect(label).to_have_text("100 seconds")
    page.keyboard.press("-")
    expect(label).to_have_text("3 minutes")
    assert_drawn_equals_store(page, live.store)
