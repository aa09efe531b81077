"""Reads the means of some metrics from minutes and hours of the archive, without numpy.

The collector uses this. A damaged block or row is left out; the readers of the web process report it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from dashapp.model.rollup import point_end_ms
from dashapp.model.text import parse_json
from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.stores.base import MeanLevel
from dashapp.stores.history.archive import HOUR, HOUR_LEVEL, MINUTE_LEVEL, BlockReader
from dashapp.stores.history.block_codec import decode_block

# Times are epoch milliseconds, the ends of the points.
Means = dict[str, list[tuple[int, float]]]
# The parts of a point that have its mean.
_PARTS = ("total", "count")


class StoredMeans:
    """The means of points of `step` seconds."""

    def __init__(self, blocks: BlockReader, step: float) -> None:
        self.step = step
        self._blocks = blocks

    def means(self, start: int, end: int, keys: Sequence[str]) -> Means:
        """Return the means of points in (start, end], milliseconds, by metric, oldest first."""
        # Rows first: a point that moves into a block meanwhile is then in both, and never in neither.
        rows = self._blocks.rows(start, end)
        means: Means = {key: [] for key in keys}
        for block in self._blocks.blocks(start, end):
            with suppress(ValueError):
                _add(means, _block_points(block, keys), start, end)
        for row in rows:
            with suppress(ValueError):
                _add(means, _row_points(row, keys), start, end)
        return means


class TickMeans:
    """The means of ticks, for a store without levels."""

    def __init__(self, ticks: Sequence[Tick], step: float) -> None:
        self.step = step
        self._ticks = ticks

    def means(self, start: int, end: int, keys: Sequence[str]) -> Means:
        groups: dict[str, dict[int, list[float]]] = {key: {} for key in keys}
        for tick in self._ticks:
            time_ms = point_end_ms(to_milliseconds(tick.time), self.step)
            if start < time_ms <= end:
                for key in keys:
                    if key in tick.values:
                        groups[key].setdefault(time_ms, []).append(tick.values[key])
        return {
            key: [(time_ms, sum(values) / len(values)) for time_ms, values in by_time.items()]
            for key, by_time in groups.items()
        }


def open_mean_levels(block_reader: Callable[[str, int], BlockReader]) -> tuple[StoredMeans, StoredMeans]:
    """Open the minutes and the hours. `block_reader` takes a level's name and block span in ms."""
    minutes, hours = (
        StoredMeans(block_reader(name, span * 1000), step) for name, step, span in (MINUTE_LEVEL, HOUR_LEVEL)
    )
    return minutes, hours


def tick_means(ticks: Sequence[Tick]) -> tuple[TickMeans, TickMeans]:
    """Return the minutes and the hours of ticks."""
    return TickMeans(ticks, MINUTE_LEVEL[1]), TickMeans(ticks, HOUR_LEVEL[1])


def hourly_means(levels: tuple[MeanLevel, MeanLevel], start: int, end: int, keys: Sequence[str]) -> Means:
    """Return the means of hours. The last ones, which that level lacks, are those of minutes."""
    minutes, hours = levels
    means: Means = hours.means(start, end, keys)
    newest = max((rows[-1][0] for rows in means.values() if rows), default=start)
    for key, rows in minutes.means(newest, end, keys).items():
        by_hour: dict[int, list[float]] = {}
        for time_ms, value in rows:
            by_hour.setdefault(point_end_ms(time_ms, HOUR), []).append(value)
        means[key] += [(hour, sum(values) / len(values)) for hour, values in by_hour.items()]
    return means


def _add(means: Means, points: Iterable[tuple[int, Mapping[str, float]]], start: int, end: int) -> None:
    for time_ms, values in points:
        if start < time_ms <= end:
            for key, mean in values.items():
                if not means[key] or means[key][-1][0] < time_ms:
                    means[key].append((time_ms, mean))


def _block_points(block: Any, keys: Sequence[str]) -> Iterator[tuple[int, Mapping[str, float]]]:
    if not isinstance(block, bytes):
        raise ValueError("not a block")
    axis, parts = decode_block(block, keys, _PARTS)
    totals, counts = parts.get("total", {}), parts.get("count", {})
    for index, time_ms in enumerate(axis["t"]):
        # A count without a value is 0 or NaN.
        yield (
            int(time_ms),
            {
                key: total[index] / counts[key][index]
                for key, total in totals.items()
                if key in counts and counts[key][index] > 0
            },
        )


def _row_points(row: Any, keys: Sequence[str]) -> Iterator[tuple[int, Mapping[str, float]]]:
    try:
        time_ms, _step, values = parse_json(row)
        means = {
            key: float(values[key][0]) / float(values[key][3])
            for key in keys
            if key in values and values[key][3] > 0
        }
        yield int(time_ms), means
    except (TypeError, AttributeError, LookupError, OverflowError, RecursionError) as error:
        raise ValueError("not a point") from error
