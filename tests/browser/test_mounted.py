"""The page below a prefix, and an embedded chart in a page of the host application."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from chart_assertions import READ, assert_drawn_equals_store, wait_for_state
from flask import session
from playwright.sync_api import Frame, Page, expect
from shop import Shop
from waiting import wait_until

from dashapp.model.ticks import Metric, Tick
from dashapp.stores.memory import MemoryStore

BOTTOM = "document.querySelector('.js-plotly-plot').getBoundingClientRect().bottom"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Any]:
    shops: list[Shop] = []

    def open_shop(**more: Any) -> Shop:
        shops.append(Shop(tmp_path, **more))
        return shops[-1]

    yield open_shop
    for each in shops:
        each.stop()


@pytest.fixture(scope="module", params=["", "/outer"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for tests that leave no trace in it, also below the prefix of a proxy."""
    shop = Shop(tmp_path_factory.mktemp("shop"), outer=request.param)
    shop.feeder.start()
    yield shop
    shop.stop()


def test_mounted_page_draws_and_updates(page: Page, host: Shop) -> None:
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{host.url}ops/monitor")
    expect(page).to_have_url(f"{host.url}ops/monitor/")
    for _ in range(2):
        assert_drawn_equals_store(page, host.store)
        before = host.store.newest().time_ms
        wait_until(page, lambda b=before: host.store.newest().time_ms > b)
    wait_for_state(page, "live")
    assert failed == []
    own = f"{host.url}ops/monitor"
    assert [url for url in asked if not url.startswith((own, "data:", "blob:"))] == []


def embedded(page: Page) -> Frame:
    element = page.wait_for_selector("iframe.dashapp-chart")
    assert element is not None
    frame = element.content_frame()
    assert frame is not None
    return frame


def lines(frame: Frame) -> dict[str, list[tuple[int, float]]]:
    """Return the drawn points of each metric of the only chart, without gaps."""
    charts = frame.evaluate(READ)
    assert len(charts) <= 1
    return {
        trace["key"]: [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if y is not None]
        for chart in charts
        for trace in chart["traces"]
        if trace["drawn"] == len(trace["x"])
    }


def expected(store: MemoryStore, key: str, seconds: float, last: int) -> list[tuple[int, float]]:
    ticks = store.since(last / 1000 - seconds, 10_000)
    points = [(round(1000 * tick.time), tick.values[key]) for tick in ticks]
    return [point for point in points if point[0] <= last]


def assert_embedded(page: Page, frame: Frame, store: MemoryStore, *keys: str, seconds: float = 40) -> None:
    newest = store.newest().time_ms

    def equal() -> bool:
        """the frame draws the points of the store, which may be a tick ahead"""
        got = lines(frame)
        last = max((points[-1][0] for points in got.values() if points), default=0)
        return last >= newest and got == {key: expected(store, key, seconds, last) for key in keys}

    wait_until(page, equal)


def test_embedded_chart_draws_and_updates(page: Page, host: Shop) -> None:
    page.goto(host.url)
    frame = embedded(page)
    for _ in range(2):
        assert_embedded(page, frame, host.store, "cpu.percent")
        before = host.store.newest().time_ms
        wait_until(page, lambda b=before: host.store.newest().time_ms > b)
    # Only the chart is visible, with the title, value and axis of its panel.
    seen = frame.locator("header, #tiles, footer, .panel, #status, .more, h1")
    wait_until(
        page,
        lambda: (
            [each.get_attribute("class") for each in seen.all() if each.is_visible() and each.inner_text()]
            == ["panel"]
        ),
    )
    expect(frame.locator(".panel:visible h2")).to_have_text(re.compile("^CPU"))
    axis = frame.evaluate("document.querySelector('.js-plotly-plot').layout.yaxis")
    assert axis["range"] == [0, 101]
    assert axis["ticktext"][-1] == "100\u202f%"
    # The page of the host application gets no style, script or global variable of ours.
    assert page.evaluate("typeof window.dashapp + typeof window.Plotly") == "undefinedundefined"
    assert page.evaluate("document.styleSheets.length") == 0


def test_chart_page_draws_one_chart_and_updates(page: Page, host: Shop) -> None:
    failed: list[str] = []
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.set_viewport_size({"width": 420, "height": 300})
    page.goto(f"{host.url}ops/monitor/chart/cpu.percent?window=40")
    for _ in range(2):
        assert_embedded(page, page.main_frame, host.store, "cpu.percent")
        before = host.store.newest().time_ms
        wait_until(page, lambda b=before: host.store.newest().time_ms > b)
    # Nothing besides the chart, and it fits.
    expect(page.locator(".panel:visible")).to_have_count(1)
    expect(page.locator("#tiles, footer, h1").filter(visible=True)).to_have_count(0)
    wait_until(page, lambda: page.evaluate("document.documentElement.scrollHeight <= innerHeight"))
    assert failed == []


