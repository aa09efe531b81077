"""Exports from the page: PNG, CSV and links."""

from __future__ import annotations

import csv
from base64 import b64encode
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from chart_assertions import assert_drawn_equals_store, wait_for_state
from page_downloads import png_size, save
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import wait_until


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all()


@pytest.fixture
def live(page: Page, served: Live) -> Live:
    """The server, with its page open and drawn."""
    page.goto(served.url)
    assert_drawn_equals_store(page, served.store)
    return served


def test_panel_and_page_are_saved_as_png(page: Page, live: Live, tmp_path: Path) -> None:
    one = save(page, '[data-panel="cpu"] .more', "Download PNG", tmp_path)
    assert one.name.startswith("dashapp-cpu-2")
    width, height = png_size(one)
    assert width == 1800
    whole = save(page, "#share", "Download PNG", tmp_path)
    assert whole.name.startswith("dashapp-page-2")
    assert png_size(whole)[1] > height
    assert_drawn_equals_store(page, live.store)
    wait_for_state(page, "live")


def test_png_has_line_and_background_of_theme(page: Page, live: Live, tmp_path: Path) -> None:
    brightness = {}
    for theme in ("dark", "light"):
        page.evaluate("(theme) => dashapp.page.theme.set(theme)", theme)
        path = save(page, '[data-panel="cpu"] .more', "Download PNG", tmp_path)
        found = page.evaluate(
            """async (base64) => {
                const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
                const file = new Blob([bytes], { type: "image/png" });
                const image = await createImageBitmap(file);
                const canvas = new OffscreenCanvas(image.width, image.height);
                const pen = canvas.getContext("2d");
                pen.drawImage(image, 0, 0);
                const { data } = pen.getImageData(0, 0, image.width, image.height);
                const ground = data[0] + data[1] + data[2];
                let line = 0;
                for (let at = 0; at < data.length; at += 4) {
                    line += data[at] < 70 && data[at + 1] > 110 && data[at + 2] > 180;
                }
                return [ground, line];
            }""",
            b64encode(path.read_bytes()).decode(),
        )
        brightness[theme], line = found
        assert line > 500
    assert brightness["dark"] < 150 < 600 < brightness["light"]


def test_copied_link_opens_same_panel_and_range(page: Page, live: Live) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    held = page.evaluate("dashapp.page.liveView.pausedRange")
    page.click('[data-panel="cores"] .more')
    page.get_by_role("menuitem", name="Copy link").click()
    expect(page.locator("#note.shown")).to_have_text("Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert "panels=cores" in link
    page.goto("about:blank")
    page.goto(link)
    wait_for_state(page, "paused")
    page.wait_for_selector('[data-panel="cores"] .js-plotly-plot')
    paused = "dashapp.page.liveView.pausedRange"
    wait_until(page, lambda: page.evaluate(paused) == pytest.approx(held, abs=2))
    wait_until(page, lambda: page.evaluate("dashapp.page.panelOrder.visiblePanels()") == ["cores"])


def test_link_contains_hidden_lines(page: Page, live: Live) -> None:
    hidden = """() => document.querySelector('[data-panel="cores"] .js-plotly-plot')?._fullData
        ?.filter((trace) => trace.visible === "legendonly").map((trace) => trace.meta)"""
    page.locator('[data-panel="cores"] .legend-line').nth(1).click()
    key = "cpu.core1.percent"
    wait_until(page, lambda: parse_qs(urlsplit(page.url).query).get("hide") == [key])
    link = page.url
    page.goto("about:blank")
    page.goto(link)
    wait_until(page, lambda: page.evaluate(hidden) == [key])
    # A click in the legend shows it again.
    page.locator('[data-panel="cores"] .legend-line').nth(1).click()
    wait_until(page, lambda: page.evaluate(hidden) == [])
    wait_until(page, lambda: "hide" not in page.url)


def test_csv_of_panel_equals_store(page: Page, live: Live, tmp_path: Path) -> None:
    page.keyboard.press("p")
    wait_for_state(page, "paused")
    start, end = page.evaluate("dashapp.page.liveView.pausedRange")
    for opener, keys in (
        ('[data-panel="cores"] .more', [f"cpu.core{number}.percent" for number in range(4)]),
        ("#share", ["cpu.percent", *(f"cpu.core{number}.percent" for number in range(4))]),
    ):
        path = save(page, opener, "Download CSV", tmp_path)
        head, *lines = list(csv.reader(path.read_text().splitlines()))
        assert head == ["time", *keys]
        ticks = [tick for tick in live.store.since(start / 1000, 1000) if tick.time * 1000 <= end]
        assert [[float(cell) for cell in line[1:]] for line in lines] == [
            [tick.values[key] for key in keys] for tick in ticks
        ]
        assert len(lines) > 90
