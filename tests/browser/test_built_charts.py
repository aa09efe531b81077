"""Charts that the user builds: in the address and the browser, and as text for the settings."""

from __future__ import annotations

import tomllib
from contextlib import closing
from typing import Any

import pytest
from authenticated_app import guarded, link
from built_charts import drawn, expect_texts, menu
from chart_assertions import heard, wait_for_state
from fake_collector import METRICS
from faulty_server import Served
from hypothesis import assume, given
from hypothesis import strategies as st
from page_scripts import load_scripts
from playwright.sync_api import Browser, Page, expect
from served_page import Live, Serve
from waiting import wait_until

from dashapp.model.panels import Panel
from dashapp.model.thresholds import AlertState, Threshold
from dashapp.model.ticks import Metric, Tick


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(past=300)


def build(page: Page, *keys: str) -> None:
    page.keyboard.press("b")
    for key in keys:
        page.get_by_role("combobox", name="Add a metric").fill(key)
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Add chart").click()


def test_built_chart_is_drawn_and_survives_reload_and_link(page: Page, served: Live) -> None:
    page.goto(served.url)
    wait_for_state(page, "live")
    build(page, "cpu.percent", "cpu.core2.percent")
    expected = {"CPU, Core 2": ["cpu.percent", "cpu.core2.percent"]}
    wait_until(page, lambda: drawn(page) == expected)
    expect_texts(page, "cpu.percent,cpu.core2.percent")
    url = page.url
    page.reload()
    wait_until(page, lambda: drawn(page) == expected)
    # This browser remembers it without the address, and another one shows it by the link.
    page.goto(served.url)
    wait_until(page, lambda: drawn(page) == expected)
    page.evaluate("localStorage.clear()")
    page.goto(url)
    wait_until(page, lambda: drawn(page) == expected)
    page.goto(served.url)
    wait_for_state(page, "live")
    wait_until(page, lambda: drawn(page) == {})


