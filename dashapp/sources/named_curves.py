"""Convert the result of a function to whole curves for one panel, within limits.

Of earlier curves only the number of points remains, as a metric.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from itertools import islice
from typing import Any, TypeGuard

from dashapp.model.ticks import Curves, Metric
from dashapp.sources.named_values import UnusableResultError, is_name, panel_name, plain_label, to_float
from dashapp.sources.rejection import describe_value

MAX_CURVES, MAX_POINTS = 8, 2000
_TEXT_TYPES = (str, bytes, bytearray)


class NamedCurves:
    """Reads a curve, or a mapping of names to curves; `curves` holds the newest by panel name.

    A curve is a sequence of numbers, whose x is 0, 1, 2…, or of pairs (x, y). None as y is a hole. Anything
    beyond the limits is dropped; `rejection` describes the first such item as the end of a sentence.
    """

    def __init__(
        self,
        stem: str,
        *,
        label: str = "",
        unit: str = "",
        panel: str = "",
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        self.rejection = ""
        self.curves: Mapping[str, Curves] = {}
        self.panel = panel_name(panel or stem)
        self._stem = stem
        self._label = plain_label(label)
        self._unit = plain_label(unit)
        self._low, self._high = low, high
        # A tick needs a value, and a panel needs a metric that names it.
        self._points = Metric(f"{stem}.points", self._label or stem, "points", self.panel, 0)

    def read(self, result: object) -> dict[Metric, Any]:
        """Return the total number of points as a metric; raises UnusableResultError for other types."""
        self.rejection = ""
        xs: list[list[float]] = []
        ys: list[list[float | None]] = []
        names: list[str] = []
        for name, curve in self._curves_by_name(result):
            x, y = self._parse_points(name, curve)
            xs.append(x)
            ys.append(y)
            names.append(self._curve_label(name))
        self.curves = {self.panel: Curves(xs, ys, names, self._unit, self._low, self._high)}
        return {self._points: float(sum(map(len, xs)))}

    def _curves_by_name(self, result: object) -> Iterable[tuple[str, Iterable[object]]]:
        """Return each curve with its name; the name is empty for a single curve."""
        if not isinstance(result, Mapping):
            if not _is_curve(result):
                value = describe_value(result)
                raise UnusableResultError(
                    f"returned {value}; expected a sequence or a mapping of names to sequences"
                )
            return [("", result)]
        curves: list[tuple[str, Iterable[object]]] = []
        for name, curve in result.items():
            if len(curves) == MAX_CURVES:
                self._reject(f"returned {len(result):,} curves; only the first {MAX_CURVES} are drawn")
                break
            if not is_name(name):
                self._reject("returned a curve with a name that is not text of 1 to 200 characters")
            elif not _is_curve(curve):
                self._reject(
                    f"returned {type(curve).__name__:.40} for {plain_label(str(name))}; expected a sequence"
                )
            else:
                curves.append((str(name), curve))
        return curves

    def _parse_points(self, name: str, curve: Iterable[object]) -> tuple[list[float], list[float | None]]:
        x: list[float] = []
        y: list[float | None] = []
        suffix = f" of {plain_label(name)}" if name else ""
        for index, point in enumerate(islice(curve, MAX_POINTS + 1)):
            if index == MAX_POINTS:
                self._reject(f"returned more than {MAX_POINTS:,} points{suffix}; only the first are drawn")
                break
            x_value, y_value = (index, point) if _is_single(point) else _as_pair(point)
            x_number, y_number = finite_float(x_value), finite_float(y_value)
            if x_number is None or (y_number is None and y_value is not None):
                self._reject(f"returned no number for point {index}{suffix}")
            if x_number is not None:
                x.append(x_number)
                y.append(y_number)
        return x, y

    def _reject(self, sentence: str) -> None:
        self.rejection = self.rejection or sentence

    def _curve_label(self, name: str) -> str:
        return plain_label(f"{self._label} {name}" if name else self._label or self._stem) or "?"


def finite_float(value: object) -> float | None:
    number = to_float(value)
    # NaN compares false as well.
    return number if number is not None and abs(number) < float("inf") else None


def _is_curve(value: object) -> TypeGuard[Iterable[object]]:
    """Return whether `value` is an ordered collection of points.

    Lists, ranges and columns of data frames are; text and sets are not.
    """
    is_sequence = isinstance(value, Sized) and isinstance(value, Iterable)
    return is_sequence and not isinstance(value, (*_TEXT_TYPES, Mapping, set, frozenset))


def _is_single(point: object) -> bool:
    return point is None or not _is_curve(point) or to_float(point) is not None


def _as_pair(point: Any) -> tuple[object, object]:
    """Return x and y of a pair, or two Nones, which make no point."""
    pair = tuple(islice(point, 3))
    return (pair[0], pair[1]) if len(pair) == 2 else (None, None)
