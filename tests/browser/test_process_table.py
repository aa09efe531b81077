"""The process table: requested while visible, sorted, filtered, names without arguments."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from fake_processes import Fake, Machine
from faulty_server import TRANSPORTS
from playwright.sync_api import Page, expect
from served_page import Live, Serve
from waiting import stays, wait_until

TABLE = '[data-table="top"]'
NAME = "dashapp-hunted"
# It uses much memory and no CPU, so the server sends it even on the busiest machine.
SLEEP = "import time; held = bytes(64_000_000).replace(b'\\0', b'1'); time.sleep(600)"
# Times at which the table requested processes, in milliseconds.
COUNT = """() => {
    const { processTable } = window.dashapp.page;
    const wanted = processTable.shouldRequest.bind(processTable);
    window.wantedAt = [];
    processTable.shouldRequest = () => {
        const found = wanted();
        if (found) window.wantedAt.push(performance.now());
        return found;
    };
}"""
OUT_OF_SIGHT = "!dashapp.page.processTable.visibility.visible && flights.now === 0"
OLD = "performance.now() - dashapp.page.processTable.requestedAt > 3000"


@pytest.fixture
def hunted(tmp_path: Path) -> Iterator[int]:
    """The PID of a process named NAME, with a password on its command line."""
    program = tmp_path / NAME
    program.symlink_to(Path(sys.executable).resolve())
    process = subprocess.Popen([program, "-ISc", SLEEP, "--password=hunter2"])
    yield process.pid
    process.kill()
    process.wait()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Fifty processes; the one with PID 7 is the busiest."""
    machine = Machine()
    idle = [Fake(pid, name=f"{'Python' if pid % 2 else 'sh'}{pid}") for pid in range(1, 51)]
    machine.run(*idle)
    busy = Fake(7, 0.2, name="Python7")
    machine.sleeps = lambda: machine.run(*(busy if each.pid == 7 else each for each in idle))
    monkeypatch.setattr("dashapp.api.process_table.ProcessTable", lambda: machine.table)
    return machine


def asked(live: Live) -> int:
    return sum("processes" in query for query in live.trouble.asked)


def cells(page: Page, column: str) -> list[str]:
    return page.locator(f"{TABLE} td.{column}").all_inner_texts()


def test_processes_are_requested_only_while_table_is_visible(page: Page, serve: Serve, hunted: int) -> None:
    page.set_viewport_size({"width": 1200, "height": 500})
    live = serve(interval=0.5)

    def stays_at(count: int, questions: int) -> None:
        more = len(live.trouble.asked) + questions
        stays(lambda: asked(live) == count, until=lambda: len(live.trouble.asked) >= more, page=page)

    page.goto(live.url)
    page.wait_for_selector('[data-panel="cpu"] .js-plotly-plot')
    stays_at(0, questions=4)
    page.evaluate(COUNT)
    page.locator(TABLE).scroll_into_view_if_needed()
    page.get_by_label("Filter processes by name").fill(NAME)
    wait_until(page, lambda: cells(page, "pid") == [str(hunted)])
    assert cells(page, "name") == [NAME]
    at = wait_until(page, lambda: page.evaluate("wantedAt.length > 1 && wantedAt"))
    assert all(late - early >= 3000 for early, late in pairwise(at))
    page.evaluate("scrollTo(0, 0)")
    wait_until(page, lambda: page.evaluate(OUT_OF_SIGHT))
    left = asked(live)
    # By then it would send a request, if it were visible.
    stays(lambda: asked(live) == left, until=lambda: page.evaluate(OLD), page=page)
    stays_at(left, questions=2)
    assert page.evaluate("window.flights.most") == 1
    assert "hunter2" not in page.content()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_process_table_sorts_and_filters(page: Page, serve: Serve, machine: Machine, transport: str) -> None:
    page.goto(serve(interval=0.5, transport=transport).url)
    page.locator(TABLE).scroll_into_view_if_needed()
    expect(page.locator(f"{TABLE} td.pid")).to_have_text(["7", *map(str, range(50, 36, -1))])
    page.get_by_role("button", name="PID").click()
    expect(page.locator(f"{TABLE} th.pid")).to_have_attribute("aria-sort", "descending")
    expect(page.locator(f"{TABLE} td.pid")).to_have_text([*map(str, range(50, 35, -1))])
    page.get_by_role("button", name="PID").click()
    expect(page.locator(f"{TABLE} td.pid")).to_have_text([*map(str, range(1, 16))])
    page.get_by_label("Filter processes by name").fill("PYTH")
    expect(page.locator(f"{TABLE} td.name")).to_have_text([f"Python{pid}" for pid in range(1, 31, 2)])
    page.locator(f"{TABLE} th.cpu button").click()
    expect(page.locator(f"{TABLE} td.pid").first).to_have_text("7")
    page.get_by_label("Filter processes by name").fill("no such name")
    expect(page.locator(f"{TABLE} .rest")).to_have_text("No matching process")
