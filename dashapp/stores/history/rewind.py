"""Corrects a history after the clock was set.

Ticks with wrong times leave the log and all levels. They go aside, to a storage that no page shows. If they
were right after all, they come back. A journal names the work, and each step of it can be repeated: a crash
between two steps loses nothing and doubles nothing.
"""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, Protocol, TypeVar

from dashapp.model.ticks import to_milliseconds
from dashapp.stores.base import Rewind, row_time_ms
from dashapp.stores.history.archive import HOUR, MINUTE, Archive, ArchiveLevel, PointSpan
from dashapp.stores.history.span import (
    TICK_PARTS,
    Span,
    block_start_ms,
    decode_ticks,
)

Position = TypeVar("Position")

# Rows to read at a time, and characters of rows in a piece that goes aside.
ROWS_PER_READ, CHARS_PER_PIECE = 500, 1 << 20
# Rewinds that can be taken back.
MAX_RECORDS = 8
LOG, BLOCK, ROWS = "log", "block", "rows"


class RewindableLog(Protocol[Position]):
    """The rows of the log."""

    def read(self, after: Position | None, limit: int) -> list[tuple[Position, object]]:
        """Return the first `limit` rows after a position (None: of all), each with its position."""

    def replace_end(self, after: Position | None, rows: Iterable[str]) -> None:
        """Replace the rows after a position (None: all) by others, in one transaction."""


class Journal(Protocol):
    """A text that a crash does not lose."""

    def read(self) -> str: ...

    def write(self, text: str) -> None: ...


class Piece(NamedTuple):
    """A part that is set aside: rows of the log, a block of a level, or its rows."""

    kind: str
    level: str
    end_ms: int
    data: bytes

    def encode(self) -> bytes:
        return f"{self.kind} {self.level} {self.end_ms}\n".encode() + self.data

    @staticmethod
    def decode(text: bytes) -> Piece:
        head, _, data = text.partition(b"\n")
        kind, level, end = head.decode().split()
        return Piece(kind, level, int(end), data)

    def rows(self) -> list[str]:
        return zlib.decompress(self.data).decode().splitlines()


@dataclass
class _Work:
    """A rewind that is not complete.

    `restored`: the pieces that come back; None until the rest is done.
    """

    rewind: Rewind
    # Rows that were not in the log yet.
    rows: Sequence[str] = ()
    restored: list[int] | None = None
    pieces: list[int] = field(default_factory=list)


