"""A line and its reference: colour, sign and text show the side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from dash import Dash, html
from faulty_server import Served
from playwright.sync_api import Page, expect
from waiting import still_box, wait_until, wait_until_passes

from dashapp import LiveGraph, attach

GREEN, NEUTRAL, RED = "#009e73", "#7f8c8d", "#d55e00"
LOOK = """(id) => {
    const painted = (canvas) =>
        canvas?.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean) ?? false;
    const gd = document.querySelector(`[data-live-graph="${id}"] .js-plotly-plot`);
    if (!gd?.calcdata) return null;
    const line = gd.data[gd.data.length - 1];
    return {
        colours: gd.data.map((trace) => trace.line.color),
        keys: gd.data.map((trace) => trace.meta),
        newest: line.y[line.y.length - 1],
        axis: gd._fullLayout.yaxis.range,
        across: (gd._fullLayout.shapes ?? []).map((shape) => shape.y0),
        filled: painted(gd.closest(".chart").querySelector(".plot-canvas")),
        seen: gd.querySelectorAll(".shapelayer path").length,
    };
}"""

# Long enough that earlier points are still on screen on the slowest machine.
WINDOW = 300
# Pixels from the left to one of the last points at 181.2.
ABOVE = """() => {
    const gd = document.querySelector('[data-live-graph="close"] .js-plotly-plot');
    const { x, y } = gd.data[gd.data.length - 1];
    return gd._fullLayout.xaxis.d2p(x.filter((_, place) => y[place] === 181.2).at(-5));
}"""


class Market:
    """An app whose price and close the test sets."""

    def __init__(self) -> None:
        self.price, self.close = 181.2, 180.0
        app = Dash(__name__)
        attach(app, sources={"share": self.read, "rest": lambda: {"a": 1.0, "b": 2.0}}, interval=0.2)
        bound: dict[str, Any] = {"low": 0, "high": 400, "window": WINDOW}
        of: dict[str, Any] = {"kind": "mountain", "window": WINDOW, "controls": False}
        app.layout = html.Div(
            [
                LiveGraph("share.price", reference="share.close", aio_id="close", **of),
                LiveGraph("share.price", reference=200, aio_id="number", **of),
                LiveGraph("share.price", reference="first", aio_id="first", **of),
                LiveGraph("share.price", reference="share.nothing", aio_id="none", **of),
                LiveGraph("rest.*", reference=1, aio_id="two", **of),
                LiveGraph("share.price", reference="share.close", aio_id="bound", **bound),
            ]
        )
        self.server = Served(app.server.wsgi_app)

    def read(self) -> dict[str, float]:
        return {"price": self.price, "close": self.close}


@pytest.fixture(scope="module")
def shared() -> Iterator[Market]:
    running = Market()
    yield running
    running.server.close()


@pytest.fixture
def market(page: Page, shared: Market) -> Market:
    """The market, with its price above its close again."""
    shared.price, shared.close = 181.2, 180.0
    open_page(page, shared)
    expect(section(page, "close").locator("h2 .value")).to_have_text("181.2 ▲ 0.67 % above 180")
    return shared


@pytest.fixture
def fresh(page: Page) -> Iterator[Market]:
    """A market that has had one price only."""
    running = Market()
    open_page(page, running)
    yield running
    running.server.close()


def open_page(page: Page, market: Market) -> None:
    page.set_viewport_size({"width": 900, "height": 2400})
    page.goto(market.server.url)
    names = ("close", "number", "first", "none", "two", "bound")
    wait_until(page, lambda: all(look(page, name) for name in names))


def look(page: Page, name: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = page.evaluate(LOOK, name)
    return found


def expect_look(page: Page, name: str, **parts: Any) -> None:
    def is_so() -> None:
        found = look(page, name) or {}
        assert {part: found[part] for part in parts} == parts

    wait_until_passes(page, is_so)


def section(page: Page, name: str) -> Any:
    return page.locator(f'[data-live-graph="{name}"]')


def test_reference_side_is_shown_by_colour_sign_and_text(page: Page, market: Market) -> None:
    for price, side, colour, words in (
        (181.2, "above", GREEN, "181.2 ▲ 0.67 % above 180"),
        (180.0, "at", NEUTRAL, "180 ● at 180"),
        (171.0, "below", RED, "171 ▼ 5.00 % below 180"),
    ):
        market.price = price
        expect(section(page, "close")).to_have_attribute("data-side", side)
        expect(section(page, "close").locator("h2 .value")).to_have_text(words)
        expect_look(page, "close", colours=[colour], keys=["share.price"], across=[180.0], seen=1)
    # The side changes while the page is open, and the points stay.
    market.price = 190.0
    expect_look(page, "close", colours=[GREEN])
    market.close = 195.5
    expect_look(page, "close", colours=[RED], across=[195.5])
    drawn = "document.querySelector('[data-live-graph=close] .js-plotly-plot').data[0].y"
    wait_until(page, lambda: {181.2, 180.0, 171.0, 190.0} <= set(page.evaluate(drawn)))


def test_reference_can_be_number_or_first_point(page: Page, fresh: Market) -> None:
    expect(section(page, "number")).to_have_attribute("data-side", "below")
    expect(section(page, "first")).to_have_attribute("data-side", "at")
    fresh.price = 181.0
    expect(section(page, "first").locator("h2 .value")).to_have_text("181 ▼ 0.11 % below 181.2")
    fresh.price = 230.0
    expect(section(page, "number").locator("h2 .value")).to_have_text("230 ▲ 15.00 % above 200")
    expect(section(page, "first")).to_have_attribute("data-side", "above")


def test_graph_without_usable_reference_has_default_style(page: Page, market: Market) -> None:
    own = "#0079c1"
    for name, values in (("none", "181.2"), ("two", "a 1 · b 2")):
        expect(section(page, name).locator("h2 .value")).to_have_text(values)
        expect(section(page, name)).not_to_have_attribute("data-side", re.compile(".*"))
        wait_until(page, lambda name=name: (look(page, name) or {})["colours"][0] == own)
        expect_look(page, name, across=[])


def test_mountain_axis_starts_near_lowest_point_or_at_bound(page: Page, fresh: Market) -> None:
    fresh.price = 184.0
    for name in ("close", "number", "bound"):
        expect_look(page, name, newest=184.0)

    def axes_fit() -> None:
        # The axis reaches from the reference, which is near, to the highest point.
        low, high = (look(page, "close") or {})["axis"]
        assert 179 < low < 180 < 184 < high < 185
        # A distant reference appears only in the text.
        low, high = (look(page, "number") or {})["axis"]
        assert 180 < low < 181.2 < 184 < high < 185

    wait_until_passes(page, axes_fit)
    expect_look(page, "bound", axis=[0, 404])
    expect_look(page, "close", filled=True)


def test_value_under_crosshair_uses_side_of_that_moment(page: Page, market: Market) -> None:
    wide = "document.querySelector('[data-live-graph=close] .js-plotly-plot').data[0].y.slice(-8)"
    wait_until(page, lambda: page.evaluate(wide) == [181.2] * 8)
    market.price = 170.0
    expect(section(page, "close")).to_have_attribute("data-side", "below")
    expect_look(page, "close", newest=170.0)
    box = still_box(page, section(page, "close").locator(".nsewdrag"))

    def pointed() -> bool:
        """the value is that of a point above the reference, which moves to the left"""
        page.mouse.move(box["x"] + page.evaluate(ABOVE), box["y"] + 60)
        said = section(page, "close").locator("h2 .value").inner_text()
        return bool(said.replace("\u202f", " ") == "181.2 ▲ 0.67 % above 180")

    wait_until(page, pointed)
