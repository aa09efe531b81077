"""Replay a CSV file as live data: `replay:prices.csv?speed=60`, or `?end=now`.

It starts with the first row and plays `speed` seconds of the file per second. With `end=now` the last row is
the present, and the rows before it become the history. After the last row there is a message and a gap.
"""

from __future__ import annotations

import math
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from dashapp.model.panel_spec import check_panel_name
from dashapp.model.ticks import Metric, SourceError
from dashapp.sources.base import Backfill
from dashapp.sources.expiring import ExpiringValues
from dashapp.sources.external.csv.csv_file import CsvFile
from dashapp.sources.external.csv.profile import Notation
from dashapp.sources.external.csv.times import TimeError, find_zone
from dashapp.sources.external.csv_reader import CsvRows, Row
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.slug import SlugRegistry


class Playback:
    """Plays `rows`, of which there is at least one.

    A number remains valid for at least `min_seconds` seconds of the file.
    """

    def __init__(self, rows: Iterable[Row], min_seconds: float) -> None:
        self._rows: Iterator[Row] = iter(rows)
        first = next(self._rows)
        self._next: Row | None = first
        self._recent_values: ExpiringValues[str] = ExpiringValues(min_seconds)
        self.start = self.position = first.time
        if (second := next(self._rows, None)) is not None:
            # The second row shows for how long the first is valid.
            self._recent_values.record(first.values, 2 * first.time - second.time)
            self._rows = chain([second], self._rows)

    @property
    def is_finished(self) -> bool:
        """Whether the last row has been read."""
        return self._next is None

    @property
    def next_time(self) -> float:
        """The time of the next row, or infinity after the last one."""
        return self._next.time if self._next is not None else math.inf

    def values_at(self, now: float, max_rows: int = sys.maxsize) -> Mapping[str, float]:
        """Return the values at `now`, which only rises, after reading at most `max_rows` rows."""
        for _ in range(max_rows):
            if self._next is None or self._next.time > now:
                break
            self._recent_values.record(self._next.values, self._next.time)
            self.position = self._next.time
            self._next = next(self._rows, None)
        return self._recent_values.values_at(now)

    def has_unread_rows(self, now: float) -> bool:
        """Return whether there are unread rows up to `now`."""
        return self._next is not None and self._next.time <= now


MAX_SPEED = 1e6
# A day of artificial prices in the package, with the same names as real ones.
EXAMPLE = "example"
# Limits of half a second's work each: rows and cells per reading, and bytes at the end of the file that
# become the history.
MAX_ROWS_PER_READ, MAX_CELLS_PER_READ, BACKFILL_TAIL_BYTES = 20_000, 500_000, 1_000_000
# A viewer who waits longer for the next row gets a message.
MAX_SILENT_WAIT_S = 60.0
# Long names of columns differ at their end.
MAX_KEY_LENGTH, MAX_KEY_PART_LENGTH, MAX_LABEL_LENGTH = 200, 80, 64
EXPECTED = "expected replay:FILE.csv, optionally with ?speed=60, end=now or as=NAME, separated by &"
DATE_ORDERS = ("dmy", "mdy", "ymd")
DECIMAL_MARKS = {"": "", "point": ".", "comma": ","}

_GROUP_NAME = re.compile(r"[a-z]{1,32}")


