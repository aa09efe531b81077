"""Two series in one panel, left and right: from examples/two_series.py and `--source demo`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from example_process import FOLDER, lines_of_code
from playwright.sync_api import Page
from processes import Dashapp, Process, dashapp
from waiting import wait_until, wait_until_passes

TOKEN = "4f9c2e7ab15d8036"
READ = """(panel) => {
    const gd = document.querySelector(`[data-panel="${panel}"] .js-plotly-plot`);
    if (!gd?.calcdata) return null;
    const { yaxis, yaxis2 } = gd._fullLayout;
    const whole = gd.getBoundingClientRect();
    const within = ({ left, right }) => left >= whole.left && right <= whole.right;
    const seen = [...gd.querySelectorAll(".ytitle, .y2title")].map((title) => title.getBoundingClientRect());
    return {
        axes: Object.fromEntries(gd.data.map((trace) => [trace.meta, trace.yaxis ?? "y"])),
        points: gd.data.map((trace) => trace.x.filter((_, place) => trace.y[place] !== null)),
        titles: [yaxis.title.text, yaxis2?.title.text],
        inside: seen.length === 2 && seen.every(within),
    };
}"""


def panel(page: Page, name: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(READ, name) or {}
    return found


def few(page: Page, name: str) -> int:
    """Return the number of points of the shortest line."""
    return min(map(len, panel(page, name).get("points", [])), default=0)


def command() -> list[str]:
    """Return the flags from the command in the example's docstring."""
    text = (FOLDER / "two_series.py").read_text()
    return ["--panel", text.partition("-m dashapp --panel '")[2].partition("'")[0]]


def test_two_series_example_has_at_most_20_lines() -> None:
    assert lines_of_code("two_series.py") <= 20


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    """A server with this machine, the demo source and the script's metrics."""
    both = 'title="Both", metrics=["cpu.percent"], right=["memory.used", "memory.available"]'
    said = ["--source", "machine", "--source", "demo", "--panel", both, *command()]
    folder = tmp_path_factory.mktemp("two_series")
    with dashapp(folder, *said, env={"DASHAPP_PUSH_TOKEN": TOKEN}) as running:
        yield running.serving()


def url(app: Dashapp) -> str:
    return f"http://127.0.0.1:{app.port}"


def test_two_series_pushes_are_drawn_on_left_and_right_axis(page: Page, app: Dashapp, tmp_path: Path) -> None:
    said = {"DASHAPP_PUSH_TOKEN": TOKEN, "DASHAPP_URL": url(app)}
    script = Process([sys.executable, str(FOLDER / "two_series.py")], folder=tmp_path, env=said)
    try:
        page.goto(f"{url(app)}/?panels=shop")

        def is_drawn() -> None:
            found = panel(page, "shop")
            assert found["axes"] == {"orders": "y", "latency": "y2"}
            assert found["titles"] == ["orders", "latency"]
            assert found["inside"]
            # One point of each line per second, until the script ends.
            assert found["points"][0] == found["points"][1]
            assert {time % 1000 for time in found["points"][0]} == {0}
            assert len(found["points"][0]) > 3

        wait_until_passes(page, is_drawn)
    finally:
        script.end()
    assert "Traceback" not in script.said


def test_demo_source_shows_two_axes_without_script(page: Page, app: Dashapp) -> None:
    page.goto(f"{url(app)}/?panels=demo")
    wait_until(page, lambda: few(page, "demo") > 2)
    found = panel(page, "demo")
    assert found["axes"] == {"demo.eurusd": "y", "demo.gbpusd": "y2"}
    assert found["titles"] == ["EUR/USD (demo)", "GBP/USD (demo)"]


def test_right_axis_of_several_lines_is_titled_with_unit(page: Page, app: Dashapp) -> None:
    page.goto(f"{url(app)}/?panels=both")
    wait_until(page, lambda: len(panel(page, "both").get("axes", [])) > 1)
    left, right = panel(page, "both")["titles"]
    assert right in ("B", "Used, B", "Available, B")
    assert left.endswith(", %")