@pytest.mark.parametrize("width", [360, 820])
def test_dialog_of_a_chart_has_aligned_controls(page: Page, served: Live, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(served.url)
    wait_for_state(page, "live")
    page.keyboard.press("b")
    dialog = page.get_by_role("dialog", name="Build a chart")
    box: dict[str, Any] = {
        name: part.bounding_box() or {}
        for name, part in {
            "heading": dialog.get_by_role("heading"),
            "close": dialog.get_by_role("button", name="Close"),
            "metric": dialog.get_by_role("combobox", name="Add a metric"),
            "kind": dialog.get_by_label("Kind"),
            "title": dialog.get_by_label("Title"),
        }.items()
    }
    assert box["kind"]["height"] == box["title"]["height"]
    # The ring of the focus is outside.
    assert (
        max(box[part]["y"] + box[part]["height"] for part in ("heading", "close")) <= box["metric"]["y"] - 4
    )


def test_built_chart_is_changed_removed_and_restored(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?chart=cpu.core1.percent,title:Mine&chart=cpu.percent")
    wait_until(page, lambda: len(drawn(page)) == 2)
    mine = page.locator(".panel[data-built]").filter(has_text="Mine")
    menu(page, mine, "Change the chart")
    page.get_by_role("combobox", name="Add a metric").fill("core3")
    page.keyboard.press("Enter")
    page.locator(".builder select").select_option("stacked")
    page.get_by_role("button", name="Change chart").click()
    both = ["cpu.core1.percent", "cpu.core3.percent"]
    wait_until(page, lambda: drawn(page) == {"Mine": both, "CPU": ["cpu.percent"]})
    expect_texts(page, ",".join(both) + ",kind:stacked,title:Mine", "cpu.percent")
    menu(page, mine, "Remove")
    wait_until(page, lambda: drawn(page) == {"CPU": ["cpu.percent"]})
    expect_texts(page, "cpu.percent")
    page.locator("#note").get_by_role("button", name="Undo").click()
    wait_until(page, lambda: drawn(page) == {"CPU": ["cpu.percent"], "Mine": both})


def test_right_axis_is_proposed_for_a_second_unit(page: Page, serve: Serve) -> None:
    live = serve(past=5, feeding=False)
    live.store.describe([*METRICS, Metric("orders", "Orders", "1/s", "orders")])
    live.store.append(Tick(live.feeder.newest + 1, 1.0, {"cpu.percent": 5.0, "orders": 700.0}))
    page.goto(live.url)
    wait_until(page, lambda: page.evaluate("dashapp.page?.liveView.catalog.metrics.has('orders')"))
    build(page, "cpu.percent", "orders")
    wait_until(page, lambda: drawn(page) == {"CPU, Orders": ["cpu.percent", "orders"]})
    expect_texts(page, "cpu.percent,right:orders")
    axes = (
        "[...document.querySelector('.panel[data-built] .js-plotly-plot').data].map((trace) => trace.yaxis)"
    )
    wait_until(page, lambda: page.evaluate(axes) == [None, "y2"])


def test_built_chart_shows_limit_of_its_metric_unless_it_is_stacked(page: Page, serve: Serve) -> None:
    live = serve()
    live.store.set_thresholds([AlertState(Threshold.parse("cpu.core1.percent > 70"))])
    key = "cpu.core1.percent,cpu.core2.percent"
    page.goto(f"{live.url}?chart={key}&chart={key},kind:stacked&chart=cpu.core2.percent")
    page.locator("#yours .panel").first.scroll_into_view_if_needed()
    limits = """[...document.querySelectorAll(".panel[data-built][data-panel] .js-plotly-plot")].map(
        ({ layout }) => (layout.shapes ?? []).filter(({ label }) => label?.text).map(({ y0 }) => y0))"""
    wait_until(page, lambda: page.evaluate(limits) == [[70], [], []])


UNKNOWN = {
    # the chart in the link: its sentence, and the metrics that it draws
    "no.such,title:1": ("No metric “no.such”.", []),
    "no.such,cpu.percent,title:2": ("No metric “no.such”.", ["cpu.percent"]),
    "a,b,c,d,e,title:3": ("No metric “a”, “b”, “c” and 2 more.", []),
    "%3Cimg src=x onerror=alert(1)%3E,title:4": ("No metric “<img src=x onerror=alert(1)>”.", []),
    "__proto__,title:5": ("No metric “__proto__”.", []),
}


def test_unknown_metric_in_link_is_one_sentence(page: Page, served: Live) -> None:
    said = heard(page)
    page.goto(f"{served.url}?chart={'&chart='.join(UNKNOWN)}")
    wait_for_state(page, "live")
    expect(page.locator(".unknown-metrics")).to_have_text([sentence for sentence, _ in UNKNOWN.values()])
    charts = {str(number): keys for number, (_, keys) in enumerate(UNKNOWN.values(), 1)}
    wait_until(page, lambda: drawn(page) == charts)
    assert not [line for line in said if "1" in line and "alert" in line]


def test_charts_without_usable_metrics_are_ignored(page: Page, served: Live) -> None:
    unusable = ["", ",,", "kind:stacked", ",".join(map(str, range(65))), "cpu.percent,title:Usable"]
    page.goto(f"{served.url}?chart={'&chart='.join(unusable)}")
    wait_for_state(page, "live")
    wait_until(page, lambda: drawn(page) == {"Usable": ["cpu.percent"]})


def test_ninth_chart_is_refused_with_a_sentence(page: Page, served: Live) -> None:
    query = "&".join(f"chart=cpu.percent,title:T{number}" for number in range(9))
    page.goto(f"{served.url}?{query}")
    wait_until(page, lambda: len(drawn(page)) == 8)
    build(page, "cpu.core1.percent")
    expect(page.locator("#note.shown")).to_contain_text("There is room for 8 charts of your own.")
    wait_until(page, lambda: len(drawn(page)) == 8)


def test_search_charts_a_metric_among_too_many_lines(page: Page, serve: Serve) -> None:
    live = serve(past=1, feeding=False)
    metrics = [Metric(f"wide.m{number}", f"Line {number}", "", "wide") for number in range(300)]
    live.store.describe(metrics)
    live.store.append(Tick(live.feeder.newest + 1, 1.0, {metric.key: 1.0 for metric in metrics}))
    page.goto(live.url)
    wait_until(page, lambda: page.evaluate("dashapp.page?.liveView.catalog.metrics.size >= 300"))
    page.keyboard.press("/")
    page.get_by_role("combobox").fill("line 277")
    page.keyboard.press("Enter")
    wait_until(page, lambda: drawn(page) == {"Line 277": ["wide.m277"]})


def test_shared_view_shows_built_chart_and_no_other_metric(page: Page) -> None:
    app = guarded()
    server = Served(app)
    try:
        path = link(app, panels=[], metrics=["memory.percent"])
        page.goto(f"{server.url}{path[1:]}?chart=memory.percent&chart=secret.plan")
        wait_until(page, lambda: ["memory.percent"] in drawn(page).values())
        expect(page.locator(".unknown-metrics").filter(has_text="secret")).to_have_text(
            "No metric “secret.plan”."
        )
        expect(page.locator("main .panel:not(.absent):not([data-built])")).to_have_count(0)
    finally:
        page.goto("about:blank")
        server.close()


AXES = ("metrics", "right")
KEYS = st.text(st.characters(exclude_categories=["Cs", "Cn"]), min_size=1, max_size=20)
CHARTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["line", "area", "stacked", "bar", "table"]),
        "title": st.one_of(st.just(""), st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=64)),
        "metrics": st.lists(KEYS, min_size=1, max_size=5, unique=True),
        "right": st.lists(KEYS, max_size=5, unique=True),
    }
)


