"""What a failed browser test leaves behind: a picture of the page and its console, in test-results/."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page

FOLDER = Path(__file__).resolve().parent.parent / "test-results"
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


def keep_evidence(item: pytest.Item, page: Page, console: Sequence[str]) -> None:
    """Write both if the test failed."""
    if not item.stash.get(FAILED, False):
        return
    FOLDER.mkdir(exist_ok=True)
    path = _path(item)
    Path(f"{path}.txt").write_text("\n".join([page.url, *console, ""]))
    try:
        page.screenshot(path=f"{path}.png", full_page=True, timeout=10_000)
    except Error as error:  # a page that hangs, or is closed
        Path(f"{path}.png.txt").write_text(str(error))


def _path(item: pytest.Item) -> str:
    return str(FOLDER / re.sub(r"[^A-Za-z0-9_.-]+", "-", item.nodeid.removeprefix("tests/"))[:150])
