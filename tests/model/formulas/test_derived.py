"""Derived metrics as settings: their notation, their errors, names twice and cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashapp.config.kwargs import to_command_line
from dashapp.config.settings import parse_settings
from dashapp.model.formulas.chart_formulas import parse_formulas
from dashapp.model.formulas.derived import EXPECTED, DerivedMetric, in_order
from dashapp.model.ticks import Metric, SettingsError


def parse(*argv: str, environ: dict[str, str] | None = None) -> tuple[DerivedMetric, ...]:
    return parse_settings(argv, environ or {}).metric


def problems(*argv: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as failure:
        parse(*argv, environ=environ)
    return failure.value.problems


def test_metric_setting_reads_name_formula_and_unit() -> None:
    (derived,) = parse("--metric", "hit_rate = 100 * hits / (hits + misses) [%]")
    assert derived.metric == Metric("hit_rate", "hit_rate", "%", "hit_rate")
    assert derived.formula.text == "100 * hits / (hits + misses)"
    assert derived.formula.inputs == ("hits", "misses")


@pytest.mark.parametrize(
    ("text", "key", "unit"),
    [
        ("x=a", "x", ""),
        ("x = a [1/s]", "x", "1/s"),
        ("x = (a)[B/s] ", "x", "B/s"),
        ("cache.rate = a [ ms ]", "cache.rate", "ms"),
        ("my-rate = a", "my-rate", ""),
        ("`my rate` = a [°C]", "my rate", "°C"),
        ("`a=b` = `x[0]` [W]", "a=b", "W"),
        ("name = a", "name", ""),
    ],
)
def test_metric_setting_accepts_names_and_units(text: str, key: str, unit: str) -> None:
    metric = DerivedMetric.parse(text).metric
    assert (metric.key, metric.unit) == (key, unit)


@pytest.mark.parametrize(
    ("name", "panel"), [("a.b", "a-b"), ("cpu", "cpu-derived"), ("…", "metric"), ("top", "top-derived")]
)
def test_derived_metric_has_panel_of_its_own(name: str, panel: str) -> None:
    assert DerivedMetric.parse(f"{name} = 1").metric.panel == panel


def test_metric_setting_comes_from_flags_variable_and_file(tmp_path: Path) -> None:
    texts = ["a = x / 2", "b = a + 1 [s]"]
    parsed = parse(f"--metric={texts[0]}", f"--metric={texts[1]}")
    assert parse(environ={"DASHAPP_METRIC": "; ".join(texts)}) == parsed
    file = tmp_path / "settings.toml"
    file.write_text(
        '[[metric]]\nname = "a"\nformula = "x / 2"\n[[metric]]\nname = "b"\nformula = "a + 1"\nunit = "s"\n'
    )
    assert parse(f"--config={file}") == parsed
    file.write_text(f"metric = {texts}")
    assert parse(f"--config={file}") == parsed
    keywords = to_command_line({"metric": texts}, {})
    assert parse(*keywords.argv) == parsed
    table = {"name": "b", "formula": "a + 1", "unit": "s"}
    assert parse(*to_command_line({"metric": [texts[0], table]}, {}).argv) == parsed


def test_metric_table_sets_label_bounds_and_panel() -> None:
    table = {"name": "a", "formula": "x", "label": "A", "low": 0, "high": 100, "panel": "cpu", "unit": "%"}
    assert DerivedMetric.from_table(table).metric == Metric("a", "A", "%", "cpu", 0, 100)


ERRORS = {
    "hit_rate": EXPECTED,
    "= a": EXPECTED,
    "x = ": "the formula is empty; expected one such as 100 * hits / (hits + misses)",
    "x =  (a": '"(" at character 6 is not closed; expected ")"',
    "x = a ! b": 'unexpected "!" at character 7; comparisons are not possible in a formula',
    "x = a[0]": 'unexpected "[" at character 6; put a name with such characters in backquotes',
    "x = a [mmmmmmmmmmmmmmmmm]": 'unit is "mmmmmmmmmmmmmmmmm"; expected text of at most 16 characters',
    "run.a.loss = a": 'the name is "run.a.loss"; names that begin with run. belong to training runs; choose '
    "another",
    "a,b = a": 'the name is "a,b"; expected a name without , " and `, and without __ at its start',
    "__proto__ = a": 'the name is "__proto__"; expected a name without , " and `, and without __ at its '
    "start",
    "constructor = a": 'the name is "constructor"; pages cannot request it; choose another',
    f"x = {'a + ' * 500}a": "it has 2,005 characters; expected at most 2,000",
    "`x` a": EXPECTED,
    "`x = a": EXPECTED,
    "x` = a": EXPECTED,
    f"{'n' * 201} = a": f'the name is "{"n" * 80}…"; expected 1 to 200 printable characters',
    "a\nb = a": 'the name is "a\\nb"; expected 1 to 200 printable characters',
    'name="x"': "`formula` is missing; expected formula as text",
    'nam="x", formula="a"': "`nam` is not a key of a metric; did you mean name?",
    'name="x", formula="a", low=2, high=1': "low is 2; expected less than high, which is 1",
    'name="x", formula="a", low="2"': 'low is "2"; expected a number',
    'name="x" formula="a"': 'unexpected "\\"" at character 6; put a name in backquotes',
    'x = metric("my-app.cpu")': '"metric" at character 5 is not a function; expected one of abs, clamp, log, '
    "log10, max, min, round, sqrt",
    'x = "my-app.cpu" / 2': 'unexpected "\\"" at character 5; put a name in backquotes',
}


@pytest.mark.parametrize("text", ERRORS, ids=lambda text: text[:20])
def test_metric_setting_error_is_one_sentence(text: str) -> None:
    (problem,) = problems("--metric", text)
    assert problem.startswith('--metric is "')
    assert problem.endswith(f'"; {ERRORS[text]}')
    assert "\n" not in problem


def test_metric_setting_rejects_a_name_twice() -> None:
    assert problems("--metric=a = x", "--metric=a = y") == [
        "--metric defines a twice; remove one, or rename it"
    ]
    assert parse("--metric=a = x", "--metric=a = x") == parse("--metric=a = x")


@pytest.mark.parametrize(
    ("texts", "cycle"),
    [
        (["a = a"], "a from a"),
        (["a = b", "b = a + x"], "a from b from a"),
        (["x = 1", "`a-a` = b", "b = c", "c = `a-a`"], "`a-a` from b from c from `a-a`"),
    ],
)
def test_metric_setting_rejects_a_cycle(texts: list[str], cycle: str) -> None:
    (problem,) = problems(environ={"DASHAPP_METRIC": ";".join(texts)})
    start, _, rest = problem.partition(" derives ")
    names, _, fix = rest.partition(", ")
    assert (start, fix) == ("DASHAPP_METRIC", "which is a cycle; remove one of these")
    # A cycle has no first metric.
    found, expected = names.split(" from ")[1:], cycle.split(" from ")[1:]
    assert any(found[turn:] + found[:turn] == expected for turn in range(len(found)))


def test_derived_metrics_are_in_order_of_their_formulas() -> None:
    metrics = [DerivedMetric.parse(text) for text in ("c = b", "a = x", "b = a + c.d")]
    assert [derived.metric.key for derived in in_order(metrics)] == ["a", "b", "c"]


SPACES = " " * 1500


@pytest.mark.parametrize(
    "text",
    [f"{SPACES}a", f"a{SPACES}b", f"a ={SPACES}[", f"a = [a{SPACES}", "`" * 1500, "a = b" + " [" * 700],
)
def test_metric_setting_rejects_many_spaces(text: str) -> None:
    """A pattern with two repeats would run for minutes, and this test would not end."""
    with pytest.raises(ValueError, match=r"expected|character"):
        DerivedMetric.parse(text)
    with pytest.raises(ValueError, match=r"expected|character"):
        parse_formulas(text * 5)
