"""Reads one level of the archive into columns, with numpy.

Combines blocks with the rows that no block holds yet. A damaged block is left out and logged once.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson

from dashapp.model.columns import (
    Columns,
    Matrix,
    concat,
    empty_columns,
    mean_of,
    present_keys,
)
from dashapp.model.rollup import Point
from dashapp.model.ticks import MAX_VALUE, Tick
from dashapp.stores.history import block_codec
from dashapp.stores.history.archive import ALL_LEVELS, BlockReader

log = logging.getLogger("dashapp")

_INTEGER_TYPES = {1: "<i1", 2: "<i2", 4: "<i4", 8: "<i8"}


class ArchiveLevelReader:
    """Points of `step` seconds (0: ticks) in blocks of at most `span_ms`."""

    def __init__(self, blocks: BlockReader, step: float, span_ms: int) -> None:
        self.step = step
        self.damaged = 0
        self.span_ms = span_ms
        self._blocks = blocks
        self._logged: set[int] = set()

    def oldest(self) -> int | None:
        return self._blocks.oldest()

    def newest(self) -> int:
        return self._blocks.newest()

    def columns(self, start: int, end: int, metrics: Sequence[str] | None) -> Columns:
        # Rows first: a point that moves into a block meanwhile is then in both, and never in neither.
        rows = self._blocks.rows(start, end) if self.step else []
        columns = []
        for value in self._blocks.blocks(start, end):
            try:
                columns.append(decode_block(value, metrics).between(start, end))
            except ValueError as error:
                self._log_corrupt(value, error)
        last = int(columns[-1].t[-1]) if columns and len(columns[-1].t) else start
        points = []
        for value in rows:
            try:
                points.append(_decode_row(value))
            except ValueError as error:
                self._log_corrupt(value, error)
        columns.append(_columns_from_rows([point for point in points if point[0] > last], metrics))
        return concat(columns)

    def _log_corrupt(self, value: Any, error: Exception) -> None:
        checksum = zlib.crc32(value if isinstance(value, bytes) else str(value).encode())
        if checksum not in self._logged:
            self._logged.add(checksum)
            self.damaged += 1
            log.warning("a block of the history is damaged and left out as a gap: %s", error)


def open_levels(block_reader: Callable[[str, int], BlockReader]) -> tuple[ArchiveLevelReader, ...]:
    """Open all levels, finest first. `block_reader` takes a level's name and block span in ms."""
    return tuple(
        ArchiveLevelReader(block_reader(name, span * 1000), step, span * 1000)
        for name, step, span in ALL_LEVELS
    )


def decode_block(data: object, metrics: Sequence[str] | None = None) -> Columns:
    """Return a block's columns. ValueError if it is damaged or not a block."""
    if not isinstance(data, bytes):
        raise ValueError("not a block")
    try:
        return _decode_columns(data, metrics)
    except block_codec.DAMAGE_ERRORS as error:
        raise ValueError(f"a damaged block: {error}") from error


def _decode_columns(data: bytes, metrics: Sequence[str] | None) -> Columns:
    header, offset = block_codec.read_header(data)
    body = data[offset:]
    length = header["length"]
    totals = header["parts"]["total"]
    if not (type(length) is int and 0 <= length * max(1, len(totals)) <= block_codec.MAX_CELLS):
        raise ValueError("a block of the wrong size")
    keys = tuple(totals) if metrics is None else tuple(key for key in metrics if key in totals)
    parts: dict[str, Matrix] = {}
    for name, columns in header["parts"].items():
        matrix = np.empty((len(keys), length))
        for row, key in enumerate(keys):
            matrix[row] = _decode_column(columns[key], body, length)
        parts[name] = matrix
    total = parts["total"]
    times = _decode_column(header["axis"]["t"], body, length).astype(np.int64)
    if length > 1 and not bool((np.diff(times) > 0).all()):
        raise ValueError("times do not increase")
    step = _decode_column(header["axis"]["step"], body, length)
    if "count" not in parts:
        return Columns(times, step, keys, total, total, total)
    weight, low, high = np.nan_to_num(parts["count"]), parts["low"], parts["high"]
    return Columns(times, step, keys, mean_of(total, weight, low, high), low, high, weight)


def _decode_column(entry: Sequence[Any], body: bytes, length: int) -> Matrix:
    """Return one column as doubles, NaN for no value. `entry` is as FIELDS describes."""
    count, decimals, factor, first, width, differences, offset, size, mask = entry
    if not (type(count) is int and 0 <= count <= length):
        raise ValueError("a column of the wrong length")
    if width == 0:
        values = np.full(count, first / 10**decimals)
    else:
        raw = block_codec.decompress(body[offset : offset + size], count * width)
        if len(raw) != count * width:
            raise ValueError("a column of the wrong length")
        raw = np.frombuffer(raw, np.uint8).reshape(width, count).T.tobytes() if width > 1 else raw
        if decimals < 0:
            values = np.frombuffer(raw, "<f8")
        else:
            numbers = np.frombuffer(raw, _INTEGER_TYPES[width]).astype(np.int64)
            if differences:
                numbers = np.cumsum(numbers)
            values = (numbers * factor + first) / 10**decimals
    if mask is None:
        if count != length:
            raise ValueError("a column of the wrong length")
        return values
    present = np.frombuffer(
        block_codec.decompress(body[mask[0] : mask[0] + mask[1]], length), np.uint8
    ).astype(bool)
    spread = np.full(length, np.nan)
    spread[present] = values
    return spread


def decode_tick(row: str) -> Tick:
    """Return what `Tick.decode` returns, in a third of the time; or ValueError."""
    try:
        time, step, values = orjson.loads(row)
        numbers = np.fromiter(values.values(), float, len(values))
        is_plain = set(map(type, values.values())) <= {float, int} and (np.abs(numbers) <= MAX_VALUE).all()
        if is_plain and {type(time), type(step)} <= {float, int}:
            return Tick(time, float(step), values)
    except (ValueError, TypeError, AttributeError):
        pass
    return Tick.decode(row)


def _decode_row(value: Any) -> Any:
    """Return time, step and values of a point. ValueError if the row is damaged."""
    try:
        time_ms, step, values = orjson.loads(value)
        if np.array([*values.values()], float).shape[1:] == (4,) or not values:
            return int(time_ms), float(step), values
    except (ValueError, TypeError, AttributeError):
        pass
    # An older version may have written a total as Infinity, which is not JSON.
    point = Point.decode(value)
    return point.time_ms, point.step, point.values


def _columns_from_rows(points: Sequence[Any], metrics: Sequence[str] | None) -> Columns:
    """Return the columns of points that `Point.encode` wrote."""
    if not points:
        return empty_columns()
    keys = present_keys([point[2] for point in points], metrics)
    empty = (np.nan, np.nan, np.nan, 0)
    cube = np.array([[point[2].get(key, empty) for point in points] for key in keys], float)
    cube = cube.reshape(len(keys), len(points), 4)
    total, low, high, weight = np.moveaxis(cube, 2, 0)
    return Columns(
        np.array([point[0] for point in points], np.int64),
        np.array([point[1] for point in points], float),
        keys,
        mean_of(total, weight, low, high),
        low,
        high,
        weight,
    )
