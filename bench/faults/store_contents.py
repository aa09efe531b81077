"""Ticks and alerts of a store after everything has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from dashapp.alerts.message import format_line
from dashapp.model.ticks import to_milliseconds
from dashapp.stores.base import row_time_ms
from dashapp.stores.cached_reader import CachedReader


def alert_counts(
    reader: CachedReader, lines: Counter[str], is_moved: Callable[[int], bool], last: int
) -> list[int]:
    """Return how often `lines` of a listener has each alert in the store, up to number `last`.

    `is_moved`: whether an alert at this time, in milliseconds, may have another time in its line.
    """
    changes = [
        change
        for change in reader.changes()
        if change.number <= last and not is_moved(to_milliseconds(change.time))
    ]
    return [lines[format_line(change)] for change in changes]


def unexplained_lines(reader: CachedReader, lines: Counter[str]) -> list[str]:
    """Return the differences between alerts in the store and lines of a listener, by time.

    Each is a line after "not delivered", "delivered twice" or "not in the store".
    """
    expected = [format_line(change) for change in reader.changes()]
    found = [("not delivered", line) for line in expected if not lines[line]]
    found += [("delivered twice", line) for line in expected if lines[line] > 1]
    known = {*expected}
    found += [("not in the store", line) for line in lines if line not in known]
    return [f"{reason}: {line}" for reason, line in sorted(found, key=lambda each: each[1])]


def tick_counts(rows: Iterable[object], reader: CachedReader) -> Counter[int]:
    """Return how often each tick is in the store, by its time in milliseconds.

    `rows`: those of the log.
    """
    times = [time for row in rows if isinstance(row, str) and (time := row_time_ms(row))]
    # A block that was compacted just before a process was killed may also be in the rows until the next
    # compaction. Readers then use the rows alone.
    ticks = reader.levels()[0].columns(-1, min(times) - 1 if times else 1 << 60, ())
    return Counter([*map(int, ticks.t), *times])