@pytest.fixture(scope="module")
def scripts(chromium: Browser) -> Any:
    with closing(chromium.new_context()) as context:
        page = context.new_page()
        load_scripts(page, "search/search_index.js", "data/formula_keys.js", "yours/chart_text.js")
        yield page


FORMULAS = st.text("=(),`ab*%:right", max_size=20).map(lambda text: f"={text}")


@given(chart=CHARTS, formulas=st.lists(FORMULAS, max_size=3, unique=True))
def test_chart_survives_its_text_in_an_address(
    scripts: Page, chart: dict[str, Any], formulas: list[str]
) -> None:
    chart["metrics"] = [*dict.fromkeys([*formulas, *chart["metrics"]])]
    chart["right"] = [key for key in chart["right"] if key not in chart["metrics"]]
    found = scripts.evaluate(
        """(chart) => {
            const params = new URLSearchParams();
            params.append("chart", window.dashapp.chartToText(chart));
            return window.dashapp.chartFromText(new URLSearchParams(String(params)).get("chart"));
        }""",
        chart,
    )
    assert found == chart


@given(chart=CHARTS)
def test_copied_panel_is_accepted_by_settings(scripts: Page, chart: dict[str, Any]) -> None:
    # A formula becomes a derived metric with a name: see test_chart_formulas.py.
    assume(
        not any(
            scripts.evaluate("(keys) => keys.some(window.dashapp.isFormulaKey)", chart[axis]) for axis in AXES
        )
    )
    text = scripts.evaluate("(chart) => window.dashapp.chartToToml(chart, (key) => key)", chart)
    (table,) = tomllib.loads(text)["panel"]
    panel = Panel.from_table(table)
    assert panel.name.startswith("yours-")
    assert (panel.kind, list(panel.metrics), list(panel.right)) == (
        chart["kind"],
        chart["metrics"],
        chart["right"],
    )
