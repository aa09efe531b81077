"""Formulas in charts that the user builds: drawn, changed, refused, and kept in links."""

from __future__ import annotations

import tomllib
from urllib.parse import quote

import pytest
from authenticated_app import guarded, link
from built_charts import drawn, expect_texts, menu
from chart_assertions import wait_for_state
from faulty_server import Served
from playwright.sync_api import Page, expect
from served_page import Live, Serve, Serving
from waiting import wait_until

from dashapp.model.formulas.derived import DerivedMetric

RATE = "rate = 100 * cpu.percent / (cpu.percent + 50) [%]"


@pytest.fixture(scope="module")
def served(serve_all: Serve) -> Live:
    return serve_all(past=300)


def points(page: Page, key: str) -> dict[float, float | None]:
    """Return the points of a line by time, from the graph."""
    found = page.evaluate(
        """(key) => [...document.querySelectorAll(".panel[data-built] .js-plotly-plot")]
            .flatMap(({ data }) => data).filter(({ meta }) => meta === key)
            .flatMap(({ x, y }) => x.map((time, index) => [time, y[index]]))""",
        key,
    )
    return dict(found)


def test_formula_is_built_by_keyboard_and_survives_reload_and_link(page: Page, served: Live) -> None:
    page.goto(served.url)
    wait_for_state(page, "live")
    page.keyboard.press("b")
    field = page.get_by_role("textbox", name="Formula")
    field.focus()
    page.keyboard.type(RATE)
    page.keyboard.press("Enter")
    expect(page.locator(".chosen li")).to_contain_text("100 * cpu.percent / (cpu.percent + 50), %")
    expect(field).to_have_value("")
    page.get_by_role("button", name="Add chart").press("Enter")
    expected = {"rate": [f"={RATE}"]}
    wait_until(page, lambda: drawn(page) == expected)
    expect_texts(page, f"={RATE.replace('%', '%25')}")
    url = page.url
    page.reload()
    wait_until(page, lambda: drawn(page) == expected)
    page.goto(served.url)
    wait_until(page, lambda: drawn(page) == expected)
    page.evaluate("localStorage.clear()")
    page.goto(url)
    wait_until(page, lambda: drawn(page) == expected)
    page.evaluate("localStorage.clear()")


def test_formula_has_equal_values_live_and_in_the_past(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?chart={quote(f'={RATE},cpu.percent')}&window=60")
    wait_until(page, lambda: drawn(page) == {"rate, CPU": [f"={RATE}", "cpu.percent"]})
    live, inputs = points(page, f"={RATE}"), points(page, "cpu.percent")
    # A tick can arrive between the two.
    shared = live.keys() & inputs.keys()
    assert len(shared) > 50
    for time in shared:
        value, cpu = live[time], inputs[time]
        assert value is not None
        assert cpu is not None
        assert value == pytest.approx(100 * cpu / (cpu + 50), abs=0.01)
    start, end = min(live), max(live)
    page.goto(f"{served.url}?chart={quote(f'={RATE}')}&from={start - 100_000:.0f}&to={end - 1:.0f}")
    wait_until(page, lambda: drawn(page) == {"rate": [f"={RATE}"]})
    past = points(page, f"={RATE}")
    common = live.keys() & past.keys()
    assert len(common) > 30
    assert {time: live[time] for time in common} == {time: past[time] for time in common}


def test_invalid_formula_is_explained_beside_its_field(page: Page, served: Live) -> None:
    page.goto(served.url)
    wait_for_state(page, "live")
    page.keyboard.press("b")
    field = page.get_by_role("textbox", name="Formula")
    problem = page.locator("#formula-problem")
    for text, sentence in {
        "cpu.percent *": 'The formula "cpu.percent *" is not valid: the formula ends after "*"; expected a '
        'metric, a number or "(".',
        "alert(1)": 'The formula "alert(1)" is not valid: "alert" at character 1 is not a function; expected '
        "one of abs, clamp, log, log10, max, min, round, sqrt.",
        "a, b": "A formula has no comma outside of a function.",
        "<b>x</b>": 'The formula "<b>x</b>" is not valid: unexpected "<" at character 1; comparisons are not '
        "possible in a formula.",
    }.items():
        field.fill(text)
        field.press("Enter")
        expect(problem).to_have_text(sentence)
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".chosen li")).to_have_count(0)
    # The button takes a formula that is still in its field, and not an invalid one.
    page.get_by_role("button", name="Add chart").click()
    expect(page.locator("dialog.builder")).to_be_visible()
    field.fill("cpu.percent / 2")
    expect(problem).to_have_text("")
    page.get_by_role("button", name="Add chart").click()
    wait_until(page, lambda: drawn(page) == {"cpu.percent / 2": ["=cpu.percent / 2"]})
    page.evaluate("localStorage.clear()")


