"""The charts that the user built, as a page shows them."""

from __future__ import annotations

from playwright.sync_api import Locator, Page
from waiting import wait_until

# Keys of the traces with points, and the title of each built chart.
DRAWN = """() => [...document.querySelectorAll(".panel[data-built][data-panel]")].map((section) => {
    const { data = [] } = section.querySelector(".js-plotly-plot") ?? {};
    const keys = data.filter((trace) => trace.y.some((value) => value !== null)).map((trace) => trace.meta);
    return [section.querySelector("h2 .title").textContent, keys];
})"""


def drawn(page: Page) -> dict[str, list[str]]:
    return dict(page.evaluate(DRAWN))


def expect_texts(page: Page, *texts: str) -> None:
    """Wait until the address has exactly these charts."""
    read = "new URLSearchParams(location.search).getAll('chart')"
    wait_until(page, lambda: page.evaluate(read) == list(texts))


def menu(page: Page, section: Locator, item: str) -> None:
    section.locator(".more").click()
    page.get_by_role("menuitem", name=item).click()
