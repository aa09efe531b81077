"""A LiveGraph over a store that is not there: an honest empty chart, and lines once somebody fills it."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from dash import Dash
from drawing import READ
from playwright.sync_api import Page
from served import Served
from waiting import wait_until

from dashapp import LiveGraph, attach
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.disk.store import DiskStore


@pytest.mark.parametrize("kind", ["line", "mountain", "bar"])
def test_a_store_that_is_not_there_is_said_and_drawn_once_it_is(
    page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    app = Dash(__name__)
    attach(app, store=tmp_path / "later", collect=False)
    assert "holds no store yet" in caplog.text
    app.layout = LiveGraph("loss", kind=kind, window="all", reference="first", aio_id="one")
    server = Served(app.server.wsgi_app)
    try:
        page.goto(server.url)
        page.wait_for_selector("[data-live-graph] .chart")
        said = "getComputedStyle(document.querySelector('[data-live-graph] .chart'), '::after').content"
        wait_until(page, lambda: "Nothing was recorded yet" in page.evaluate(said))
        assert page.locator("[data-live-graph]").get_attribute("data-state") == "stale"
        assert page.evaluate(READ) == []
        with closing(DiskStore(tmp_path / "later")) as store:
            store.describe([Metric("loss", "loss", "", "loss")])
            store.append(Tick(round(time.time()) - 1.0, 1.0, {"loss": 0.5}))
            store.append(Tick(round(time.time()), 1.0, {"loss": 0.25}))
        wait_until(page, lambda: page.evaluate(said) == "none")
        if kind == "bar":
            wait_until(page, lambda: page.locator(".snapshot .amount").inner_text() == "0.25")
        else:
            wait_until(
                page, lambda: [each["traces"][0]["y"] for each in page.evaluate(READ)] == [[0.5, 0.25]]
            )
    finally:
        server.stop()
