"""LiveGraphs over a missing store: empty charts with a message, and lines once it has data."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from chart_assertions import READ
from dash import Dash, html
from faulty_server import Served
from live_graph_app import chart, section
from playwright.sync_api import Page, expect
from waiting import wait_until

from dashapp import LiveGraph, attach
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.disk.store import DiskStore

KINDS = ("line", "mountain", "bar")


def test_live_graphs_report_missing_store_and_draw_once_it_exists(
    page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = Dash(__name__)
    attach(app, store=tmp_path / "later", collect=False)
    assert "contains no store yet" in caplog.text
    app.layout = html.Div(
        [LiveGraph("loss", kind=kind, window="all", reference="first", aio_id=kind) for kind in KINDS]
    )
    server = Served(app.server.wsgi_app)

    def said(kind: str) -> str:
        """Return the text in place of the chart."""
        element = f"document.querySelector('{section(kind)} .chart')"
        return str(page.evaluate(f"getComputedStyle({element}, '::after').content"))

    def values(kind: str) -> list[float]:
        found = chart(page, kind)
        return found["traces"][0]["y"] if found else []

    try:
        page.set_viewport_size({"width": 1200, "height": 2000})
        page.goto(server.url)
        for kind in KINDS:
            page.wait_for_selector(f"{section(kind)} .chart")
            wait_until(page, lambda k=kind: "No data yet" in said(k))
            expect(page.locator(section(kind))).to_have_attribute("data-state", "stale")
        assert page.evaluate(READ) == []  # no chart can exist yet
        with closing(DiskStore(tmp_path / "later")) as store:
            store.describe([Metric("loss", "loss", "", "loss")])
            now = round(time.time())
            store.append(Tick(now - 1.0, 1.0, {"loss": 0.5}))
            store.append(Tick(now, 1.0, {"loss": 0.25}))
        for kind in KINDS:
            wait_until(page, lambda k=kind: said(k) == "none")
            if kind == "bar":
                expect(page.locator(f"{section(kind)} .snapshot .amount")).to_have_text("0.250")
            else:
                wait_until(page, lambda k=kind: values(k) == [0.5, 0.25])
    finally:
        server.close()
