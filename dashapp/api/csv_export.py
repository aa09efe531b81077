"""CSV export: any time range of the history, streamed while the store reads it.

The first line has the names: `time` (ISO 8601, UTC) and one column for each metric. A cell is empty if the
metric has no value then. There is one row for each tick; for times whose ticks are already deleted, one for
each minute or hour, with the mean and the time of its end. The export holds one segment in memory at a time.
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
# Downloads at a time. Each occupies a server thread until its client has read all of it.
MAX_DOWNLOADS = 2
# The client should retry after this many seconds if all slots are taken.
RETRY_AFTER_S = 10
# Cells in one chunk. A chunk takes two milliseconds, during which no other Python thread runs.
CELLS_PER_CHUNK = 30_000
LINE_END = b"\r\n"


class CsvExport:
    """Starts downloads, at most MAX_DOWNLOADS at a time."""

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
        """The parameters are those of Api."""
        self._chosen = chosen
        self._called = called
        self._store = store
        self._window = window
        self._longest = longest
        self._interval = interval
        self._now = now
        self._places = BoundedSemaphore(MAX_DOWNLOADS)

    def open(self, query: str) -> Download:
        """Start the download that a query requests.

        Raises BadRequestError for an invalid query, and BusyError if all slots are taken.
        """
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
        # The catalogue arrives with the first ticks, and can be missing while there are ticks.
        known = [*metrics, *(levels.newest.values if levels.newest else ())]
        # A requested metric that the catalogue lacks can still have older values.
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
    """A response body in chunks of at most a few hundred kilobytes. Always close it."""

    def __init__(
        self,
        levels: Levels,
        start: int,
        end: int,
        keys: Sequence[str],
        name: str,
        places: BoundedSemaphore,
    ) -> None:
        """The points in (start, end], epoch milliseconds. `close` releases `places` once."""
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
    """The file's name: its content and its end in UTC, in characters that every system accepts."""
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
    """The first line. A quote precedes = + - and @: a spreadsheet runs such a cell as a formula."""
    line = io.StringIO(newline="")
    safe = (f"'{key}" if key.lstrip()[:1] in tuple("=+-@") else key for key in keys)
    csv.writer(line).writerow(["time", *safe])
    # UTF-8 cannot encode a lone surrogate.
    return line.getvalue().encode(errors="replace")


def format_rows(found: Columns, keys: Sequence[str]) -> Iterator[bytes]:
    """Lines of the points in `found` with a cell for each of `keys`, CELLS_PER_CHUNK at a time."""
    if not keys or not len(found.t):
        return
    values = found.mean()
    if found.low is not found.total:
        # The sums behind a mean are rounded to as many digits.
        values = np.round(values, 6)
    matrix = np.full((len(found.t), len(keys)), np.nan)
    place = {key: column for column, key in enumerate(keys)}
    matrix[:, [place[key] for key in found.keys]] = values.T
    # numpy writes "2026-11-21T04:44:44.000Z" itself.
    times = np.datetime_as_string(found.t.astype("datetime64[ms]"), timezone="UTC").astype("S").tolist()
    step = max(1, CELLS_PER_CHUNK // len(keys))
    for first in range(0, len(times), step):
        part = slice(first, first + step)
        # JSON such as [[1.0,null],[2.5,3.0]] is CSV once the brackets and nulls are removed.
        body = orjson.dumps(matrix[part], option=orjson.OPT_SERIALIZE_NUMPY)
        body = body.replace(b"null", b"").replace(b".0,", b",").replace(b".0]", b"]")
        lines = body[2:-2].split(b"],[")
        yield LINE_END.join(map(b",".join, zip(times[part], lines, strict=True))) + LINE_END
