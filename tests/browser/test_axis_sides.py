"""Charts of metrics with several units: two axes, and a sentence about the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dash import Dash, html
from faulty_server import Served
from playwright.sync_api import Page, expect
from waiting import wait_until

from dashapp import LiveGraph, attach, source

AXES = """(id) => {
    const gd = document.querySelector(`[data-live-graph="${id}"] .js-plotly-plot`);
    const sides = gd?.data?.map(({ meta, yaxis = "y" }) => [meta, yaxis]) ?? [];
    const titles = ["yaxis", "yaxis2"].map((name) => gd?.layout?.[name]?.title?.text ?? "");
    const colours = gd?.data?.map(({ line }) => line.color) ?? [];
    return { colours, sides: Object.fromEntries(sides), titles, high: gd?.layout?.yaxis?.range?.[1] ?? null };
}"""


def constant(unit: str, **values: float) -> Callable[[], Any]:
    return source(unit=unit)(lambda: values)


@pytest.fixture
def late(page: Page) -> Iterator[dict[str, float]]:
    """Open an app with metrics of three units; a fourth has the values that the test adds."""
    values: dict[str, float] = {}
    app = Dash(__name__)
    sources = {
        "cpu": constant("%", total=60, user=40),
        "switches": constant("1/s", rate=52_000),
        "clock": constant("Hz", rate=2.6e9),
        "loss": source()(lambda: values),
    }
    attach(app, sources=sources, interval=0.2)
    app.layout = html.Div(
        [
            LiveGraph("*", window=10, aio_id="all", controls=False, height=120),
            LiveGraph("*", "loss.train", window=10, aio_id="named", controls=False, height=120),
            LiveGraph("*", window=10, aio_id="forced", unit="x", controls=False, height=120),
            LiveGraph("*", window=10, aio_id="chosen", right=["loss.*"], controls=False, height=120),
        ]
    )
    server = Served(app.server.wsgi_app)
    page.goto(server.url)
    yield values
    server.close()


def wait_for_axes(page: Page, aio_id: str, left: list[str], right: list[str]) -> dict[str, Any]:
    # Only charts on the screen are drawn.
    page.locator(f'[data-live-graph="{aio_id}"]').scroll_into_view_if_needed()
    expected = dict.fromkeys(left, "y") | dict.fromkeys(right, "y2")
    wait_until(page, lambda: page.evaluate(AXES, aio_id)["sides"] == expected)
    axes: dict[str, Any] = page.evaluate(AXES, aio_id)
    return axes


def test_metrics_of_several_units_have_two_axes(page: Page, late: dict[str, float]) -> None:
    cpu = ["cpu.total", "cpu.user"]
    axes = wait_for_axes(page, "all", cpu, ["switches.rate"])
    assert axes["titles"][0] == "%"
    assert axes["high"] < 200
    assert len(set(axes["colours"])) == 3
    note = page.locator('[data-live-graph="all"] .legend-note')
    expect(note).to_have_text("A chart has two axes; not drawn: rate (Hz).")
    # The user's own choices stay.
    wait_for_axes(page, "forced", [*cpu, "switches.rate", "clock.rate"], [])
    # A key in the patterns is drawn, even if it appears late and has a third unit.
    late["train"] = 0.3
    wait_for_axes(page, "chosen", [*cpu, "switches.rate", "clock.rate"], ["loss.train"])
    wait_for_axes(page, "named", cpu, ["loss.train"])
