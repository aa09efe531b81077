"""Formulas over the points of a frame.

A point that stands for several ticks has the value of the formula of their means, and no extremes: those of
the formula itself are not known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from dashapp.model.columns import Columns
from dashapp.model.formulas.chart_formulas import inputs_of, prefixes
from dashapp.model.formulas.formula import Formula


class FormulaColumns:
    """The columns of `formulas`, by their keys, beside those of `metrics` (None: all).

    `hosts`: those that are compared; a formula has a column for each of them.
    """

    def __init__(
        self, formulas: Mapping[str, Formula], metrics: Collection[str] | None, hosts: Sequence[str] = ()
    ) -> None:
        self._metrics = metrics
        self._inputs = {
            prefix + key: (formula, inputs_of(formula, prefix, hosts))
            for key, formula in formulas.items()
            for prefix in prefixes(hosts)
        }

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the columns of formulas."""
        return tuple(self._inputs)

    @property
    def needed_metrics(self) -> Collection[str] | None:
        """The metrics to read; None for all."""
        if self._metrics is None:
            return None
        return {*self._metrics, *(key for _, names in self._inputs.values() for key in names.values())}

    def extend(self, columns: Columns) -> Columns:
        """Return the columns of the metrics, and one for each formula that has a value."""
        rows = dict(zip(columns.keys, columns.mean, strict=True))
        added = {
            key: values
            for key, (formula, names) in self._inputs.items()
            if (values := _values(formula, names, rows, len(columns.t))) is not None
        }
        if self._metrics is not None:
            columns = columns.select([key for key in columns.keys if key in self._metrics])
        return _with_rows(columns, added)

    def values(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the value of each formula at one tick, without those that have none."""
        results = {}
        for key, (formula, names) in self._inputs.items():
            inputs = {name: values[metric] for name, metric in names.items() if metric in values}
            if (value := formula.value(inputs)) is not None:
                results[key] = value
        return results


def _with_rows(columns: Columns, added: Mapping[str, list[float]]) -> Columns:
    if not added:
        return columns
    matrix = np.array([*added.values()])
    mean = np.vstack([columns.mean, matrix])
    is_single = columns.low is columns.mean and columns.high is columns.mean
    unknown = np.full_like(matrix, np.nan)
    return Columns(
        columns.t,
        columns.step,
        (*columns.keys, *added),
        mean,
        mean if is_single else np.vstack([columns.low, unknown]),
        mean if is_single else np.vstack([columns.high, unknown]),
        None if columns.weights is None else np.vstack([columns.weights, np.zeros_like(matrix)]),
    )


def _values(
    formula: Formula, names: Mapping[str, str], rows: Mapping[str, np.ndarray], count: int
) -> list[float] | None:
    """Return the values of a formula at each point, NaN for none; None if no point has one."""
    if any(key not in rows for key in names.values()):
        return None
    columns = [rows[key].tolist() for key in names.values()]
    points = zip(*columns, strict=True) if columns else [()] * count
    numbers = [formula.value(dict(zip(names, point, strict=True))) for point in points]
    values = [np.nan if number is None else number for number in numbers]
    return values if any(number is not None for number in numbers) else None
