"""CSV export: any time range of the history, streamed while the store reads it.

The first line has the names: `time` (ISO 8601, UTC) and one column for each metric. A cell is empty if the
metric has no value then. There is one row for each tick; for times whose ticks are already deleted, one for
each minute or hour, with the mean and the time of its end. The export holds one segment in memory at a time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np
import orjson

from dashapp.api.params import TicksQuery, parse_ticks_query
from dashapp.http.concurrency import ConcurrencyLimit
from dashapp.model.columns import Columns, round_significant
from dashapp.model.panels import Panel, keys_of_panels
from dashapp.model.text import quote_value
from dashapp.model.ticks import BadRequestError, BusyError
from dashapp.query.formula_columns import FormulaColumns
from dashapp.query.levels import Levels
from dashapp.stores.base import Reader

PARAMETERS = ("window", "from", "to", "metrics", "panel", "formulas")
# Downloads at a time in this process, and those of one client. Each occupies a server thread until its client
# has read all of it.
MAX_DOWNLOADS, MAX_DOWNLOADS_PER_CLIENT = 3, 2
# The client should retry after this many seconds if all slots are taken.
RETRY_AFTER_S = 10
# Cells in one chunk. A chunk takes two milliseconds, during which no other Python thread runs.
CELLS_PER_CHUNK = 30_000
# Significant digits of a mean.
MEAN_DIGITS = 12
# Looking for formulas inside a name takes the square of its length; no valid name is so long.
MAX_HEADING_LENGTH = 1000
LINE_END = b"\r\n"
# Characters that start a formula: = + - @, also full-width, small, raised or lowered. A spreadsheet skips
# white space and invisible characters before them.
_STARTS = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u207a\u207b\u208c\u208a\u208b\u2212"
_SKIPPED = r"[\s\x00-\x20\u00ad\u200b-\u200f\u2060\ufeff]*+"
_FORMULA = re.compile(rf"[\"\s\x00-\x20\u00ad\u200b-\u200f\u2060\ufeff]*[{_STARTS}]|[\t\r\n]")
# A separator or a quote inside a name, if a formula follows.
_INNER_FORMULA = re.compile(rf"(?<=[\s\S])[;,|\t\r\n\"']{_SKIPPED}(?=[{_STARTS}])")
_PLAIN_NAME = re.compile(r"'?[\w./%: -]+")


class CsvExport:
    """Starts downloads, as many at a time as `downloads` allows."""

    def __init__(
        self,
        store: Reader,
        *,
        window: float,
        max_window: float,
        interval: float,
        now: Callable[[], float] = time.time,
        host: str = "",
        panels: Sequence[Panel] = (),
        compared: Sequence[str] = (),
        downloads: ConcurrencyLimit | None = None,
    ) -> None:
        """The parameters are those of Api."""
        self._panels = panels
        self._compared = compared
        self._host = host
        self._store = store
        self._window = window
        self._max_window = max_window
        self._interval = interval
        self._now = now
        self._downloads = downloads or ConcurrencyLimit(MAX_DOWNLOADS, MAX_DOWNLOADS_PER_CLIENT)

    def open(self, query: str, client: str = "") -> Download:
        """Start the download that a query of `client` requests.

        Raises BadRequestError for an invalid query, and BusyError above the limit.
        """
        self._store.newest()  # a remote reader requests its data now, if it has none
        metrics = {metric.key: metric for metric in self._store.metrics()}
        ticks_query = parse_ticks_query(
            query,
            window=self._window,
            max_window=self._max_window,
            now=self._now(),
            known_metrics=metrics,
            parameters=PARAMETERS,
        )
        requested_keys = ticks_query.metrics
        if ticks_query.panel is not None:
            requested_keys = keys_of_panels([ticks_query.panel], metrics.values(), self._panels)
            if not requested_keys:
                raise BadRequestError(f"{quote_value(ticks_query.panel)} is not a panel; see /api/metrics")
        levels = Levels(self._store, self._interval)
        # The catalogue arrives with the first ticks, and can be missing while there are ticks.
        existing_keys = [*metrics, *(levels.newest.values if levels.newest else ())]
        # A requested metric that the catalogue lacks can still have older values.
        keys = tuple(dict.fromkeys([*existing_keys, *sorted(requested_keys or ())]))
        keys = tuple(key for key in keys if requested_keys is None or key in requested_keys)
        formulas = FormulaColumns(ticks_query.formulas, keys, self._compared)
        newest = levels.snapshot.cursor.time_ms
        start, end = ticks_query.time_range or (newest - round(ticks_query.window * 1000), newest)
        if not self._store.is_loaded:
            raise BusyError("the data of this page has not arrived from its store yet; retry in a moment")
        if not self._downloads.acquire(client):
            raise BusyError(
                f"too many downloads are running; at most {MAX_DOWNLOADS} run at a time, "
                f"{MAX_DOWNLOADS_PER_CLIENT} of one address; retry when one has ended"
            )
        return Download(
            levels,
            max(start, 0),
            min(end, newest),
            keys,
            formulas,
            file_name(ticks_query, end, self._host),
            partial(self._downloads.release, client),
        )


class Download:
    """A response body in chunks of at most a few hundred kilobytes.

    A server closes it. A hook of the application around it may drop it instead: then `__del__` does.
    """

    def __init__(
        self,
        levels: Levels,
        start: int,
        end: int,
        keys: Sequence[str],
        formulas: FormulaColumns,
        name: str,
        release: Callable[[], object],
    ) -> None:
        """The points in (start, end], epoch milliseconds. `close` calls `release` once."""
        self._release: Callable[[], object] | None = release
        self.headers = [
            ("content-type", "text/csv; charset=utf-8"),
            ("content-disposition", f'attachment; filename="{name}"'),
        ]
        self._parts = _body_parts(levels, start, end, keys, formulas)

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        release, self._release = self._release, None
        if release is not None:
            release()

    def __del__(self) -> None:
        self.close()


def file_name(ticks_query: TicksQuery, end: int, host: str = "") -> str:
    """The file's name: its content and its end in UTC, in characters that every system accepts."""
    subject = ticks_query.panel or "all"
    if ticks_query.metrics is not None:
        subject = min(ticks_query.metrics) if len(ticks_query.metrics) == 1 else "metrics"
    safe_subject = re.sub(r"[^A-Za-z0-9_-]+", "-", subject)[:40].strip("-") or "metrics"
    safe_host = re.sub(r"[^A-Za-z0-9_-]+", "-", host)[:40]
    parts = ("dashapp", safe_host, safe_subject, f"{datetime.fromtimestamp(end / 1000, UTC):%Y%m%d-%H%M}.csv")
    return "-".join(part for part in parts if part)


