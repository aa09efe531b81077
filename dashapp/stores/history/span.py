"""The points of one span: columns for a block, and the coarser points of the next level.

The values are in arrays of doubles, a tenth of the memory of as many objects of Python.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Generator, Iterator, Sequence
from itertools import groupby

from dashapp.model.rollup import Aggregate, Point, combine, point_end_ms
from dashapp.model.ticks import Tick, to_milliseconds, weight_of_step
from dashapp.stores.history.block_codec import BlockEncoder, decode_block, read_header

# The parts of a block, in the order of Aggregate's fields. The format calls the weight `count`.
PARTS = ("total", "low", "high", "count")
# A tick needs only its value: it is its low and its high too, and its weight is its step.
TICK_PARTS = ("total",)
# Costs in microseconds: of a column by itself, in addition to one for each value; of reading a value; and of
# combining some values into one.
COLUMN_COST, READ_COST, COMBINE_COST = 20, 1, 10


class Span:
    """Points in order. The costs that it reports are about microseconds."""

    def __init__(self, parts: Sequence[str] = PARTS) -> None:
        self._parts = parts
        self._times: list[int] = []
        self._steps: list[float] = []
        # For each metric the index of its first value, and an array for each part, with NaN for no value.
        self._columns: dict[str, tuple[int, list[array[float]]]] = {}
        self._values = 0

    def __bool__(self) -> bool:
        return bool(self._times)

    @property
    def start_ms(self) -> int:
        return self._times[0]

    @property
    def end_ms(self) -> int:
        return self._times[-1]

    @property
    def cost(self) -> int:
        """The cost of encoding it."""
        return self._values + COLUMN_COST * len(self._parts) * len(self._columns)

    def add_tick(self, tick: Tick) -> int:
        """Add a tick to a span of TICK_PARTS, and return the cost of that."""
        length, columns = len(self._times), self._columns
        for key, value in tick.values.items():
            column = columns.get(key)
            if column is None:
                columns[key] = column = length, [array("d")]
            first, (values,) = column
            if missing := length - first - len(values):
                values.extend([math.nan] * missing)
            values.append(value)
        return self._end_point(to_milliseconds(tick.time), tick.step, len(tick.values))

    def add(self, point: Point) -> int:
        """Add a point of all PARTS, and return the cost of that."""
        length, columns = len(self._times), self._columns
        for key, aggregate in point.values.items():
            column = columns.get(key)
            if column is None:
                columns[key] = column = length, [array("d") for _ in PARTS]
            first, arrays = column
            missing = length - first - len(arrays[0])
            for values, value in zip(arrays, aggregate, strict=True):
                if missing:
                    values.extend([math.nan] * missing)
                values.append(value)
        return self._end_point(point.time_ms, point.step, len(PARTS) * len(point.values))

    def _end_point(self, time_ms: int, step: float, values: int) -> int:
        self._times.append(time_ms)
        self._steps.append(step)
        self._values += values
        return READ_COST * values

    def roll_up(self, step: float) -> Generator[int, None, list[Point]]:
        """Return the points of `step` seconds; yield the cost of each metric.

        The last point may be incomplete; only the caller can know.
        """
        groups: list[tuple[int, slice]] = []
        for end_ms, times in groupby(self._times, key=lambda time_ms: point_end_ms(time_ms, step)):
            start = groups[-1][1].stop if groups else 0
            groups.append((end_ms, slice(start, start + len(list(times)))))
        weights = array("d", map(weight_of_step, self._steps))
        points: list[dict[str, Aggregate]] = [{} for _ in groups]
        for key, (first, arrays) in self._columns.items():
            for (_end_ms, rows), values in zip(groups, points, strict=True):
                part = slice(max(0, rows.start - first), max(0, rows.stop - first))
                fields = [column[part] for column in arrays]
                if len(fields) == 1:
                    fields = _fields_of_ticks(fields[0], weights[first + part.start : first + part.stop])
                if math.isnan(math.fsum(fields[0])):
                    rows_with_value = [row for row in zip(*fields, strict=True) if not math.isnan(row[0])]
                    fields = [array("d", field) for field in zip(*rows_with_value, strict=True)]
                if fields and fields[0]:
                    values[key] = combine(*fields)
            yield COMBINE_COST * len(groups)
        return [Point(end_ms, step, values) for (end_ms, _), values in zip(groups, points, strict=True)]

    def encode(self) -> Generator[int, None, bytes]:
        """Return the block; yield the cost of each column once it is encoded."""
        encoder = BlockEncoder({"t": self._times, "step": self._steps})
        length = len(self._times)
        for index, part in enumerate(self._parts):
            for key, (first, arrays) in self._columns.items():
                values = arrays[index]
                if len(values) < length:
                    after = length - first - len(values)
                    values = array("d", [math.nan] * first) + values + array("d", [math.nan] * after)
                encoder.add(part, key, values)
                yield COLUMN_COST + length
        return encoder.finish()


def _fields_of_ticks(values: array[float], weights: array[float]) -> list[array[float]]:
    weights = weights[: len(values)]
    totals = array("d", [value * weight for value, weight in zip(values, weights, strict=True)])
    return [totals, values, values, weights]


def block_start_ms(block: bytes, default: int) -> int:
    """Return the time of a block's first point; `default` if the block is damaged."""
    try:
        return int(read_header(block)[0]["start"])
    except (ValueError, KeyError, TypeError):
        return default


def decode_ticks(block: bytes) -> list[Tick]:
    """Return the ticks of a block of TICK_PARTS. ValueError if it is damaged."""
    return [
        Tick(time_ms / 1000, step, {key: values[0] for key, values in row.items()})
        for time_ms, step, row in _decode_rows(block)
    ]


def decode_points(block: bytes) -> list[Point]:
    """Return the points of a block of all PARTS. ValueError if it is damaged."""
    return [
        Point(int(time_ms), step, {key: Aggregate(*values) for key, values in row.items()})
        for time_ms, step, row in _decode_rows(block)
    ]


def _decode_rows(block: bytes) -> Iterator[tuple[float, float, dict[str, tuple[float, ...]]]]:
    axis, parts = decode_block(block)
    rows: list[dict[str, tuple[float, ...]]] = [{} for _ in axis["t"]]
    names = [part for part in PARTS if part in parts]
    try:
        for key in parts.get("total", {}):
            for row, *values in zip(rows, *(parts[name][key] for name in names), strict=True):
                if not math.isnan(values[0]):
                    row[key] = tuple(values)
    except KeyError as error:
        raise ValueError(f"a damaged block: {error}") from error
    return zip(axis["t"], axis["step"], rows, strict=True)
