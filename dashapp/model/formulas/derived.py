"""Metrics that the settings derive from others, such as `rate = hits / (hits + misses)`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from dashapp.model.formulas.formula import Formula
from dashapp.model.formulas.syntax import FormulaError, quote_name
from dashapp.model.panel_spec import check_panel_name, parse_panel_text
from dashapp.model.panels import separate_panel
from dashapp.model.runs import RUN_PREFIX
from dashapp.model.text import is_finite_number, quote_value, suggest
from dashapp.model.ticks import RESERVED_NAMES, Metric

# Characters of a whole setting, of its name, of a label or a panel, and of a unit.
MAX_TEXT_LENGTH, MAX_NAME_LENGTH, MAX_LABEL_LENGTH, MAX_UNIT_LENGTH = 2000, 200, 64, 16
TABLE_KEYS = ("name", "formula", "unit", "label", "low", "high", "panel")
EXPECTED = "expected NAME = FORMULA [UNIT], such as hit_rate = 100 * hits / (hits + misses) [%]"

# A unit is no number, so that this is no index.
_UNIT = re.compile(r"\s*\[\s*(?P<unit>1/s|[^\s\d\[\]][^\[\]]*?)\s*\]\s*")
_INVALID_CHARS = re.compile(r"[^\w-]+")


@dataclass(frozen=True, slots=True)
class DerivedMetric:
    """A metric, and the formula of its values."""

    metric: Metric
    formula: Formula

    @staticmethod
    def parse(text: str) -> DerivedMetric:
        """Return the metric of `NAME = FORMULA [UNIT]`, or of a table as one line of TOML.

        Raises ValueError with what is expected.
        """
        if len(text) > MAX_TEXT_LENGTH:
            raise ValueError(f"it has {len(text):,} characters; expected at most {MAX_TEXT_LENGTH:,}")
        if '"' in text and (table := _table_of(text)) is not None:
            return DerivedMetric.from_table(table)
        name, rest = _split_name(text)
        if not name:
            raise ValueError(EXPECTED)
        formula_text, unit = _split_unit(rest)
        # The place in a message counts from the start of the setting.
        return _derive({"name": name, "unit": unit}, formula_text, len(text) - len(rest))

    @staticmethod
    def parse_unnamed(text: str) -> DerivedMetric:
        """Return the metric of `FORMULA [UNIT]`, which may have a name; ValueError if it is none."""
        if '"' not in text and _split_name(text)[0]:
            return DerivedMetric.parse(text)
        formula_text, unit = _split_unit(text) if len(text) <= MAX_TEXT_LENGTH else (text, "")
        return _derive({"name": "formula", "unit": unit}, formula_text, 0)

    @staticmethod
    def from_table(table: Mapping[str, Any]) -> DerivedMetric:
        """Return the metric of a `[[metric]]` table in a settings file; ValueError if it is none."""
        for key in table:
            if key not in TABLE_KEYS:
                hint = suggest(key, TABLE_KEYS, f"expected one of {', '.join(TABLE_KEYS)}")
                raise ValueError(f"`{key[:80]}` is not a key of a metric{hint}")
        for key in ("name", "formula"):
            if not isinstance(table.get(key), str):
                raise ValueError(f"`{key}` is missing; expected {key} as text")
        return _derive(table, table["formula"], 0)


def _table_of(text: str) -> dict[str, Any] | None:
    """Return the table in one line of TOML; None if the text is no TOML."""
    try:
        return parse_panel_text(text)
    except ValueError:
        return None


def _split_name(text: str) -> tuple[str, str]:
    """Return the name before the first "=" and the rest; no name if there is none.

    Not a pattern: its time would grow with the cube of the spaces.
    """
    start = text.lstrip()
    if start.startswith("`"):
        name, _, after = start[1:].partition("`")
        equal_sign, rest = after.lstrip()[:1], after.lstrip()[1:]
    else:
        name, equal_sign, rest = text.partition("=")
        name = "" if "`" in name else name.strip()
    return (name, rest) if equal_sign == "=" else ("", text)


def _split_unit(text: str) -> tuple[str, str]:
    """Return a formula, and the unit at its end."""
    start = text.rfind("[")
    match = _UNIT.fullmatch(text[start:]) if start >= 0 else None
    return (text[:start], match["unit"]) if match else (text, "")


def _derive(table: Mapping[str, Any], formula_text: str, offset: int) -> DerivedMetric:
    name = table["name"].strip()
    if name_problem := _name_problem(name):
        raise ValueError(f"the name is {quote_value(name)}; {name_problem}")
    for key, limit in (("unit", MAX_UNIT_LENGTH), ("label", MAX_LABEL_LENGTH), ("panel", MAX_LABEL_LENGTH)):
        value = table.get(key, "")
        if not isinstance(value, str) or len(value) > limit or not value.isprintable():
            raise ValueError(f"{key} is {quote_value(value)}; expected text of at most {limit} characters")
    check_panel_name("panel", table.get("panel"))
    low, high = (_bound(key, table.get(key)) for key in ("low", "high"))
    if low is not None and high is not None and low >= high:
        raise ValueError(f"low is {low:g}; expected less than high, which is {high:g}")
    try:
        stripped = formula_text.lstrip()
        formula = Formula.parse(stripped)
    except FormulaError as error:
        raise ValueError(_moved(str(error), offset + len(formula_text) - len(stripped))) from None
    panel = table.get("panel") or _own_panel(name)
    metric = Metric(name, table.get("label") or name, table.get("unit", ""), panel, low, high)
    return DerivedMetric(metric, formula)


_PLACE = re.compile(r"(?<=at character )[0-9]+")


def _moved(sentence: str, offset: int) -> str:
    """Return a sentence with its place moved by `offset` characters."""
    return _PLACE.sub(lambda match: str(int(match[0]) + offset), sentence)


def _name_problem(name: str) -> str:
    """Return why no metric can have a name, empty if one can. Pushed names have the same rules."""
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        return f"expected 1 to {MAX_NAME_LENGTH} printable characters"
    if any(character in name for character in ',"`') or name.startswith("__"):
        return 'expected a name without , " and `, and without __ at its start'
    if name in RESERVED_NAMES:
        return "pages cannot request it; choose another"
    if name.startswith(RUN_PREFIX):
        return f"names that begin with {RUN_PREFIX} belong to training runs; choose another"
    return ""


def _own_panel(name: str) -> str:
    """Return a panel for one metric: the metrics of another panel may have another unit."""
    panel = _INVALID_CHARS.sub("-", name).strip("-")[:32] or "metric"
    return separate_panel(panel, f"{panel}-derived")


def _bound(key: str, value: object) -> float | None:
    if value is None or is_finite_number(value):
        return None if value is None else float(value)
    raise ValueError(f"{key} is {quote_value(value)}; expected a number")


def derived_conflicts(metrics: Iterable[DerivedMetric]) -> list[str]:
    """Return one sentence for each name that occurs twice, and for a cycle."""
    metrics = list(metrics)
    names = [derived.metric.key for derived in metrics]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    problems = [f"defines {quote_name(name)} twice; remove one, or rename it" for name in twice]
    if not problems:
        try:
            in_order(metrics)
        except CycleError as error:
            # The nodes in the order of the cycle, of which the first is also the last.
            path = " from ".join(quote_name(name) for name in reversed(error.args[1]))
            problems.append(f"derives {path[:300]}, which is a cycle; remove one of these")
    return problems


def in_order(metrics: Sequence[DerivedMetric]) -> list[DerivedMetric]:
    """Return the metrics in an order in which each comes after those in its formula.

    Raises graphlib.CycleError if there is none.
    """
    by_name = {derived.metric.key: derived for derived in metrics}
    sorter = TopologicalSorter(
        {name: [key for key in derived.formula.inputs if key in by_name] for name, derived in by_name.items()}
    )
    return [by_name[name] for name in sorter.static_order()]
