"""Test reports for people: a one-sentence summary, and evidence of failed browser tests.

A failed browser test saves a screenshot of its page and the page's console in test-results/.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page

FOLDER = Path(__file__).resolve().parents[2] / "test-results"
STARTED = time.time()
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and report.when in ("setup", "call"):
        item.stash[FAILED] = True
        if "page" in getattr(item, "fixturenames", ()):
            report.sections.append(("Picture and console", f"{_path(item)}.png and .txt"))
    return report


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print a summary before pytest's last line."""
    stats = terminalreporter.stats
    count = {name: len(stats.get(name, ())) for name in ("passed", "failed", "error", "skipped")}
    minutes, seconds = divmod(round(time.time() - STARTED), 60)
    took = f"{minutes} min {seconds:02} s on {os.cpu_count()} processors"
    bad = count["failed"] + count["error"]
    if not bad and not count["passed"]:
        return  # no test ran: pytest only listed tests, or no test has the given name
    if bad:
        sentence = f"{bad:,} tests failed, {count['passed']:,} passed, in {took}."
        if FOLDER.exists():
            sentence += f" Pictures and consoles of browser tests are in {FOLDER.name}/."
    else:
        sentence = f"All {count['passed']:,} tests passed in {took}."
    if count["skipped"]:
        sentence += f" {count['skipped']} do not apply to this machine (pytest -rs names the reasons)."
    terminalreporter.section("in one sentence")
    terminalreporter.write_line(sentence)


def keep_evidence(item: pytest.Item, page: Page, console: Sequence[str]) -> None:
    """Write screenshot and console if the test failed."""
    if not item.stash.get(FAILED, False):
        return
    FOLDER.mkdir(exist_ok=True)
    path = _path(item)
    Path(f"{path}.txt").write_text("\n".join([page.url, *console, ""]))
    try:
        page.screenshot(path=f"{path}.png", full_page=True, timeout=10_000)
    except Error as error:  # the page hangs or is closed
        Path(f"{path}.png.txt").write_text(str(error))


def _path(item: pytest.Item) -> str:
    return str(FOLDER / re.sub(r"[^A-Za-z0-9_.-]+", "-", item.nodeid.removeprefix("tests/"))[:150])
