"""The groups of the page: rows without holes, navigation, folded panels and merged panels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from chart_assertions import wait_for_state
from hypothesis import given
from hypothesis import strategies as st
from page_scripts import load_scripts
from playwright.sync_api import Browser, Page, expect
from served_page import Live, Serve
from waiting import still_box, wait_until, wait_until_passes

from dashapp.model.groups import GROUPS
from dashapp.model.ticks import Metric, Tick

PERCENT = ("%", 0, 100)
MACHINE = [
    Metric("cpu.percent", "CPU", "%", "cpu", 0, 100),
    Metric("memory.percent", "Memory", "%", "memory", 0, 100),
    *(Metric(f"cpu.core{n}.percent", f"Core {n}", "%", "cores", 0, 100) for n in range(2)),
    Metric("load.1", "Load, 1 min", "", "load", 0),
    Metric("swap.percent", "Swap", "%", "swap", 0, 100),
    Metric("disk.read", "Read", "B/s", "disk", 0),
    Metric("disk.sda.read", "sda read", "B/s", "disks", 0),
    Metric("network.received", "Received", "B/s", "network", 0),
    Metric("uptime.seconds", "Up", "s", "uptime", 0),
    Metric("memory.used", "Used", "B", "memorybytes", 0),
    Metric("memory.available", "Available", "B", "memorybytes", 0),
    Metric("shop.orders", "Orders", "", "shop", 0),
]
FLAT = {"swap.percent": 0.0, "shop.orders": 3.0, "network.received": 0.0, "memory.available": 6e9}
# For each row of cards: the distances from card to card and to both edges, and the tops and bottoms.
HOLES = """() => [...document.querySelectorAll(".cards, #tiles")].filter((box) => box.offsetParent)
    .flatMap((box) => {
    const outer = box.getBoundingClientRect();
    const rows = Map.groupBy([...box.children].filter((card) => card.offsetParent)
        .map((card) => card.getBoundingClientRect()), ({ top }) => Math.round(top));
    const gap = parseFloat(getComputedStyle(box).columnGap);
    return [...rows.values()].flatMap((row) => {
        const lefts = [...row.slice(1).map(({ left }) => left), outer.right + gap];
        const between = row.map(({ right }, index) => lefts[index] - right - gap);
        const heights = row.map(({ height }) => Math.abs(height - row[0].height));
        return [Math.abs(row[0].left - outer.left), ...between.map(Math.abs), ...heights];
    }).filter((pixels) => pixels > 1.5);
})"""


def values(second: int) -> dict[str, float]:
    return {metric.key: float((17 * second + 5 * place) % 97) for place, metric in enumerate(MACHINE)} | FLAT


def append(live: Live, **changes: float) -> None:
    """Append a tick of this machine, a second after the newest."""
    second = live.feeder.newest + 1
    live.store.append(
        Tick(second, 1.0, values(round(second)) | {key.replace("_", "."): v for key, v in changes.items()})
    )


@pytest.fixture(scope="module")
def live(serve_all: Serve) -> Live:
    made = serve_all(feeding=False, past=1, age=120)
    made.store.describe(MACHINE)
    for _ in range(118):
        append(made)
    return made


def group_of(page: Page, panel: str) -> str:
    section = page.locator(f"[data-panel='{panel}']")
    found: str = section.evaluate("(section) => section.closest('[data-group]').dataset.group")
    return found


def test_each_panel_is_in_a_group(page: Page, live: Live) -> None:
    page.goto(live.url)
    wait_for_state(page, "stale")
    expect(page.locator("[data-group]")).to_have_count(len(GROUPS))
    wait_until(page, lambda: page.locator(".panel").count() == page.locator("[data-group] .panel").count())
    expected = {"cpu": "overview", "cores": "cpu", "swap": "memory", "disks": "disks", "shop": "yours"}
    wait_until(page, lambda: {panel: group_of(page, panel) for panel in expected} == expected)
    # Groups without panels have neither a heading nor a link.
    page.goto(live.url + "?panels=cpu")
    expect(page.locator('[data-group="disks"]')).to_be_hidden()
    expect(page.locator('nav [href="#disks"]')).to_be_hidden()


def test_link_jumps_to_its_group(page: Page, live: Live) -> None:
    page.goto(live.url)
    expect(page.locator("#memory .quiet")).to_be_attached()
    link, other = page.locator('nav [href="#disks"]'), page.locator('nav [href="#overview"]')
    for width in (360, 820, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        expect(link).to_be_visible()
        link.click()
        expect(page.locator("#disks .toggle")).to_be_in_viewport()
        expect(link).to_have_attribute("aria-current", "true")
        expect(page).to_have_url(re.compile("#disks$"))
        # The bar does not cover the heading.
        heading, bar = still_box(page, "#disks .toggle"), still_box(page, "#bar")
        assert heading["y"] >= bar["y"] + bar["height"]
        other.click()
        expect(other).to_have_attribute("aria-current", "true")


def test_collapsed_group_stays_collapsed_until_a_jump(page: Page, live: Live) -> None:
    page.goto(live.url)
    cores = page.locator('[data-panel="cores"]')
    expect(cores).to_be_visible()
    page.locator("#cpu .toggle").click()
    expect(cores).to_be_hidden()
    page.reload()
    expect(page.locator("#cpu .toggle")).to_have_attribute("aria-expanded", "false")
    expect(cores).to_be_hidden()
    page.locator('nav [href="#cpu"]').click()
    expect(cores).to_be_visible()
    expect(cores.locator(".js-plotly-plot")).to_be_visible()


def test_flat_panel_folds_and_opens_when_it_moves(page: Page, live: Live) -> None:
    page.goto(live.url)
    quiet = page.locator("#memory .quiet")
    swap = page.locator('[data-panel="swap"]')
    expect(quiet).to_have_text("QuietSwap 0\u202f%show")
    expect(swap).to_be_hidden()
    # The user's own panels stay, and so do panels that a link names.
    expect(page.locator('[data-panel="shop"]')).to_be_visible()
    quiet.get_by_role("button", name="show").click()
    expect(swap).to_be_visible()
    quiet.get_by_role("button", name="fold").click()
    expect(swap).to_be_hidden()
    append(live, swap_percent=12.0)
    expect(swap).to_be_visible()
    expect(quiet).to_be_hidden()
    page.goto(live.url + "?panels=cpu,network")
    expect(page.locator('[data-panel="network"]')).to_be_visible()


def test_heading_of_system_has_facts_and_opens_their_charts(page: Page, live: Live) -> None:
    page.goto(live.url)
    facts = page.locator("#system .facts")
    expect(facts).to_contain_text("2 cores")
    expect(facts).to_contain_text("GB memory")
    uptime = page.locator('[data-panel="uptime"]')
    expect(uptime).to_be_hidden()
    facts.get_by_role("button", name="Up").click()
    expect(uptime).to_be_visible()
    facts.get_by_role("button", name="Up").click()
    expect(uptime).to_be_hidden()


def test_twin_panels_are_one_card_with_a_switch(page: Page, live: Live) -> None:
    page.goto(live.url)
    together, by_device = page.locator('[data-panel="disk"]'), page.locator('[data-panel="disks"]')
    expect(together).to_be_visible()
    expect(by_device).to_be_hidden()
    together.get_by_role("button", name="By device").click()
    expect(by_device).to_be_visible()
    expect(together).to_be_hidden()
    page.reload()
    expect(by_device).to_be_visible()
    by_device.get_by_role("button", name="Together").click()
    expect(together).to_be_visible()
    # Without its twin, a panel is a card of its own.
    page.goto(live.url + "?panels=disks")
    expect(by_device).to_be_visible()
    expect(by_device.locator(".switch")).to_be_hidden()


WIDTHS = (360, 820, 1280, 1920, 3840)


# Each page opens at another width, and then gets all of them.
@pytest.mark.parametrize(
    ("query", "first"), [("", 1280), ("?panels=-cores,-disk", 360), ("?large=load", 3840)]
)
def test_rows_have_no_holes_at_any_width(page: Page, live: Live, query: str, first: int) -> None:
    page.set_viewport_size({"width": first, "height": 900})
    page.goto(live.url + query)
    for width in (first, *WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        expect(page.locator('[data-panel="cpu"]')).to_be_visible()

        def is_whole(width: int = width) -> None:
            assert page.evaluate(HOLES) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width

        wait_until_passes(page, is_whole)


# The shares of cards in their rows, for any number of cards.
ROWS = """([weights, columns]) => {
    const rows = dashapp.fillRows(weights.map((weight) => weight || Infinity), columns);
    const cards = weights.map(() => document.createElement("div"));
    dashapp.arrangeRows(cards, (card) => weights[cards.indexOf(card)] || Infinity, columns);
    return [rows, cards.map((card) => Number(card.style.getPropertyValue("--share")))];
}"""


@pytest.fixture(scope="module")
def blank(chromium: Browser) -> Iterator[Page]:
    with closing(chromium.new_context()) as context:
        page = context.new_page()
        load_scripts(page, "layout/rows.js")
        yield page


@given(weights=st.lists(st.sampled_from([0, 1, 1, 1, 2]), max_size=40), columns=st.integers(1, 6))
def test_fill_rows_uses_each_card_once_and_fills_each_row(
    blank: Page, weights: list[int], columns: int
) -> None:
    """A weight of 0 stands for a row of its own."""
    rows, shares = blank.evaluate(ROWS, [weights, columns])
    assert sum(rows) == len(weights)
    start = 0
    for size in rows:
        row = weights[start : start + size]
        assert size >= 1
        assert size == 1 or (0 not in row and sum(min(weight, columns) for weight in row) <= columns)
        assert sum(shares[start : start + size]) == pytest.approx(1, abs=0.001)
        start += size
    # Ordinary cards: the longest row has at most one card more than needed.
    if set(weights) == {1}:
        assert len(rows) == -(-len(weights) // columns)
        assert max(rows) == -(-len(weights) // len(rows))
