"""Records of top processes as a block: JSON in the header of `block_codec`, without columns.

Each name is in a block once. Columns of like numbers compress to about a third of rows.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Generator, Iterator
from itertools import accumulate, groupby, pairwise
from typing import Any

from dashapp.model.rollup import point_end_ms
from dashapp.model.top import TopRecord, checked_record, combine_records
from dashapp.stores.history.block_codec import (
    COMPRESSION_LEVEL,
    DAMAGE_ERRORS,
    HEADER_STRUCT,
    MAGIC,
    read_header,
)

# Costs in microseconds of reading a record, of combining it and of encoding it.
READ_COST, COMBINE_COST, ENCODE_COST = 30, 20, 30
# Records between two steps.
STEP_RECORDS = 60


class TopSpan:
    """Records in order. The costs that it reports are about microseconds."""

    def __init__(self) -> None:
        self._records: list[TopRecord] = []

    def __bool__(self) -> bool:
        return bool(self._records)

    @property
    def start_ms(self) -> int:
        return self._records[0].time_ms

    def add(self, record: TopRecord) -> int:
        """Add a record, and return the cost of that."""
        self._records.append(record)
        return READ_COST

    def roll_up(self, step: float) -> Generator[int, None, list[TopRecord]]:
        """Return the records of `step` seconds; yield the cost of each."""
        combined = []
        for end_ms, records in groupby(self._records, key=lambda record: point_end_ms(record.time_ms, step)):
            parts = [(record, record.step) for record in records]
            combined.append(combine_records(parts, end_ms, float(step)))
            yield COMBINE_COST * len(parts)
        return combined

    def encode(self) -> Generator[int, None, bytes]:
        """Return the block; yield the cost of it."""
        names: dict[str, int] = {}
        columns: dict[str, dict[str, list[Any]]] = {}
        for position, record in enumerate(self._records):
            for kind, ranking in record.rankings.items():
                column = columns.setdefault(kind, {"at": [], "name": [], "value": [], "count": []})
                column["at"].append([position, len(ranking)])
                for name, value, count in ranking:
                    column["name"].append(names.setdefault(name, len(names)))
                    column["value"].append(int(value) if value == int(value) else value)
                    column["count"].append(count)
            if position % STEP_RECORDS == 0:
                yield ENCODE_COST * STEP_RECORDS
        times = [record.time_ms for record in self._records]
        header = {
            "length": len(times),
            "start": times[0],
            "end": times[-1],
            "names": list(names),
            "times": [new - old for old, new in zip([0, *times], times, strict=False)],
            "steps": [record.step for record in self._records],
            "unknown": [record.unknown for record in self._records],
            "rankings": columns,
        }
        text = json.dumps(header, separators=(",", ":")).encode()
        packed = zlib.compress(text, COMPRESSION_LEVEL)
        return HEADER_STRUCT.pack(MAGIC, zlib.crc32(packed), len(packed)) + packed


def decode_records(block: object) -> list[TopRecord]:
    """Return the records of a block. ValueError if it is damaged or not such a block."""
    if not isinstance(block, bytes):
        raise ValueError("not a block")
    header, _offset = read_header(block)
    try:
        rankings: list[dict[str, Any]] = [{} for _ in header["times"]]
        names = header["names"]
        for kind, column in header["rankings"].items():
            entries = zip(
                (names[index] for index in column["name"]), column["value"], column["count"], strict=True
            )
            _fill(rankings, kind, column["at"], entries)
        times = list(accumulate(header["times"]))
        rows = zip(times, header["steps"], rankings, header["unknown"], strict=True)
        records = [checked_record(*row) for row in rows]
    except (*DAMAGE_ERRORS, RecursionError, StopIteration) as error:
        raise ValueError(f"a damaged block: {error}") from error
    if any(new <= old for old, new in pairwise(times)):
        raise ValueError("a damaged block: times do not increase")
    return records


def _fill(rankings: list[dict[str, Any]], kind: str, lengths: Any, entries: Iterator[Any]) -> None:
    for position, length in lengths:
        rankings[position][kind] = [next(entries) for _ in range(length)]
