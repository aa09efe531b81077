"""Export: any stretch of the history as CSV, written while it is read, however long it is.

One line of names, then `time` (ISO 8601, UTC) and a cell for each metric, empty where it has no value. A row
a tick; where ticks are forgotten a row a minute, and before that an hour, each with the mean and the time of
its end. Knows no HTTP but the headers of its answer, and never holds more than one stretch.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from threading import BoundedSemaphore

import numpy as np
import orjson

from dashapp.api.params import TicksQuery, parse_ticks_query
from dashapp.model.columns import Columns
from dashapp.model.panels import Panel, keys_of_panels
from dashapp.model.text import quote_value
from dashapp.model.ticks import BadRequestError, BusyError
from dashapp.query.levels import Levels
from dashapp.stores.base import Reader

PARAMETERS = ("window", "from", "to", "metrics", "panel")
# Downloads at a time. Each holds a thread of the server's until its reader has taken all of it (web.THREADS).
MAX_DOWNLOADS = 2
# Seconds after which to ask again where all places are taken.
RETRY_AFTER_S = 10
# Cells written in one go: two milliseconds, in which nobody else's Python runs.
CELLS_PER_CHUNK = 30_000
LINE_END = b"\r\n"


class CsvExport:
    """Hands out downloads, PLACES at a time."""

    def __init__(
        self,
        store: Reader,
        *,
        window: float,
        longest: float,
        interval: float,
        now: Callable[[], float] = time.time,
        called: str = "",
        chosen: Sequence[Panel] = (),
    ) -> None:
        """As Api takes them."""
        self._chosen = chosen
        self._called = called
        self._store = store
        self._window = window
        self._longest = longest
        self._interval = interval
        self._now = now
        self._places = BoundedSemaphore(MAX_DOWNLOADS)

    def open(self, query: str) -> Download:
        """What a query asks for. BadRequestError where it is no question, BusyError where no place is."""
        metrics = {metric.key: metric for metric in self._store.metrics()}
        question = parse_ticks_query(
            query,
            window=self._window,
            longest=self._longest,
            now=self._now(),
            known=metrics,
            parameters=PARAMETERS,
        )
        wanted = question.metrics
        if question.panel is not None:
            wanted = keys_of_panels([question.panel], metrics.values(), self._chosen)
            if not wanted:
                raise BadRequestError(
                    f"{quote_value(question.panel)} is not a panel; /api/metrics names those there are"
                )
        levels = Levels(self._store, self._interval)
        # The catalogue comes with the first ticks, and may be gone while they are there.
        known = [*metrics, *(levels.newest.values if levels.newest else ())]
        # What was asked for and is not known may have been a metric once.
        keys = tuple(dict.fromkeys([*known, *sorted(wanted or ())]))
        keys = tuple(key for key in keys if wanted is None or key in wanted)
        newest = self._store.newest().time_ms
        start, end = question.time_range or (newest - round(question.window * 1000), newest)
        if not self._places.acquire(blocking=False):
            raise BusyError(f"{MAX_DOWNLOADS} downloads are under way; try again when one has ended")
        return Download(
            levels,
            max(start, 0),
            min(end, newest),
            keys,
            file_name(question, end, self._called),
            self._places,
        )


class Download:
    """A body in parts, each a few hundred kilobytes at the most. `close` it, read to its end or not."""

    def __init__(
        self,
        levels: Levels,
        start: int,
        end: int,
        keys: Sequence[str],
        name: str,
        places: BoundedSemaphore,
    ) -> None:
        """The points in (start, end], epoch milliseconds; `places` is released once."""
        self.headers = [
            ("content-type", "text/csv; charset=utf-8"),
            ("content-disposition", f'attachment; filename="{name}"'),
        ]
        self._places: BoundedSemaphore | None = places
        self._parts = _body_parts(levels, start, end, keys)

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        places, self._places = self._places, None
        if places is not None:
            places.release()


def file_name(question: TicksQuery, end: int, called: str = "") -> str:
    """A file's name: what it holds, and when it ends in UTC; of letters that every system takes."""
    of = question.panel or "all"
    if question.metrics is not None:
        of = min(question.metrics) if len(question.metrics) == 1 else "metrics"
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", of)[:40].strip("-") or "metrics"
    whose = re.sub(r"[^A-Za-z0-9_-]+", "-", called)[:40]
    parts = ("dashapp", whose, safe, f"{datetime.fromtimestamp(end / 1000, UTC):%Y%m%d-%H%M}.csv")
    return "-".join(part for part in parts if part)


def _body_parts(levels: Levels, start: int, end: int, keys: Sequence[str]) -> Iterator[bytes]:
    yield header_line(keys)
    for found in levels.segments(start, end, keys):
        yield from format_rows(found, keys)


def header_line(keys: Sequence[str]) -> bytes:
    """The first line. A spreadsheet runs what begins with = + - or @, unless a quote stands before it."""
    line = io.StringIO(newline="")
    safe = (f"'{key}" if key.lstrip()[:1] in tuple("=+-@") else key for key in keys)
    csv.writer(line).writerow(["time", *safe])
    # What is half a character is none in UTF-8.
    return line.getvalue().encode(errors="replace")


def format_rows(found: Columns, keys: Sequence[str]) -> Iterator[bytes]:
    """Lines of the points in `found`, a cell for each of `keys`, CELLS at a time."""
    if not keys or not len(found.t):
        return
    values = found.mean()
    if found.low is not found.total:
        # As the sums that a mean is made from are rounded.
        values = np.round(values, 6)
    matrix = np.full((len(found.t), len(keys)), np.nan)
    place = {key: column for column, key in enumerate(keys)}
    matrix[:, [place[key] for key in found.keys]] = values.T
    # numpy writes "2026-11-21T04:44:44.000Z" itself.
    times = np.datetime_as_string(found.t.astype("datetime64[ms]"), timezone="UTC").astype("S").tolist()
    step = max(1, CELLS_PER_CHUNK // len(keys))
    for first in range(0, len(times), step):
        part = slice(first, first + step)
        # [[1.0,null],[2.5,3.0]]: a list of numbers is a line of cells but for its brackets.
        body = orjson.dumps(matrix[part], option=orjson.OPT_SERIALIZE_NUMPY)
        body = body.replace(b"null", b"").replace(b".0,", b",").replace(b".0]", b"]")
        lines = body[2:-2].split(b"],[")
        yield LINE_END.join(map(b",".join, zip(times[part], lines, strict=True))) + LINE_END
