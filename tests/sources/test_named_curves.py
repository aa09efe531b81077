"""Functions that return whole curves: valid return values, and the handling of invalid ones."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest

from dashapp.model.ticks import Curves, Metric
from dashapp.sources.named_curves import MAX_CURVES, MAX_POINTS, NamedCurves


def read(answer: object) -> tuple[Curves, str]:
    """Return the curves and the error message for a function's return value."""
    named = NamedCurves("f")
    values = named.read(answer)
    (curves,) = named.curves.values()
    assert values == {Metric("f.points", "f", "points", "f", 0): sum(map(len, curves.x))}
    across, up = ([number for part in parts for number in part] for parts in (curves.x, curves.y))
    assert all(type(number) is float and math.isfinite(number) for number in across)
    assert all(number is None or (type(number) is float and math.isfinite(number)) for number in up)
    assert len(curves.names) <= MAX_CURVES
    assert all(len(x) <= MAX_POINTS for x in curves.x)
    return curves, named.rejection


@pytest.mark.parametrize(
    "answer",
    [
        [1, 2, 4],
        (1, 2, 4),
        deque([1.0, 2.0, 4.0]),
        np.array([1, 2, 4]),
        [Decimal(1), np.float32(2), 4],
        [(0, 1), (1, 2), (2, 4)],
        np.array([[0, 1], [1, 2], [2, 4]]),
        {"": 0, "f": [1, 2, 4]},
        {"f": ([0, 1], [1, 2], (2, 4))},
        {1: 5, "f": [1, 2, 4]},
    ],
    ids=str,
)
def test_named_curves_accepts_numbers_pairs_or_mapping(answer: object) -> None:
    curves, _ = read(answer)
    assert (curves.x, curves.y, curves.names) == ([[0, 1, 2]], [[1, 2, 4]], ["f"])


def test_named_curves_keeps_gaps_and_point_order() -> None:
    curves, refused = read({"there": [(3, 1), (1, None), (2, 5)], "back": [None, 7], "new": []})
    assert curves.x == [[3, 1, 2], [0, 1], []]
    assert curves.y == [[1, None, 5], [None, 7], []]
    assert curves.names == ["there", "back", "new"]
    assert refused == ""


NO_NUMBERS = {
    "nan": math.nan,
    "infinite": 1e400,
    "whole-beyond-floats": 10**400,
    "text": "7",
    "bytes": b"7",
    "complex": 1j,
    "object": object(),
    "numpy-nan": np.float64("nan"),
    "decimal-infinite": Decimal("-inf"),
    "three": (1, 2, 3),
    "one": (1,),
    "nothing": (),
    "set": {1, 2},
    "mapping": {"x": 1, "y": 2},
    "nested": [[1], [2]],
    "text-x": ("a", 1),
    "nan-x": (math.nan, 1),
    "none-x": (None, 1),
    "nan-y": (1, math.nan),
    "text-y": (1, "a"),
}


@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
def test_21_named_curves_drops_and_reports_invalid_point(value: object) -> None:
    curves, refused = read({"a": [1, value, value, 4]})
    assert refused == "returned no number for point 1 of a"
    assert (curves.y[0][0], curves.y[0][-1]) == (1, 4)
    assert curves.x[0][-1] == 3
    assert set(curves.y[0][1:-1]) <= {None}


@pytest.mark.parametrize(
    "value",
    [None, 7, 7.5, "abc", b"abc", {1, 2}, object(), (n for n in "ab")],
    ids=lambda value: type(value).__name__,
)
def test_21_named_curves_rejects_other_than_sequences(value: object) -> None:
    with pytest.raises(TypeError, match="expected a sequence or a mapping of names to sequences"):
        NamedCurves("f").read(value)
    curves, refused = read({"good": [1], "bad": value})
    assert curves.names == ["good"]
    assert refused.startswith("returned ")
    assert refused.endswith(" for bad; expected a sequence")


class Endless:
    """A sequence with a short length and an iterator that never ends."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[int]:
        while True:
            yield 1


BEYOND = {
    "points": ([1] * 2001, "returned more than 2,000 points; only the first are drawn"),
    "points-by-name": ({"a": range(10**9)}, "returned more than 2,000 points of a; only the first are drawn"),
    "endless": (Endless(), "returned more than 2,000 points; only the first are drawn"),
    "endless-pair": ([Endless()], "returned no number for point 0"),
    "curves": ({f"c{n}": [n] for n in range(9)}, "returned 9 curves; only the first 8 are drawn"),
    "many-curves": ({n: [n] for n in range(100_000)}, "returned 100,000 curves; only the first 8 are drawn"),
    "name": ({"x" * 201: [1]}, "returned a curve with a name that is not text of 1 to 200 characters"),
    "no-name": ({None: [1]}, "returned a curve with a name that is not text of 1 to 200 characters"),
}


@pytest.mark.parametrize(("answer", "sentence"), BEYOND.values(), ids=BEYOND.keys())
def test_named_curves_truncates_and_reports_above_limits(answer: object, sentence: str) -> None:
    assert read(answer)[1] == sentence


@pytest.mark.parametrize("answer", [[1] * 2000, {f"c{n}": [n] for n in range(8)}], ids=["points", "curves"])
def test_named_curves_keeps_everything_at_limits(answer: object) -> None:
    curves, refused = read(answer)
    assert refused == ""
    assert (len(curves.x[0]), len(curves.names)) in [(2000, 1), (1, 8)]


@pytest.mark.parametrize("name", ["<b>bold</b>", "a\nb", "\ud800", "x" * 200])
def test_named_curves_name_is_one_line_when_hostile(name: str) -> None:
    curves, _ = read({name: [1]})
    assert curves.names[0].isprintable()
    assert 0 < len(curves.names[0]) <= 64
    json.dumps(curves.names[0]).encode()
