"""The points of one span while they are read: columns for a block, and the coarser points of the next level.

The values are in arrays of doubles, a tenth of the memory of as many objects of Python.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Generator, Sequence

from dashapp.model.rollup import Point, RollUp
from dashapp.stores.block_codec import BlockEncoder

# The parts of a block, in the order of Aggregate's fields.
PARTS = ("total", "low", "high", "count")
# Costs in microseconds: of a column by itself, in addition to one for each value, and of reading a value.
COLUMN_COST, READ_COST = 20, 3


class Span:
    """Points in order. The costs that it reports are about microseconds."""

    def __init__(self, parts: Sequence[str] = PARTS, coarser_step: float | None = None) -> None:
        """`parts`: the total alone if each point is a tick. `coarser_step`: in seconds, None for none."""
        self._parts = parts
        self._roll_up = None if coarser_step is None else RollUp(coarser_step)
        self._times: list[int] = []
        self._steps: list[float] = []
        # For each metric the index of its first value, and an array for each part.
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

    def add(self, point: Point) -> int:
        """Add a point, and return the cost of that."""
        length = len(self._times)
        columns = self._columns
        for key, aggregate in point.values.items():
            column = columns.get(key)
            if column is None:
                columns[key] = column = length, [array("d") for _ in self._parts]
            first, arrays = column
            missing = length - first - len(arrays[0])
            for values, value in zip(arrays, aggregate, strict=False):
                if missing:
                    values.extend([math.nan] * missing)
                values.append(value)
        self._times.append(point.time_ms)
        self._steps.append(point.step)
        if self._roll_up is not None:
            self._roll_up.add(point)
        self._values += len(point.values) * len(self._parts)
        return READ_COST * len(point.values)

    def coarser_points(self) -> list[Point]:
        """Return the points of the next level."""
        return [] if self._roll_up is None else self._roll_up.points()

    def encode(self) -> Generator[int, None, bytes]:
        """Yield the cost of each column once it is encoded, and return the block."""
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
