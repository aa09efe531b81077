"""A function has a panel of its own, whatever its name is."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect
from processes import dashapp

# A panel of sensors, a panel with another unit, and a table have these names.
MODULE = """
def temperature():
    return {"kitchen": 21.0, "cellar": 12.0}

def load():
    return 5_000_000

def top():
    return 3
"""
TITLES = {"temperature": "Weather temperature", "load": "Weather load", "top": "Weather top"}


def test_function_named_like_a_panel_of_the_page_has_a_new_one(page: Page, tmp_path: Path) -> None:
    (tmp_path / "weather.py").write_text(MODULE)
    sources = [flag for name in TITLES for flag in ("--source", f"weather:{name}")]
    with dashapp(tmp_path, "--interval", "0.2", *sources) as app:
        app.serving().moves()
        # At first from the metrics that arrive on the page, then from those that the server knows.
        for _ in range(2):
            page.goto(f"http://127.0.0.1:{app.port}/")
            for name, title in TITLES.items():
                panel = page.locator(f'#yours [data-panel="weather-{name}"]')
                expect(panel.get_by_role("heading", name=title)).to_be_visible()
                panel.scroll_into_view_if_needed()
                expect(panel.locator(".js-plotly-plot .scatterlayer .trace")).to_have_count(
                    2 if name == "temperature" else 1
                )
            expect(page.locator('#cpu [data-panel="load"] h2')).to_contain_text("Load")
            expect(page.locator('#processes [data-table="top"]')).to_have_count(1)