def _body_parts(
    levels: Levels, start: int, end: int, keys: Sequence[str], formulas: FormulaColumns
) -> Iterator[bytes]:
    header = (*keys, *formulas.keys)
    yield header_line(header)
    for columns in levels.segments(start, end, [*(formulas.needed_metrics or ())]):
        yield from format_rows(formulas.extend(columns) if formulas.keys else columns, header)


def header_line(keys: Sequence[str]) -> bytes:
    """The first line. A spreadsheet runs no name in it as a formula.

    See https://owasp.org/www-community/attacks/CSV_Injection. Where a comma is the decimal point, a
    spreadsheet splits the line at semicolons, even inside quotes.
    """
    # UTF-8 cannot encode a lone surrogate.
    return ",".join(["time", *map(_header_cell, keys)]).encode(errors="replace") + LINE_END


def _header_cell(key: str) -> str:
    text = _INNER_FORMULA.sub(r"\g<0>'", key[:MAX_HEADING_LENGTH])
    if _FORMULA.match(text):
        text = f"'{text}"
    if _PLAIN_NAME.fullmatch(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def format_rows(columns: Columns, keys: Sequence[str]) -> Iterator[bytes]:
    """Lines of the points in `columns` with a cell for each of `keys`, in chunks."""
    if not keys or not len(columns.t):
        return
    values = columns.mean
    if columns.low is not columns.mean:
        # The digits after these are noise of the sums. A mean of equal values has all digits of these.
        rounded = round_significant(values, MEAN_DIGITS)
        # The extremes of a formula are not known.
        values = np.fmin(np.fmax(rounded, columns.low), columns.high)
    matrix = np.full((len(columns.t), len(keys)), np.nan)
    column_index = {key: column for column, key in enumerate(keys)}
    matrix[:, [column_index[key] for key in columns.keys]] = values.T
    # numpy writes "2026-11-21T04:44:44.000Z" itself.
    times = np.datetime_as_string(columns.t.astype("datetime64[ms]"), timezone="UTC").astype("S").tolist()
    step = max(1, CELLS_PER_CHUNK // len(keys))
    for first in range(0, len(times), step):
        part = slice(first, first + step)
        # JSON such as [[1.0,null],[2.5,3.0]] is CSV once the brackets and nulls are removed.
        body = orjson.dumps(matrix[part], option=orjson.OPT_SERIALIZE_NUMPY)
        body = body.replace(b"null", b"").replace(b".0,", b",").replace(b".0]", b"]")
        lines = body[2:-2].split(b"],[")
        yield LINE_END.join(map(b",".join, zip(times[part], lines, strict=True))) + LINE_END
