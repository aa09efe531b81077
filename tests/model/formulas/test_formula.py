"""Formulas: their values, their gaps, and an error with a place for each text that is none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.formulas.formula import Formula
from dashapp.model.formulas.syntax import MAX_DEPTH, MAX_LENGTH, FormulaError, quote_name

VALUES = {"a": 6.0, "b": 4.0, "zero": 0.0, "cpu.percent": 12.5, "my-app.cpu": 3.0, "load.1min": 0.5}
EXAMPLES = {
    "a + b * 2": 14,
    "(a + b) * 2": 20,
    "a - b - 1": 1,
    "a / b": 1.5,
    "-a // b": -2,
    "-a % b": 2,
    "a ** 2 ** 3 / a ** 8": 1,
    "-a ** 2": -36,
    "a ** -1 * 6": 1,
    "+a": 6,
    "--a": 6,
    "100 * a / (a + b)": 60,
    "cpu.percent * 2": 25,
    "`my-app.cpu` - load.1min": 2.5,
    "`cpu.percent`+.5+1.+1e2+012": 126,
    "min(a, b) + max(a, b, 9)": 13,
    "abs(b - a)": 2,
    "round(a / 7)": 1,
    "round(a / 7, 2)": 0.86,
    "round(2.5)": 2,
    "sqrt(b)": 2,
    "log(a) / log(6) + log10(1000)": 4,
    "clamp(a, 0, 5) + clamp(-a, 0, 5)": 5,
    "max(a)": 6,
    " a\n+\tb ": 10,
    "5": 5,
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_formula_value_of_operators_and_functions(text: str) -> None:
    assert Formula.parse(text).value(VALUES) == pytest.approx(EXAMPLES[text])


WITHOUT_VALUE = [
    *("a / zero", "a // zero", "a % zero", "zero ** -1", "a / (b - 4)", "zero / zero"),
    *("missing", "a + missing", "0 * missing", "max(a, missing)", "a ** missing", "missing ** 0"),
    *("(-8) ** 0.5", "sqrt(-a)", "log(zero)", "log10(-a)"),
    *("9**9**9", "1e300 * 10", "1e300 * 1e300", "1 / (1e300 * 1e300)", "min(1e300 * 1e300, 1)"),
    *("round(a, 0.5)", "round(a, 99)", "clamp(a, 5, 0)", "2 ** 1e300", "1e300 ** 1e300 - 1e300 ** 1e300"),
]


@pytest.mark.parametrize("text", WITHOUT_VALUE)
def test_formula_has_no_value_if_any_step_has_none(text: str) -> None:
    assert Formula.parse(text).value(VALUES) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("text", ["a", "a + 1", "1 / a", "max(a, 1)", "a ** 0", "clamp(a, 0, 1)", "-a"])
def test_formula_has_no_value_for_input_without_one(text: str, value: float) -> None:
    assert Formula.parse(text).value({"a": value}) is None


def test_formula_value_has_no_negative_zero() -> None:
    assert math.copysign(1, Formula.parse("-zero").value(VALUES) or 0.0) == 1


ERRORS = {
    "": "the formula is empty; expected one such as 100 * hits / (hits + misses)",
    "a +": 'the formula ends after "+"; expected a metric, a number or "("',
    "(a": '"(" at character 1 is not closed; expected ")"',
    "a)": 'unexpected ")" at character 2; expected an operator such as + or *',
    "a b": 'unexpected "b" at character 3; expected an operator such as + or *',
    "a `b`": 'unexpected "b" at character 3; expected an operator such as + or *',
    "a * * b": 'unexpected "*" at character 5; expected a metric, a number or "("',
    "()": 'unexpected ")" at character 2; expected a metric, a number or "("',
    "max(a,)": 'unexpected ")" at character 7; expected a metric, a number or "("',
    "(a, b)": 'unexpected "," at character 3; expected an operator such as + or *',
    "a, b": 'unexpected "," at character 2; expected an operator such as + or *',
    "2x": '"2x" at character 1 is no number; put a name with a digit first in backquotes',
    "0x10": '"0x10" at character 1 is no number; put a name with a digit first in backquotes',
    "1_000": '"1_000" at character 1 is no number; put a name with a digit first in backquotes',
    "a < b": 'unexpected "<" at character 3; comparisons are not possible in a formula',
    "a = b": 'unexpected "=" at character 3; comparisons are not possible in a formula',
    "'a'": 'unexpected "\'" at character 1; put a name in backquotes',
    "a[0]": 'unexpected "[" at character 2; put a name with such characters in backquotes',
    "a.b.": 'unexpected "." at character 4; put a name with such characters in backquotes',
    "`a": '"`" at character 1 has no second one after a name',
    "``": '"`" at character 1 has no second one after a name',
    "absolute(a)": '"absolute" at character 1 is not a function; expected one of abs, clamp, log, log10, '
    "max, min, round, sqrt",
    "rond(a)": '"rond" at character 1 is not a function; did you mean round?',
    "clamp(a)": "clamp() has 1 arguments; expected 3",
    "round(a, 1, 2)": "round() has 3 arguments; expected 1 to 2",
    "1e999": "the number at character 1 is too large; expected at most 1e+300",
    "a\0": 'unexpected "\\u0000" at character 2; put a name with such characters in backquotes',
    "a" * (MAX_LENGTH + 1): f"the formula has 501 characters; expected at most {MAX_LENGTH}",
    "(" * 10_000 + ")" * 10_000: f"the formula has 20,000 characters; expected at most {MAX_LENGTH}",
    "(" * 200 + "a" + ")" * 200: f"the parentheses at character 33 are 33 deep; expected {MAX_DEPTH}",
    "-" * 490 + "a": "the formula has more than 200 parts; split it into several metrics",
    "+".join("a" * 240): "the formula has more than 200 parts; split it into several metrics",
}


@pytest.mark.parametrize("text", ERRORS, ids=lambda text: text[:20])
def test_formula_error_names_the_place_and_the_fix(text: str) -> None:
    with pytest.raises(FormulaError) as failure:
        Formula.parse(text)
    assert str(failure.value) == ERRORS[text]


CODE = [
    *("__import__('os')", "().__class__", "a.__class__()", "lambda: 1", "[a for a in b]", "a if b else a"),
    *(
        "a := 1",
        "f'{a}'",
        "not a",
        "a and b",
        "a @ b",
        "min(*a)",
        "max(**a)",
        "max(a, key=b)",
        "a; b",
        "a\\\nb",
    ),
    *("yield a", "await a", "{a: b}", "{a}", "a[b]", "1j", "...", "b'a'", "a # b", "~a", "a << b", "True()"),
]


@pytest.mark.parametrize("text", CODE)
def test_formula_rejects_all_other_python(text: str) -> None:
    with pytest.raises(FormulaError):
        Formula.parse(text)


@given(st.text(alphabet="ab.1e+-*/%(),` \nμ<", max_size=40))
def test_formula_of_any_text_has_value_or_error(text: str) -> None:
    try:
        formula = Formula.parse(text)
    except FormulaError:
        return
    value = formula.value(dict.fromkeys(formula.inputs, 2.0))
    assert value is None or math.isfinite(value)
    # The metrics in it, and nothing else, decide about the value.
    assert formula.value({}) is None or not formula.inputs


@given(st.text(min_size=1, max_size=20).filter(lambda name: "`" not in name))
def test_formula_reads_any_quoted_name(name: str) -> None:
    formula = Formula.parse(quote_name(name))
    assert (formula.inputs, formula.value({name: 3.0})) == ((name,), 3.0)


def test_formula_lists_each_input_once_and_in_order() -> None:
    assert Formula.parse("b / (a + b) + if.lambda").inputs == ("b", "a", "if.lambda")