def test_formula_is_changed_copied_and_removed(page: Page, served: Live) -> None:
    page.goto(f"{served.url}?chart={quote('=cpu.percent * 2 [%]')},title:Twice")
    wait_until(page, lambda: drawn(page) == {"Twice": ["=cpu.percent * 2 [%]"]})
    section = page.locator(".panel[data-built]").filter(has_text="Twice")
    menu(page, section, "Change the chart")
    page.get_by_role("button", name="cpu.percent * 2: change").click()
    field = page.get_by_role("textbox", name="Formula")
    expect(field).to_have_value("cpu.percent * 2 [%]")
    field.fill("half = cpu.percent / 2 [%]")
    page.get_by_role("button", name="Change chart").click()
    wait_until(page, lambda: drawn(page) == {"Twice": ["=half = cpu.percent / 2 [%]"]})
    text = page.evaluate("""() => {
        const { builtCharts } = dashapp.page;
        return dashapp.chartToToml(builtCharts.charts[0].chart, (key) => builtCharts.labelOf(key));
    }""")
    document = tomllib.loads(text)
    (table,) = document["metric"]
    assert DerivedMetric.from_table(table) == DerivedMetric.parse("half = cpu.percent / 2 [%]")
    assert document["panel"][0]["metrics"] == ["half"]
    menu(page, section, "Remove")
    wait_until(page, lambda: drawn(page) == {})
    assert (
        page.evaluate("[...dashapp.page.liveView.catalog.metrics.keys()].filter(dashapp.isFormulaKey)") == []
    )
    page.evaluate("localStorage.clear()")


@pytest.mark.parametrize(
    ("chart", "sentence", "keys"),
    [
        ("=no.such * 2", "No metric “no.such” for the formula.", []),
        (
            "=2 *",
            'The formula "2 *" is not valid: the formula ends after "*"; expected a metric, a number or "(".',
            [],
        ),
        ("=cpu.percent * 2,=no.such", "No metric “no.such” for the formula.", ["=cpu.percent * 2"]),
        ("no.such,=cpu.percent / (cpu.percent - cpu.percent)", "No metric “no.such”.", []),
    ],
)
def test_chart_in_link_explains_its_formula(
    page: Page, served: Live, chart: str, sentence: str, keys: list[str]
) -> None:
    page.goto(f"{served.url}?chart={quote(chart)}")
    expect(page.locator(".unknown-metrics")).to_have_text(sentence)
    wait_until(page, lambda: [*drawn(page).values()] == [keys])
    wait_for_state(page, "live")


def test_formulas_that_are_too_long_together_are_named_and_the_others_drawn(page: Page, served: Live) -> None:
    long = "cpu.percent" + " + cpu.percent" * 30
    query = "&".join(f"chart={quote(f'={long} + {number}')},title:T{number}" for number in range(5))
    page.goto(f"{served.url}?{query}")
    expect(page.locator(".unknown-metrics").filter(has_text="too long")).to_have_text(
        ["The formulas of this page are too long together. Remove one."] * 3
    )
    wait_until(page, lambda: [len(keys) for keys in drawn(page).values()] == [1, 1, 0, 0, 0])
    wait_for_state(page, "live")


def test_formula_of_downsampled_points_has_no_extremes(page: Page, serve: Serve) -> None:
    live = serve(past=3000, feeding=False)
    page.goto(f"{live.url}?chart={quote('=cpu.percent * 2,cpu.percent')}&window=3000")
    expected = ["=cpu.percent * 2", "cpu.percent:min", "cpu.percent:max", "cpu.percent"]
    wait_until(page, lambda: [*drawn(page).values()] == [expected])
    found = page.evaluate(
        "dashapp.computeStatistics(dashapp.page.liveView.shownSeries, '=cpu.percent * 2', [0, 20])"
    )
    assert (found["low"], found["p95"], found["high"]) == (None, None, None)
    assert found["mean"] > 0


def test_formula_has_a_line_for_each_compared_host(page: Page, many: Serving) -> None:
    live = many("web-1", "db")
    chart = quote("=twice = max(cpu.percent, 0) * 2 [%]")
    page.goto(f"{live.url('db', 'web-1')}?chart={chart}")
    keys = [f"{host}/=twice = max(cpu.percent, 0) * 2 [%]" for host in ("db", "web-1")]
    wait_until(page, lambda: drawn(page) == {"twice": keys})


def test_shared_link_shows_formula_and_no_other_metric(page: Page) -> None:
    app = guarded()
    server = Served(app)
    try:
        key = "=twice = memory.percent * 2 [%]"
        path = link(app, panels=[], metrics=[key])
        page.goto(f"{server.url}{path[1:]}?chart={quote(key)}&chart={quote('=secret.plan * 2')}")
        wait_until(page, lambda: drawn(page) == {"twice": [key], "secret.plan * 2": []})
    finally:
        page.goto("about:blank")
        server.close()


def test_formula_is_checked_again_later_if_the_server_does_not_answer(page: Page, served: Live) -> None:
    page.goto(served.url)
    wait_for_state(page, "live")
    found = page.evaluate(
        """async () => {
            let changes = 0;
            const formulas = new dashapp.ChartFormulas(dashapp.page.liveView, () => (changes += 1));
            const { fetch } = window;
            window.fetch = () => Promise.reject(new TypeError("offline"));
            const sentence = await formulas.validate("=cpu.percent * 3");
            window.fetch = fetch;
            return [sentence, changes, formulas.timer !== null];
        }"""
    )
    # A change at once would check it again at once.
    assert found == ["The server does not answer; try again in a moment.", 0, True]
