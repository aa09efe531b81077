"""A broken threshold in the browser: its line, its words, and every mark, until it is well again."""

from __future__ import annotations

from conftest import Live, Serve
from drawing import assert_drawn_equals_store, wait_until
from playwright.sync_api import Page, expect

from dashapp.thresholds import State, Threshold

HIGH = Threshold.parse("cpu.percent > 90 for 30s")


def set_state(live: Live, broken: bool) -> None:
    live.store.set_thresholds([State(HIGH, broken, live.store.newest().time_ms)])


def test_a_broken_threshold_is_told_in_words_and_marks(page: Page, serve: Serve) -> None:
    live = serve(interval=0.5)
    set_state(live, broken=False)
    page.goto(live.url)
    assert_drawn_equals_store(page, live.store)
    expect(page.locator('[data-panel="cpu"] .shapelayer path')).to_have_count(1)
    expect(page.locator("#alerts")).to_be_hidden()
    calm = page.get_attribute("link[rel~=icon]", "href")
    set_state(live, broken=True)
    expect(page.locator("#alerts")).to_contain_text("CPU above 90 % since")
    expect(page.locator('[data-panel="cpu"].broken')).to_have_count(1)
    expect(page.locator('[data-panel="cores"].broken')).to_have_count(0)
    expect(page.locator(".tile.broken")).to_contain_text("CPU")
    wait_until(page, lambda: page.title() == "CPU above 90 % \u00b7 dashapp")
    assert page.get_attribute("link[rel~=icon]", "href") != calm
    set_state(live, broken=False)
    expect(page.locator("#alerts")).to_be_hidden()
    expect(page.locator(".broken")).to_have_count(0)
    wait_until(page, lambda: page.title().endswith("% CPU \u00b7 dashapp"))
    assert page.get_attribute("link[rel~=icon]", "href") == calm