class Rewinder:
    """The rewinds of one store.

    `apply` raises the errors of log, archive and journal; repeat it then.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._queue: deque[_Work] = deque()
        # The pieces that each rewind has set aside, by its `after_ms`.
        self._records: dict[int, list[int]] = {}
        self._newest_piece = 0
        self._is_loaded = False

    def __bool__(self) -> bool:
        """Whether `apply` may have anything to do. Only `load` reads the journal."""
        return bool(self._queue) or not self._is_loaded

    def load(self) -> None:
        """Continue with what the journal names, after a restart."""
        if self._is_loaded:
            return
        text = self._journal.read() or "[]"
        with suppress(ValueError, TypeError):  # not written by dashapp
            self._queue.extendleft(
                _Work(Rewind(after_ms, restores), restored=restored)
                for after_ms, restores, restored in reversed(json.loads(text))
            )
        self._is_loaded = True

    def add(self, rewind: Rewind, rows: Sequence[str]) -> None:
        """Add a rewind. `rows`: ticks with wrong times that the log does not have."""
        self._queue.append(_Work(rewind, rows))

    def apply(self, log: RewindableLog[Position], archive: Archive) -> None:
        """Do what is to do."""
        while self._queue:
            work = self._queue[0]
            if work.restored is None:
                self._save()
                self._cut(log, archive, work)
                record = self._records.pop(work.rewind.after_ms, []) if work.rewind.restores else []
                if not work.rewind.restores:
                    self._records[work.rewind.after_ms] = work.pieces
                    for oldest in list(self._records)[:-MAX_RECORDS]:
                        del self._records[oldest]
                work.restored = record
            restored = work.restored
            if restored:
                self._save()
                _restore(log, archive, restored)
            self._queue.popleft()
            self._save()
            for number in restored:
                archive.aside().drop_block(number)

    def _save(self) -> None:
        entries = [[work.rewind.after_ms, work.rewind.restores, work.restored] for work in self._queue]
        self._journal.write(json.dumps(entries) if entries else "")

    def _cut(self, log: RewindableLog[Position], archive: Archive, work: _Work) -> None:
        after_ms = work.rewind.after_ms
        minute_ms, hour_ms = (after_ms - after_ms % to_milliseconds(step) for step in (MINUTE, HOUR))
        ticks, minutes, hours = archive.levels

        def set_aside(piece: Piece) -> None:
            storage = archive.aside()
            self._newest_piece = max(self._newest_piece, storage.newest_block()) + 1
            storage.put(piece.encode(), self._newest_piece, self._newest_piece)
            work.pieces.append(self._newest_piece)

        # A coarser point stays if all of its finer ones do. The others become rows again.
        coarse = [(hours, hour_ms, hour_ms), (minutes, hour_ms, minute_ms)]
        top = zip(archive.top_levels, (hour_ms,) * 3, (after_ms, minute_ms, hour_ms), strict=False)
        for level, block_ms, row_ms in (*coarse, *reversed([*top])):
            for piece in _cut_level(level, block_ms, row_ms, after_ms):
                set_aside(piece)
        # The log comes first: from here on, the block that holds its ticks may go.
        for piece in _cut_log(log, after_ms, _reopened_rows(ticks, minute_ms, after_ms), work.rows):
            set_aside(piece)
        for piece in _cut_level(ticks, minute_ms, minute_ms, after_ms):
            set_aside(piece)


def _cut_level(level: ArchiveLevel, block_ms: int, row_ms: int, after_ms: int) -> Iterator[Piece]:
    """Drop blocks after `block_ms` and rows after `row_ms`; yield each piece before it goes.

    The points between these times become rows, except those of ticks, which go to the log.
    """
    storage = level.storage
    rows = [str(row) for _time_ms, row in level.rows(row_ms)]
    if rows:
        yield _piece_of_rows(ROWS, level.name, rows)
    ends = [end_ms for end_ms in storage.ends() if end_ms > block_ms]
    for end_ms in reversed(ends):
        block = storage.block(end_ms)
        yield Piece(BLOCK, level.name, end_ms, block)
        if end_ms != ends[0]:
            storage.drop_block(end_ms)
            continue
        kept, reopened = _split(level, block, block_ms, row_ms)
        storage.replace_newest(block_ms, row_ms, (kept, block_ms) if kept else None, reopened)
    if rows and not ends:
        storage.replace_newest(block_ms, row_ms, None, ())
    if rows or ends:
        level.load()


def _split(
    level: ArchiveLevel, block: bytes, block_ms: int, row_ms: int
) -> tuple[bytes, list[tuple[int, str]]]:
    """Return a block of the points up to `block_ms`, and the later rows up to `row_ms`.

    The block is empty if there are none.
    """
    reopened: list[tuple[int, str]] = []
    try:
        if level.step:
            span = level.kind.new_span()
            points = level.kind.decode_block(block)
            for point in points:
                if point.time_ms <= block_ms:
                    span.add(point)
            later = (point for point in points if block_ms < point.time_ms <= row_ms)
            reopened = [(point.time_ms, point.encode()) for point in later]
        else:
            span = ticks = Span(TICK_PARTS)
            for tick in decode_ticks(block):
                if to_milliseconds(tick.time) <= block_ms:
                    ticks.add_tick(tick)
    except ValueError:  # a damaged block is a gap
        return b"", []
    return _encode(span) if span else b"", reopened


def _encode(span: PointSpan) -> bytes:
    steps = span.encode()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            block: bytes = end.value
            return block


def _reopened_rows(ticks: ArchiveLevel, minute_ms: int, after_ms: int) -> list[str]:
    """Return the ticks of the last minute that stays, if a block holds them."""
    end_ms = next((end_ms for end_ms in ticks.storage.ends() if end_ms > minute_ms), None)
    if end_ms is None:
        return []
    try:
        found = decode_ticks(ticks.storage.block(end_ms))
    except ValueError:
        return []
    return [tick.encode() for tick in found if minute_ms < to_milliseconds(tick.time) <= after_ms]


def _cut_log(
    log: RewindableLog[Position], after_ms: int, reopened: Sequence[str], waiting: Sequence[str]
) -> Iterator[Piece]:
    """Drop the rows after a time, and add `reopened` ones before the others."""
    last: Position | None = None
    for position, row in _read(log, None):
        if 0 < row_time_ms(row) <= after_ms:
            last = position
    chars, piece = 0, list[str]()
    for row in chain((row for _position, row in _read(log, last)), waiting):
        if isinstance(row, str) and row:
            piece.append(row)
            chars += len(row)
        if chars > CHARS_PER_PIECE:
            yield _piece_of_rows(LOG, LOG, piece)
            chars, piece = 0, []
    yield _piece_of_rows(LOG, LOG, piece)
    if reopened:
        # The log's own rows up to that time, if there are any, are already in a block.
        newest_ms = row_time_ms(reopened[-1])
        kept = [str(row) for _position, row in _read(log, None) if newest_ms < row_time_ms(row) <= after_ms]
        log.replace_end(None, [*reopened, *kept])
    else:
        log.replace_end(last, ())


def _read(log: RewindableLog[Position], after: Position | None) -> Iterator[tuple[Position, object]]:
    while rows := log.read(after, ROWS_PER_READ):
        yield from rows
        after = rows[-1][0]


def _piece_of_rows(kind: str, level: str, rows: Sequence[str]) -> Piece:
    return Piece(kind, level, 0, zlib.compress("\n".join(rows).encode(), 1))


def _restore(log: RewindableLog[Position], archive: Archive, numbers: Sequence[int]) -> None:
    """Put pieces back that were set aside from here."""

    def piece_of(number: int) -> Piece:
        return Piece.decode(archive.aside().block(number))

    # Only one piece at a time is in memory. A repeated step may have set a block aside twice.
    blocks: dict[str, dict[int, int]] = {level.name: {} for level in archive.all_levels()}
    rows: dict[str, list[int]] = {name: [] for name in (LOG, *blocks)}
    for number in numbers:
        if not archive.aside().block(number):
            return  # the limit of size dropped a part of them
        kind, name, end_ms, _data = piece_of(number)
        if kind == BLOCK:
            blocks[name][end_ms] = number
        else:
            rows[name].append(number)
    ticks = archive.levels[0]
    _restore_log(log, [piece_of(number) for number in rows[LOG]], is_complete=bool(blocks[ticks.name]))
    for level in archive.all_levels():
        for index, end_ms in enumerate(sorted(blocks[level.name])):
            block = piece_of(blocks[level.name][end_ms]).data
            start_ms = block_start_ms(block, end_ms)
            if index == 0:
                # It holds all points from its start on that the rewind kept.
                level.storage.replace_newest(start_ms - 1, start_ms - 1, (block, end_ms), ())
            else:
                level.storage.put(block, start_ms, end_ms)
        level.load()
        for number in rows[level.name]:
            level.extend([level.kind.decode(row) for row in piece_of(number).rows()])


def _restore_log(log: RewindableLog[Position], pieces: Sequence[Piece], is_complete: bool) -> None:
    """Add the rows of pieces to the log. `is_complete`: blocks hold all ticks before them."""
    last: Position | None = None
    newest_ms = 0
    if not is_complete:
        for position, row in _read(log, None):
            last, newest_ms = position, max(newest_ms, row_time_ms(row))
    added = []
    for row in chain.from_iterable(piece.rows() for piece in pieces):
        if (time_ms := row_time_ms(row)) > newest_ms:
            added.append(row)
            newest_ms = time_ms
    log.replace_end(last, added)
