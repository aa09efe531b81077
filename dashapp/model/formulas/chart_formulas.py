"""Formulas in a request or a chart: `FORMULA` or `NAME = FORMULA`, each perhaps with a unit.

The key of such a line is its text after "=".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashapp.model.formulas.derived import DerivedMetric
from dashapp.model.formulas.formula import Formula
from dashapp.model.text import quote_value

MARK = "="
# Maximum formulas in a request, and parts of all of them together.
MAX_FORMULAS, MAX_PARTS = 16, 400


def is_formula_key(key: str) -> bool:
    return key.startswith(MARK)


def parse_formula_key(key: str) -> Formula:
    """Return the formula of a key; ValueError if it has none."""
    return DerivedMetric.parse_unnamed(key.removeprefix(MARK)).formula


def visible_inputs(keys: Iterable[str]) -> frozenset[str]:
    """Return the metrics in those of the keys that are formulas."""
    inputs: set[str] = set()
    for key in keys:
        if is_formula_key(key):
            try:
                inputs.update(parse_formula_key(key).inputs)
            except ValueError:
                continue
    return frozenset(inputs)


def parse_formulas(text: str) -> dict[str, Formula]:
    """Return the formulas in a list by their keys; ValueError if one is invalid.

    A comma in parentheses belongs to a function.

    >>> [*parse_formulas("max(a, b),100 * a [%]")]
    ['=max(a, b)', '=100 * a [%]']
    """
    items = [item for item in _split(text) if item.strip()]
    if not 1 <= len(items) <= MAX_FORMULAS:
        raise ValueError(f"formulas has {len(items)} formulas; expected 1 to {MAX_FORMULAS}")
    formulas = {}
    for item in items:
        try:
            formulas[MARK + item] = DerivedMetric.parse_unnamed(item).formula
        except ValueError as error:
            raise ValueError(f"the formula {quote_value(item)} is not valid: {error}") from None
    if (parts := sum(formula.parts for formula in formulas.values())) > MAX_PARTS:
        raise ValueError(f"formulas has {parts} parts; expected at most {MAX_PARTS}")
    return formulas


def _split(text: str) -> list[str]:
    items, depth, is_quoted, start = [], 0, False, 0
    for position, character in enumerate(text):
        if character == "`":
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (character == "(") - (character == ")")
            if character == "," and depth <= 0:
                items.append(text[start:position])
                start, depth = position + 1, 0
    return [*items, text[start:]]


def prefixes(hosts: Sequence[str]) -> list[str]:
    """Return what precedes the keys of each compared host; empty text alone if none is compared."""
    return [f"{host}/" for host in hosts] or [""]


def inputs_of(formula: Formula, prefix: str, hosts: Sequence[str]) -> dict[str, str]:
    """Return the key of each input. Without a host, it is of the host with `prefix`."""
    return {
        name: name if any(name.startswith(other) for other in prefixes(hosts) if other) else prefix + name
        for name in formula.inputs
    }
