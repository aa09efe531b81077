"""Read the charts that a page has drawn, and assert that they equal the store."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from playwright.sync_api import Page
from waiting import wait_until_passes

from dashapp.model.ticks import to_milliseconds
from dashapp.stores.memory import MemoryStore

READ = """() => [...document.querySelectorAll(".js-plotly-plot")].filter((gd) => gd.calcdata).map((gd) => ({
    panel: gd.closest("[data-panel]").dataset.panel,
    range: gd._fullLayout.xaxis.range.map(Math.round),
    traces: gd.data.map((trace, index) => ({
        key: trace.meta,
        x: [...trace.x],
        y: [...trace.y],
        drawn: gd._fullData[index].visible === true ? gd.calcdata[index]?.length : trace.x.length,
    })),
}))"""


def drawing(page: Page) -> list[dict[str, Any]]:
    """Return each chart's panel, x-range in epoch milliseconds, and traces."""
    charts: list[dict[str, Any]] = page.evaluate(READ)
    return charts


def heard(page: Page) -> list[str]:
    """Return a list that collects texts of the console and of dialogs from now on.

    It leaves out Chromium's preload warning, which appears on slow machines only.
    """
    said: list[str] = []

    def hear(line: str) -> None:
        if "was preloaded using link preload but not used within" not in line:
            said.append(line)

    page.on("console", lambda line: hear(line.text))
    page.on("dialog", lambda dialog: hear(dialog.message))
    return said


def judged(state: str) -> str:
    """Return the selector of a state that the page's scripts have set.

    The served page is stale and shows "Connecting" until they run.
    """
    return f'#status[data-state="{state}"]:not(:text-is("Connecting"))'


def wait_for_state(page: Page, state: str) -> None:
    page.wait_for_selector(judged(state))


def window(page: Page) -> float:
    """Return the seconds on screen, from the slider."""
    stop = page.locator("#window [role=slider]").get_attribute("aria-valuenow") or ""
    stops = page.locator("#page").get_attribute("data-stops") or ""
    return float(stops.split(",")[int(stop)])


def assert_drawn_equals_store(page: Page, store: MemoryStore) -> None:
    """Wait until every chart shows the newest window of `store`: each point once, gaps as holes."""
    newest = store.newest().time_ms

    def is_drawn() -> None:
        wrong = differences(drawing(page), store, window(page), newest)
        assert not wrong, "; ".join(wrong)

    wait_until_passes(page, is_drawn)


def shows(page: Page, store: MemoryStore, start: float, end: float) -> bool:
    """Return whether the CPU panel shows the range (seconds) with exactly the store's ticks."""
    charts = [chart for chart in drawing(page) if chart["panel"] == "cpu" and chart["traces"]]
    if not charts:
        return False
    (chart,) = charts
    if any(abs(a - 1000 * b) > 2 for a, b in zip(chart["range"], (start, end), strict=True)):
        return False
    (trace,) = chart["traces"]
    inside = [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if 1000 * start < x <= 1000 * end]
    expected = [
        (to_milliseconds(tick.time), tick.values["cpu.percent"])
        for tick in store.since(start, 100_000)
        if tick.time <= end
    ]
    return bool(expected) and inside == expected


def differences(charts: list[dict[str, Any]], store: MemoryStore, window: float, newest: int) -> list[str]:
    """Return the differences between `charts` and the last `window` seconds of `store`.

    The store may be ahead, because a response takes time. The charts must reach `newest` (ms) except for less
    than a pixel.
    """
    wrong = [] if charts else ["no chart"]
    keys = {key for tick in store.since(0, 1) for key in tick.values}
    drawn_keys = {trace["key"] for chart in charts for trace in chart["traces"]}
    if keys != drawn_keys:
        wrong.append(f"traces {sorted(drawn_keys)} for {sorted(keys)}")
    for chart in charts:
        last = max((trace["x"][-1] for trace in chart["traces"] if trace["x"]), default=0)
        # A chart does not move by less than a pixel. `window` ms are less: no chart is 1000 pixels wide.
        if last < newest - window:
            wrong.append(f"{chart['panel']} ends {newest - last} ms early")
        expected_range = [last - 1000 * window, last]
        if last and any(abs(a - b) > 2 for a, b in zip(chart["range"], expected_range, strict=True)):
            wrong.append(f"{chart['panel']} shows {chart['range']}, not {expected_range}")
        for trace in chart["traces"]:
            wrong += _trace_differences(trace, store, last - to_milliseconds(window), last)
    return wrong


def _trace_differences(trace: dict[str, Any], store: MemoryStore, start: int, last: int) -> list[str]:
    key, x, y = trace["key"], trace["x"], trace["y"]
    points = [(time, value) for time, value in zip(x, y, strict=True) if value is not None]
    ticks = {to_milliseconds(tick.time): tick for tick in store.since(start / 1000, 100_000)}
    expected = [
        (t, ticks[t].values[key]) for t in sorted(ticks) if start < t <= last and key in ticks[t].values
    ]
    wrong = []
    if any(late <= early for early, late in pairwise(x)):
        wrong.append(f"{key} does not rise")
    if trace["drawn"] != len(x):
        wrong.append(f"{key} has {len(x)} points and drew {trace['drawn']}")
    if points != expected:
        missing, extra = sorted(set(expected) - set(points)), sorted(set(points) - set(expected))
        wrong.append(
            f"{key} drew {len(points)} of {len(expected)} points; {len(missing)} are missing {missing[:2]}, "
            f"{len(extra)} are not the store's {extra[:2]}"
        )
    holes = {time for time, value in zip(x, y, strict=True) if value is None}
    for (early, _), (late, _) in pairwise(points):
        gap = late in ticks and late - early > 1500 * ticks[late].step
        if gap != any(early < hole < late for hole in holes):
            wrong.append(f"{key} has {'no hole' if gap else 'a hole'} between {early} and {late}")
    return wrong
