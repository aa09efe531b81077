"""Builds the JSON of frames: for /api/ticks, /api/frames and the events of a stream."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from dashapp.api.frame_json import frame_json
from dashapp.api.params import TicksQuery, check_queries, parse_ticks_query
from dashapp.api.process_table import ProcessTable, Table
from dashapp.api.serializers import match_metrics
from dashapp.api.top import UNREADABLE
from dashapp.http.responses import encode_json, error_json
from dashapp.model.ticks import BadRequestError, BusyError, Cursor, is_stale, tick_age
from dashapp.query.formula_columns import FormulaColumns
from dashapp.query.frames import MAX_VALUES, live_frame, past_frame
from dashapp.stores.base import Reader, Snapshot

# Queries in one request to /api/frames.
MAX_QUERIES_PER_REQUEST = 16
NO_PROCESSES = "this server does not show processes"
NO_HOSTS = "this store has the data of one host only"
# "now" in a response rises in steps of this from the newest tick on, so that every process builds the same
# bytes. The page compares it with the newest tick to see whether the data is stale.
TIME_STEP_S = 1.0


class Answer(NamedTuple):
    """The JSON of one or more frames.

    `shareable`: whether a shared cache may serve it for a second. `cursors`: one for each frame, with which
    its reader continues.
    """

    body: bytes
    shareable: bool
    cursors: tuple[str, ...]


def time_of_response(newest: Cursor, now: float) -> tuple[int, float]:
    """Return the number of whole steps since the newest tick, and the time of the last one."""
    steps = int((now - newest.time_ms / 1000) // TIME_STEP_S)
    return steps, round(newest.time_ms / 1000 + TIME_STEP_S * steps, 3)


class FrameBuilder:
    """Parses the queries of one page, and answers them."""

    def __init__(
        self,
        store: Reader,
        *,
        window: float,
        interval: float,
        max_window: float,
        clock: Callable[[], float],
        processes: ProcessTable | str = NO_PROCESSES,
        hosts: Callable[[], dict[str, Any]] | None = None,
        redacts_notices: bool = False,
        compared: Sequence[str] = (),
    ) -> None:
        """The arguments are those of Api; `clock` is its `now`."""
        self._store = store
        self._window = window
        self._interval = interval
        self._max_window = max_window
        self._clock = clock
        self._processes = processes
        self._hosts = hosts
        self._redacts_notices = redacts_notices
        self._compared = compared

    def read_processes(self) -> Table | None:
        """Return the newest table of processes; None if there is none."""
        return None if isinstance(self._processes, str) else self._processes.newest()

    def parse(self, query: str) -> TicksQuery:
        """Parse the query of /api/ticks. BadRequestError if it is invalid."""
        ticks_query = parse_ticks_query(
            query,
            window=self._window,
            max_window=self._max_window,
            now=self._clock(),
            known_metrics=[metric.key for metric in self._store.metrics()] if "metrics" in query else (),
        )
        if ticks_query.processes and isinstance(self._processes, str):
            raise BadRequestError(self._processes)
        if ticks_query.hosts and self._hosts is None:
            raise BadRequestError(NO_HOSTS)
        check_queries([ticks_query])
        return ticks_query

    def parse_several(self, query: str) -> list[TicksQuery | BadRequestError]:
        """Parse the query of /api/frames: several queries, each a `q`."""
        fits = query.count("&") < MAX_QUERIES_PER_REQUEST
        parameters = parse_qsl(query, keep_blank_values=True) if fits else []
        if not parameters or any(name != "q" for name, _ in parameters):
            raise BadRequestError(f"expected 1 to {MAX_QUERIES_PER_REQUEST} parameters named q, and no other")
        parsed = [self._parse_or_error(text) for _, text in parameters]
        check_queries([query for query in parsed if isinstance(query, TicksQuery)])
        return parsed

    def frames(
        self, queries: Sequence[TicksQuery | BadRequestError], now: float, snapshot: Snapshot
    ) -> Answer:
        """Return the answers to several queries. `now`: epoch seconds."""
        # All frames end at the same tick, and together they have at most as many numbers as one.
        max_values = MAX_VALUES // len(queries)
        answers = []
        for ticks_query in queries:
            try:
                if isinstance(ticks_query, BadRequestError):
                    raise ticks_query
                answers.append(self.ticks(ticks_query, None, now, snapshot, max_values))
            except BadRequestError as error:
                answers.append(Answer(error_json(str(error)), False, ("",)))
            except BusyError:
                # An error would be final for the page. It requests this frame again.
                after = ticks_query.after if isinstance(ticks_query, TicksQuery) else ""
                answers.append(Answer(b"null", False, (after,)))
        return Answer(
            b'{"frames":[' + b",".join(answer.body for answer in answers) + b"]}",
            all(answer.shareable for answer in answers),
            tuple(answer.cursors[0] for answer in answers),
        )

    def _parse_or_error(self, query: str) -> TicksQuery | BadRequestError:
        try:
            return self.parse(query)
        except BadRequestError as error:
            return error

    def ticks(
        self,
        ticks_query: TicksQuery,
        table: Table | None,
        now: float,
        snapshot: Snapshot,
        max_values: int | None = None,
    ) -> Answer:
        """Return the answer to one query at `snapshot`.

        `table`: that of processes, if it was read before. `max_values`: of numbers in the frame, by default
        MAX_VALUES.
        """
        metrics: Collection[str] | None = (
            ticks_query.metrics
            if ticks_query.patterns is None
            else match_metrics(self._store, ticks_query.patterns)
        )
        extra = extend = None
        if ticks_query.formulas:
            extra = FormulaColumns(ticks_query.formulas, metrics, self._compared)
            metrics, extend = extra.needed_metrics, extra.extend
        if ticks_query.time_range is not None:
            frame = past_frame(
                self._store,
                *ticks_query.time_range,
                metrics,
                self._interval,
                snapshot=snapshot,
                max_values=max_values or MAX_VALUES,
                max_points=ticks_query.points,
                extend=extend,
            )
            if not frame.is_complete:
                # The page loads a range of the past once, and would show what is missing as a gap.
                raise BusyError(UNREADABLE)
        else:
            frame = live_frame(
                self._store,
                ticks_query.window,
                ticks_query.after,
                metrics,
                self._interval,
                snapshot=snapshot,
                max_values=max_values or MAX_VALUES,
                max_points=ticks_query.points,
                extend=extend,
            )
        body = frame_json(frame, now, self._store, self._redacts_notices)
        if extra is not None and "last" in body:
            body["last"] = {**body["last"], **extra.values(body["last"])}
        if ticks_query.processes and not isinstance(self._processes, str):
            table = table or self._processes.newest()
            body["processes"] = table and table.columns()
        if ticks_query.hosts and self._hosts is not None:
            body["hosts"] = self._hosts()["hosts"]
        if ticks_query.curves and (curves := self._store.curves()):
            body["curves"] = curves
        # A viewer that polls just before the next tick gets it with its next poll: a shared cache must not
        # serve the empty response for a second. If no tick arrives any more, it may.
        newest = frame.newest
        is_up_to_date = newest is not None and frame.cursor == ticks_query.after
        awaits_tick = (
            is_up_to_date and newest and not is_stale(tick_age(newest.time, self._clock()), newest.step)
        )
        is_private = awaits_tick or ticks_query.processes or ticks_query.hosts
        return Answer(encode_json(body), frame.is_complete and not is_private, (frame.cursor,))
