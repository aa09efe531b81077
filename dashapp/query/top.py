"""Finds the record of top processes at a moment, and combines those of a time range."""

from __future__ import annotations

from collections.abc import Sequence

from dashapp.model.top import TopRecord, combine_records
from dashapp.stores.base import TopLevel

# Seconds of a range up to which each level but the coarsest is used.
MAX_RANGE_S = (6 * 3600, 14 * 86_400)
# Milliseconds by which a record may be later than a moment that it covers, at least: many processes are
# scanned more rarely than every ten seconds.
MIN_LOOK_AHEAD_MS = 600_000
# Milliseconds between two records that are no gap: a scan takes some time.
TOLERANCE_MS = 2000
# A moment without a record is near one that ends so many times its length before: the next one is not written
# yet, or the collector stopped.
NEAR_STEPS, MIN_NEAR_MS = 1.5, 15_000


def record_at(levels: Sequence[TopLevel], time_ms: int) -> TopRecord | None:
    """Return the finest record that covers a moment, or ends shortly before it; else None."""
    near: TopRecord | None = None
    for level in levels:
        step_ms = int(1000 * level.step)
        reach_ms = max(MIN_LOOK_AHEAD_MS, 2 * step_ms)
        records = level.records(time_ms - reach_ms, time_ms + reach_ms)
        covering = next((record for record in records if record.time_ms >= time_ms), None)
        if covering is not None and covering.start_ms - TOLERANCE_MS < time_ms:
            return covering
        before = [record for record in records if record.time_ms < time_ms]
        if near is None and before and time_ms - before[-1].time_ms <= _near_ms(before[-1]):
            near = before[-1]
    return near


def newest_record(levels: Sequence[TopLevel], now_ms: int) -> TopRecord | None:
    """Return the newest record; None if it does not describe the present."""
    newest_ms = levels[0].newest() if levels else 0
    records = levels[0].records(newest_ms - 1, newest_ms) if newest_ms else ()
    if not records or now_ms - newest_ms > _near_ms(records[-1]) + TOLERANCE_MS:
        return None
    return records[-1]


def record_between(levels: Sequence[TopLevel], start_ms: int, end_ms: int) -> TopRecord | None:
    """Return the records of (start, end] as one, weighted by the time that they share with it."""
    seconds = (end_ms - start_ms) / 1000
    index = sum(seconds > limit for limit in MAX_RANGE_S[: max(0, len(levels) - 1)])
    parts, covered_ms = [], float(start_ms)
    for record in _records_between(levels, index, start_ms, end_ms) if levels else ():
        shared = (min(record.time_ms, end_ms) - max(record.start_ms, covered_ms)) / 1000
        if shared > 0:
            parts.append((record, shared))
            covered_ms = record.time_ms
    if not parts:
        return None
    covered_s = round(sum(shared for _record, shared in parts), 3)
    return combine_records(parts, min(end_ms, parts[-1][0].time_ms), covered_s)


def _records_between(
    levels: Sequence[TopLevel], index: int, start_ms: int, end_ms: int
) -> Sequence[TopRecord]:
    """Return the records of a level, oldest first. Other levels fill the time that it lacks."""
    level = levels[index]
    look_ahead = max(MIN_LOOK_AHEAD_MS, int(2000 * level.step))
    found = level.records(start_ms, end_ms + look_ahead)
    # The first record that reaches the end is the last one of the range.
    count = next((number for number, record in enumerate(found, 1) if record.time_ms >= end_ms), None)
    records = list(found[:count])
    newest_ms = records[-1].time_ms if records else start_ms
    if index and newest_ms < end_ms:
        # A finer record becomes part of a coarser one only hours later.
        records += _finer_records(levels[index - 1 :: -1], newest_ms, end_ms)
    oldest_ms = int(records[0].start_ms) if records else end_ms
    if index + 1 < len(levels) and oldest_ms - start_ms > TOLERANCE_MS:
        older = levels[index + 1].records(start_ms, oldest_ms)
        records = [*older, *records]
    return records


def _finer_records(levels: Sequence[TopLevel], start_ms: int, end_ms: int) -> list[TopRecord]:
    """Return the records after `start_ms` of levels, coarsest first."""
    records: list[TopRecord] = []
    for level in levels:
        records += level.records(start_ms, end_ms + MIN_LOOK_AHEAD_MS)
        start_ms = records[-1].time_ms if records else start_ms
    return records


def _near_ms(record: TopRecord) -> float:
    return max(MIN_NEAR_MS, NEAR_STEPS * 1000 * record.step)
