"""What stands on disk when everything has ended: ticks, and alerts. Knows nothing of how it came there."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from dashapp.alerts.message import format_line
from dashapp.stores.disk.reader import DiskReader


def told(store: Path, heard: Counter[str]) -> list[int]:
    """How often a listener `heard` of each alert that the store remembers."""
    with closing(DiskReader(store)) as reader:
        return [heard[format_line(each)] for each in reader.changes()]


def kept(store: Path) -> Counter[int]:
    """How often each tick stands on disk, by its time in milliseconds."""
    with closing(sqlite3.connect(f"file:{store / 'cache.db'}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT value FROM Cache ORDER BY key").fetchall()
    times = [round(1000 * json.loads(row)[0]) for (row,) in rows if isinstance(row, str)]
    # What was sealed just when a process was killed may stand in the rows as well, until the next sealing: it
    # is read from the rows alone.
    sealed = DiskReader(store).levels()[0].columns(-1, times[0] - 1 if times else 1 << 60, None)
    return Counter([*map(int, sealed.t), *times])
