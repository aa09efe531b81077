"""Several hosts in one chart, and hosts whose clocks are wrong, in the browser."""

from __future__ import annotations

from conftest import Serving
from drawing import assert_drawn_equals_store, drawing, wait_for_state, wait_until
from playwright.sync_api import Page, expect
from test_page_hosts import TALL

# Each panel's lines: metric, colour and dash.
LINES = """[...document.querySelectorAll("[data-panel] .js-plotly-plot")].map((gd) =>
    [gd.closest("[data-panel]").dataset.panel, gd.data.map((t) => [t.meta, t.line.color, t.line.dash])])"""


def test_ticked_hosts_are_laid_over_each_other(page: Page, many: Serving) -> None:
    live = many("web-1", "web-2", "db", skews={"db": 300.0})
    page.set_viewport_size(TALL)
    page.goto(live.url())
    expect(page.get_by_role("button", name="Tick two or more")).to_be_disabled()
    for name in ("db", "web-1"):
        page.get_by_label(f"Lay {name} over others").check()
    page.get_by_role("button", name="Lay 2 over each other").click()
    page.wait_for_url(live.url("db", "web-1"))

    def colours() -> dict[str, set[tuple[str, str, str]]]:
        return {panel: {tuple(each) for each in traces} for panel, traces in page.evaluate(LINES)}

    wait_until(page, lambda: {"cpu", "memory", "network"} <= set(colours()))
    first, second = "#0091d5", "#e69f00"
    assert colours()["cpu"] == {("db/cpu.percent", first, "solid"), ("web-1/cpu.percent", second, "solid")}
    assert {c[1] for c in colours()["network"] if c[0].startswith("db/")} == {first}
    assert len({c[2] for c in colours()["network"]}) == 2
    assert "cores" not in colours()
    expect(page.locator("#notices")).to_contain_text("The clock of db is 5 min ahead; the points are moved")

    def whole() -> bool:
        """Every point of either, by one clock, none twice."""
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


def test_a_host_whose_clock_is_wrong_is_live_all_the_same(page: Page, many: Serving) -> None:
    live = many("web-1", "fast", "slow", skews={"fast": 300.0, "slow": -300.0})
    page.set_viewport_size(TALL)
    for name in ("fast", "slow"):
        page.goto(live.url(name))
        wait_for_state(page, "live")
        before = len(live.server.trouble.asked)
        page.wait_for_timeout(4000)
        assert page.locator("#status").get_attribute("data-state") == "live"
        assert len(live.server.trouble.asked) - before >= 3, (
            "at every tick, not when the page's patience ends"
        )
        assert_drawn_equals_store(page, live.fleet.machines[name].store)
