"""Ticks and alerts on disk after everything has ended."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from dashapp.alerts.message import format_line
from dashapp.stores.disk.reader import DiskReader


def alert_counts(store: Path, lines: Counter[str]) -> list[int]:
    """Return how often `lines`, those of a listener, has each alert in the store."""
    with closing(DiskReader(store)) as reader:
        return [lines[format_line(change)] for change in reader.changes()]


def tick_counts(store: Path) -> Counter[int]:
    """Return how often each tick is on disk, by its time in milliseconds."""
    with closing(sqlite3.connect(f"file:{store / 'cache.db'}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT value FROM Cache ORDER BY key").fetchall()
    times = [round(1000 * json.loads(row)[0]) for (row,) in rows if isinstance(row, str)]
    # A block that was compacted just before a process was killed may also be in the rows until the next
    # compaction. Readers then use the rows alone.
    block_ticks = DiskReader(store).levels()[0].columns(-1, times[0] - 1 if times else 1 << 60, None)
    return Counter([*map(int, block_ticks.t), *times])