class ReplaySource:
    """Replays a file; `group` is the panel and the first part of every key.

    `interval` is the number of seconds between two ticks.
    """

    def __init__(
        self,
        path: Path,
        speed: float = 1.0,
        end_now: bool = False,
        group: str = "replay",
        interval: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        notation: Notation | None = None,
    ) -> None:
        self.status_message = ""
        self._path, self._group = path, group
        self._speed, self._end_now, self._interval = speed, end_now, interval
        self._min_seconds = 3 * interval * speed
        self._clock = clock
        self._slugs = SlugRegistry(keep_case=True, max_length=MAX_KEY_PART_LENGTH)
        self._metrics: dict[str, Metric] = {}
        self._file = CsvFile(path, notation)
        self._rows = CsvRows(self._file, BACKFILL_TAIL_BYTES if end_now else 0)
        self._playback: Playback | None = None
        self._error: SourceError | None = None
        self._failed_version: tuple[int, int] | None = None
        self._start_time = 0.0

    def read(self) -> Mapping[Metric, float]:
        """Return the values at the current position; raises SourceError if reading fails."""
        if self._playback is None:
            self._playback = self._open()
            self._start_time = self._clock()
        playback = self._playback
        now = playback.start + (self._clock() - self._start_time) * self._speed
        columns = max(len(self._file.profile.columns), 1)
        values = playback.values_at(now, max(1, min(MAX_ROWS_PER_READ, MAX_CELLS_PER_READ // columns)))
        self.status_message = "; ".join(self._messages(playback, now))
        return {self._metric(name): value for name, value in values.items()}

    def backfill(self, until: float, limit: int) -> Backfill:
        """With end=now, return the ticks before `until`, which is the time of the last row."""
        if not self._end_now:
            return ()
        # Read the file twice: the time of the last row is needed first, and there are too many rows to hold.
        (end,) = deque((row.time for row in CsvRows(self._file, BACKFILL_TAIL_BYTES)), maxlen=1)
        playback = Playback(CsvRows(self._file, BACKFILL_TAIL_BYTES), self._min_seconds)
        step = self._interval * self._speed
        ticks = []
        for ticks_before in range(min(limit - 1, int((end - playback.start) / step)), -1, -1):
            if values := playback.values_at(end - ticks_before * step):
                metrics = {self._metric(name): value for name, value in values.items()}
                ticks.append((until - ticks_before * self._interval, metrics))
        return ticks

    def _open(self) -> Playback:
        """Start the playback; a file that failed is read again only after it has changed."""
        version = self._version()
        if self._error is not None and version == self._failed_version:
            raise self._error.with_traceback(None)
        try:
            rows: Iterable[Row] = self._rows
            if self._end_now:
                rows = deque(rows, maxlen=1)
            return Playback(rows, self._min_seconds)
        except SourceError as error:
            self._error, self._failed_version = error, version
            raise

    def _version(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _messages(self, playback: Playback, now: float) -> Iterator[str]:
        name = self._path.name[:60]
        # The first message is the one that stays visible if there are too many.
        yield from self._rows.messages()
        if playback.is_finished:
            yield f"{name} ended at its last row, {self._file.format_time(playback.position)}"
        elif playback.has_unread_rows(now):
            yield f"{name} has too many rows for speed {self._speed:g}; the replay is behind"
        elif (wait := playback.next_time - now) > MAX_SILENT_WAIT_S * self._speed:
            speed = min(MAX_SPEED, playback.next_time - playback.position)
            yield f"{name} has its next row {_duration(wait)} later; add ?speed={speed:.0f} to see it sooner"

    def _metric(self, name: str) -> Metric:
        if name not in self._metrics:
            parts = [self._slugs(part) for part in name.split(".")]
            label = "".join(letter for letter in name if letter.isprintable())
            if len(label) > MAX_LABEL_LENGTH:
                half = MAX_LABEL_LENGTH // 2
                label = f"{label[: half - 1]}…{label[-half:]}"
            key = ".".join([self._group, *parts])
            if len(key) > MAX_KEY_LENGTH:
                key = f"{self._group}.{self._slugs(name)}"
            self._metrics[name] = Metric(key, label or key, self._file.units.get(name, ""), self._group)
        return self._metrics[name]


def _duration(seconds: float) -> str:
    """Return seconds for a sentence, in the largest unit that makes at least two of it."""
    units = (("days", 86_400), ("hours", 3600), ("minutes", 60))
    name, size = next(((name, size) for name, size in units if seconds >= 2 * size), ("seconds", 1))
    return f"{seconds / size:,.0f} {name}"


def _notation(parameters: dict[str, Any]) -> Notation:
    """Remove the parameters of the notation, and return it; raises ValueError if one is invalid."""
    dates, decimal = parameters.pop("dates", ""), parameters.pop("decimal", "")
    zone = parameters.pop("zone", "")
    if dates not in ("", *DATE_ORDERS):
        raise ValueError(f"expected dates={', '.join(DATE_ORDERS[:-1])} or {DATE_ORDERS[-1]}")
    if decimal not in DECIMAL_MARKS:
        raise ValueError("expected decimal=point or decimal=comma")
    try:
        return Notation(dates, DECIMAL_MARKS[decimal], find_zone(zone) if zone else None)
    except TimeError:
        raise ValueError("expected zone=CONTINENT/CITY, such as zone=Europe/Berlin") from None


def make_source(rest: str, interval: float, **options: Any) -> BackgroundSource:
    """Return the source for FILE or FILE?speed=…&end=now&as=… in `rest`.

    `dates`, `decimal` and `zone` state the notation of a file that does not show it.

    `options` are the same parameters by name.
    """
    name, _, query = rest.partition("?")
    try:
        parameters = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))) | options
        speed = float(parameters.pop("speed", 1))
        end, group = parameters.pop("end", ""), parameters.pop("as", "replay")
    except (TypeError, ValueError):
        raise ValueError(EXPECTED) from None
    notation = _notation(parameters)
    if parameters or not name or end not in ("", "now") or not _GROUP_NAME.fullmatch(str(group)):
        raise ValueError(EXPECTED)
    check_panel_name("as", group)
    if not 0 < speed <= MAX_SPEED:
        raise ValueError(f"expected a speed above 0 and at most {MAX_SPEED:.0f}")
    path = Path(name)
    if name == EXAMPLE:
        path, group = Path(__file__).parents[2] / "examples" / "bars.csv", "quotes"
    if not path.is_file():
        raise ValueError("expected an existing file; relative paths start in the current directory")
    source = ReplaySource(path, speed, end == "now", str(group), interval, notation=notation)
    return BackgroundSource(source, timeout=60.0, name=f"replay of {path.name}")
