"""The table of processes in the browser: asked for only while it is seen; sorted, filtered, names alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import Serve
from playwright.sync_api import Page, expect
from waiting import wait_until

TABLE = '[data-table="top"]'
BURN = "import time; end = time.monotonic() + 60\nwhile time.monotonic() < end: pass"


@pytest.fixture
def burning() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", BURN, "--password=hunter2"])
    yield process
    process.kill()
    process.wait()


def asked(live: object) -> int:
    return sum("processes" in query for query in live.trouble.asked)  # type: ignore[attr-defined]


def cells(page: Page, column: str) -> list[str]:
    return page.locator(f"{TABLE} td.{column}").all_inner_texts()


def test_processes_are_asked_for_only_while_they_are_seen(
    page: Page, serve: Serve, burning: subprocess.Popen[bytes]
) -> None:
    page.set_viewport_size({"width": 1200, "height": 500})
    live = serve(interval=0.5)
    page.goto(live.url)
    page.wait_for_selector('[data-panel="cpu"] .js-plotly-plot')
    page.wait_for_timeout(2500)
    assert asked(live) == 0
    page.locator(TABLE).scroll_into_view_if_needed()
    wait_until(page, lambda: str(burning.pid) in cells(page, "pid"))
    seen = asked(live)
    page.wait_for_timeout(4000)
    assert seen < asked(live) <= seen + 3
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1000)
    left = asked(live)
    page.wait_for_timeout(3500)
    assert asked(live) == left
    assert page.evaluate("window.flights.most") == 1
    assert "hunter2" not in page.content()


def test_the_table_is_sorted_and_filtered(page: Page, serve: Serve, burning: subprocess.Popen[bytes]) -> None:
    live = serve(interval=0.5)
    page.goto(live.url)
    page.locator(TABLE).scroll_into_view_if_needed()
    wait_until(page, lambda: str(burning.pid) in cells(page, "pid"))
    page.get_by_role("button", name="PID").click()
    expect(page.locator(f"{TABLE} th.pid")).to_have_attribute("aria-sort", "descending")
    pids = [int(pid) for pid in cells(page, "pid")]
    assert pids == sorted(pids, reverse=True)
    page.get_by_role("button", name="PID").click()
    pids = [int(pid) for pid in cells(page, "pid")]
    assert pids == sorted(pids)
    page.get_by_label("Filter processes by name").fill("PYTH")
    assert all("pyth" in name.lower() for name in cells(page, "name"))
    page.locator(f"{TABLE} th.cpu button").click()
    wait_until(page, lambda: str(burning.pid) in cells(page, "pid"))
    page.get_by_label("Filter processes by name").fill("no such name")
    expect(page.locator(f"{TABLE} .rest")).to_have_text("No process has that name")
