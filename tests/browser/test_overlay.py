"""Several hosts in one chart, and hosts whose clocks are wrong, in the browser."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

from chart_assertions import assert_drawn_equals_store, drawing, wait_for_state
from fake_collector import grid
from fake_hosts import Machine
from playwright.sync_api import Page, expect
from served_page import Serving
from tall import TALL
from waiting import wait_until, wait_until_passes

# Each panel's lines: metric, colour and dash.
LINES = """[...document.querySelectorAll("[data-panel] .js-plotly-plot")].map((gd) =>
    [gd.closest("[data-panel]").dataset.panel, gd.data.map((t) => [t.meta, t.line.color, t.line.dash])])"""


def test_selected_hosts_are_compared_in_one_chart(page: Page, many: Serving) -> None:
    live = many("web-1", "web-2", "db", skews={"db": 300.0})
    page.set_viewport_size(TALL)
    page.goto(live.url())
    expect(page.get_by_role("button", name="Select two or more")).to_be_disabled()
    for name in ("db", "web-1"):
        page.get_by_label(f"Compare {name}").check()
    page.get_by_role("button", name="Compare 2 hosts").click()
    page.wait_for_url(live.url("db", "web-1"))

    def colours() -> dict[str, set[tuple[str, str, str]]]:
        return {panel: {tuple(each) for each in traces} for panel, traces in page.evaluate(LINES)}

    wait_until(page, lambda: {"cpu", "memory", "network"} <= set(colours()))
    first, second = "#0079c1", "#a86400"

    def coloured() -> None:
        found = colours()
        assert found["cpu"] == {("db/cpu.percent", first, "solid"), ("web-1/cpu.percent", second, "solid")}
        assert {c[1] for c in found["network"] if c[0].startswith("db/")} == {first}
        assert len({c[2] for c in found["network"]}) == 2
        assert "cores" not in found

    wait_until_passes(page, coloured)
    expect(page.locator("#notices")).to_contain_text("The clock of db is 5 min ahead; the points are moved")

    def whole() -> bool:
        """every point of both hosts, by one clock, none twice"""
        traces = {trace["key"]: trace for chart in drawing(page) for trace in chart["traces"]}
        for name, shift in (("db", 300_000), ("web-1", 0)):
            ticks = {
                round(tick.time * 1000) - shift: tick.values["cpu.percent"]
                for tick in live.fleet.machines[name].store.since(0, 500)
            }
            trace = traces[f"{name}/cpu.percent"]
            if len(set(trace["x"])) != len(trace["x"]) or len(trace["x"]) < 60:
                return False
            if any(abs(ticks[x] - y) > 0.01 for x, y in zip(trace["x"], trace["y"], strict=True)):
                return False
        return True

    wait_until(page, whole)
    end = drawing(page)[0]["traces"][0]["x"][-1]
    wait_until(page, lambda: drawing(page)[0]["traces"][0]["x"][-1] >= end + 3000 and whole())


# For each line of the CPU chart: the number of its strokes, and the times of its points.
STROKES = """() => {
    const gd = document.querySelector('[data-panel="cpu"] .js-plotly-plot');
    const drawn = gd?.querySelectorAll(".scatterlayer .trace") ?? [];
    return Object.fromEntries([...drawn].map((trace, place) => {
        const { meta, x, y } = gd.data[place];
        const strokes = trace.querySelectorAll(".js-line").length;
        return [meta.split("/")[0], [strokes, x.filter((_, at) => y[at] !== null)]];
    }));
}"""
# For each tile, the share of the canvas columns in which something is drawn.
INK = """() => [...document.querySelectorAll(".tile canvas")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const inked = new Set();
    for (let at = 3; at < data.length; at += 4) if (data[at]) inked.add(((at - 3) / 4) % canvas.width);
    return inked.size / canvas.width;
})"""


def test_compared_host_with_longer_interval_has_unbroken_line(page: Page, many: Serving) -> None:
    live = many("fast", "slow", steps={"slow": 2.0})
    torn, now = Machine(2, 1.0, 0.0), time.time()
    for at in grid(1.0, now - 90, now):
        # The gap is as recent as possible, so that it stays on screen for long.
        if not 2 < now - at < 20:
            torn.append(at, now)
    live.fleet.machines |= {"torn": torn}
    page.set_viewport_size(TALL)
    page.goto(live.url("fast", "slow", "torn"))

    def strokes() -> dict[str, Any]:
        found: dict[str, Any] = page.evaluate(STROKES)
        return found

    def only_gaps_are_gaps() -> bool:
        return {name: count == 1 for name, (count, _) in strokes().items()} == {
            "fast": True,
            "slow": True,
            "torn": False,
        }

    wait_until(page, only_gaps_are_gaps)
    end = strokes()["slow"][1][-1]
    wait_until(page, lambda: strokes()["slow"][1][-1] >= end + 4000)
    wait_until(page, only_gaps_are_gaps)
    for name, (_, times) in strokes().items():
        own = {round(tick.time * 1000) for tick in live.fleet.machines[name].store.since(0, 500)}
        assert set(times) <= own, "no point is made up"
    wait_until(page, lambda: min(page.evaluate(INK)[:2]) > 0.5)


def a_tick_at_a_time(asked: list[str]) -> bool:
    """Return whether two requests in a row were one tick apart.

    The page then got a single tick, because it sent a request between this tick and the one before.
    """
    cursors = [parse_qs(query).get("after", [""])[0] for query in asked]
    times = [int(cursor.split(".")[1]) for cursor in cursors if cursor]
    return any(late - early == 1000 for early, late in pairwise(times))


def test_host_with_wrong_clock_is_live(page: Page, many: Serving) -> None:
    live = many("web-1", "fast", "slow", skews={"fast": 300.0, "slow": -300.0})
    page.set_viewport_size(TALL)
    for name in ("fast", "slow"):
        begun = len(live.server.trouble.asked)
        page.goto(live.url(name))
        wait_for_state(page, "live")
        # The page asks at every tick, not only when its timeout ends.
        wait_until(page, lambda b=begun: a_tick_at_a_time(live.server.trouble.asked[b:]))
        wait_for_state(page, "live")
        assert_drawn_equals_store(page, live.fleet.machines[name].store)