def metrics_of(url: str) -> str | None:
    """Return the metrics that a request for ticks names."""
    return next(iter(parse_qs(urlsplit(url).query).get("metrics", ())), None)


def test_embedded_chart_requests_only_its_metric(page: Page, shop: Any) -> None:
    host = shop()
    host.feeder.start()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/ticks" in request.url else None)
    places = page.evaluate("history.length")
    page.goto(host.url)
    assert_embedded(page, embedded(page), host.store, "cpu.percent")
    wait_until(page, lambda: len(asked) > 5)
    assert {*map(metrics_of, asked)} == {"cpu.percent"}
    # The back button leaves the host application's page instead of stepping through states of the frame.
    assert page.evaluate("history.length") == places + 1


def test_embedded_chart_fits_container_width(page: Page, shop: Any) -> None:
    host = shop()
    page.goto(host.url)
    frame = embedded(page)
    assert_embedded(page, frame, host.store, "cpu.percent")
    for width in (1100, 340):
        page.evaluate(f"document.getElementById('place').style.width = '{width}px'")
        wait_until(page, lambda w=width: abs(drawn_width(frame) - w) < 12)
        wait_until(page, lambda: frame.evaluate("document.documentElement.scrollHeight <= innerHeight"))
        wait_until(page, lambda: frame.evaluate(f"{BOTTOM} <= innerHeight"))


def drawn_width(frame: Frame) -> float:
    return float(
        frame.evaluate("document.querySelector('.js-plotly-plot .main-svg').getBoundingClientRect().width")
    )


def test_embedded_chart_shows_several_metrics(page: Page, shop: Any) -> None:
    host = shop()
    host.call = 'dashapp_chart("cpu.core0.percent", "cpu.core1.percent", window=20)'
    page.goto(host.url)
    frame = embedded(page)
    assert_embedded(page, frame, host.store, "cpu.core0.percent", "cpu.core1.percent", seconds=20)
    expect(frame.locator(".panel:visible h2")).to_have_text(re.compile("^Core 0, Core 1"))


def test_embedded_chart_reports_missing_metric_and_draws_it_later(page: Page, shop: Any) -> None:
    host = shop()
    host.call = 'dashapp_chart("loss", window=40)'
    page.goto(host.url)
    frame = embedded(page)
    chart = frame.locator('[data-panel="embedded"] .chart')
    chart.wait_for()
    says = "getComputedStyle(document.querySelector('[data-panel=embedded] .chart'), '::after').content"
    wait_until(page, lambda: "No metric loss yet" in frame.evaluate(says))
    assert chart.bounding_box() is not None
    assert lines(frame) == {}
    host.store.describe([*host.store.metrics(), Metric("loss", "Loss", "", "training")])
    newest = host.store.newest().time_ms / 1000
    for number in range(1, 5):
        host.store.append(Tick(newest + number / 2, 0.5, {"cpu.percent": 1, "loss": number / 8}))
    wait_until(
        page, lambda: [y for _, y in lines(frame).get("loss", [])][-4:] == [n / 8 for n in range(1, 5)]
    )
    wait_until(page, lambda: frame.evaluate(says) == "none")
    expect(frame.locator(".panel:visible h2")).to_have_text(re.compile("^Loss"))


def test_missing_store_is_reported_on_page_and_chart(page: Page, shop: Any, tmp_path: Path) -> None:
    host = shop(store=tmp_path / "none")
    page.goto(f"{host.url}ops/monitor/")
    expect(page.locator("#notices")).to_contain_text("no collector has written")
    page.goto(host.url)
    expect(embedded(page).locator("#notices")).to_contain_text("no collector has written")


def test_embedded_chart_shows_status_of_old_data(page: Page, shop: Any) -> None:
    host = shop(past=0)
    host.feeder.backfill(60, age=30)
    page.goto(host.url)
    frame = embedded(page)
    frame.wait_for_selector('#status[data-state="stale"]')
    expect(frame.locator("#status")).to_contain_text("No data for")


def test_login_of_host_app_opens_page_and_chart(page: Page, shop: Any) -> None:
    host = shop(protect=lambda: bool(session.get("user")))
    answer = page.goto(f"{host.url}ops/monitor/")
    assert answer is not None
    assert answer.status == 403
    page.goto(f"{host.url}login")
    page.goto(host.url)
    assert_embedded(page, embedded(page), host.store, "cpu.percent")
    page.goto(f"{host.url}ops/monitor/")
    assert_drawn_equals_store(page, host.store)
