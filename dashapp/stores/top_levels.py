"""Reads the levels of the top processes from blocks and rows, or from memory.

A damaged block is left out and logged once.
"""

from __future__ import annotations

import logging
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

from dashapp.model.top import TopRecord
from dashapp.stores.history.archive import TOP_LEVELS, BlockReader
from dashapp.stores.history.top_span import decode_records

log = logging.getLogger("dashapp")

# Decoded blocks in the cache of a level: a viewer who moves the mouse reads the same ones again.
MAX_CACHED_BLOCKS = 8


class StoredRecords:
    """A level whose records are all in memory."""

    step = 10.0

    def __init__(self, records: Sequence[TopRecord]) -> None:
        self._records = records

    def newest(self) -> int:
        return self._records[-1].time_ms if self._records else 0

    def records(self, start: int, end: int) -> Sequence[TopRecord]:
        return [record for record in self._records if start < record.time_ms <= end]


class TopLevelReader:
    """Records of `step` seconds."""

    def __init__(self, blocks: BlockReader, step: float) -> None:
        self.step = step
        self.damaged = 0
        self._blocks = blocks
        self._decoded: OrderedDict[int, list[TopRecord]] = OrderedDict()
        self._logged: set[int] = set()

    def newest(self) -> int:
        return self._blocks.newest()

    def records(self, start: int, end: int) -> Sequence[TopRecord]:
        # Rows first: a record that moves into a block meanwhile is then in both, and never in neither.
        rows = self._blocks.rows(start, end)
        records = [record for value in self._blocks.blocks(start, end) for record in self._decode(value)]
        last = records[-1].time_ms if records else start
        for row in rows:
            try:
                record = TopRecord.decode(row)
            except ValueError as error:
                self._log_damage(row, error)
                continue
            if record.time_ms > last:
                records.append(record)
        return [record for record in records if start < record.time_ms <= end]

    def _decode(self, block: object) -> list[TopRecord]:
        key = _checksum(block)
        cache = self._decoded
        records = cache.get(key)
        if records is None:
            try:
                records = decode_records(block)
            except ValueError as error:
                self._log_damage(block, error)
                return []
            # Several threads read: each replaces the cache by a copy.
            cache = cache.copy()
            cache[key] = records
            while len(cache) > MAX_CACHED_BLOCKS:
                cache.popitem(last=False)
            self._decoded = cache
        return records

    def _log_damage(self, value: object, error: Exception) -> None:
        key = _checksum(value)
        if key not in self._logged:
            self._logged.add(key)
            self.damaged += 1
            log.warning("records of top processes are damaged and left out as a gap: %s", error)


def open_top_levels(block_reader: Callable[[str, int], BlockReader]) -> tuple[TopLevelReader, ...]:
    """Open all levels, finest first. `block_reader` takes a level's name and block span in ms."""
    return tuple(TopLevelReader(block_reader(name, span * 1000), step) for name, step, span in TOP_LEVELS)


def _checksum(value: object) -> int:
    return zlib.crc32(value if isinstance(value, bytes) else str(value).encode())
