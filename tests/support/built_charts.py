"""The charts that the user built, as a page shows them."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

# Keys of the traces with points, and the title of each built chart.
DRAWN = """() => [...document.querySelectorAll(".panel[data-built][data-panel]")].map((section) => {
    const { data = [] } = section.querySelector(".js-plotly-plot") ?? {};
    const keys = data.filter((trace) => trace.y.some((value) => value !== null)).map((trace) => trace.meta);
    return [section.querySelector("h2 .title").textContent, keys];
})"""


def drawn(page: Page) -> dict[str, list[str]]:
    return dict(page.evaluate(DRAWN))


def texts(page: Page) -> list[str]:
    found: list[str] = page.evaluate("new URLSearchParams(location.search).getAll('chart')")
    return found


def menu(page: Page, section: Locator, item: str) -> None:
    section.locator(".more").click()
    page.get_by_role("menuitem", name=item).click()
