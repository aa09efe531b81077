"""The API: a small WSGI application of its own, on the path that every viewer asks once a second.

An answer is built once for all who ask the same thing of the same newest tick.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl

from dashapp.alerts import broken, listed
from dashapp.answer import PACKED, Answer, failure, json, packed, send
from dashapp.export import RETRY, Export
from dashapp.history import Frame, frame, past
from dashapp.model import BadRequestError, BusyError, Cursor, milliseconds, stale_after
from dashapp.panel_table import matches
from dashapp.process_table import ProcessTable, Table
from dashapp.question import ask
from dashapp.stores import Reader

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

# Different questions kept answered for one tick, and their bytes; past that each is answered anew.
ANSWERS, ANSWERS_BYTES = 512, 16 << 20
# How old an answer may grow while no tick comes: its "now" is what tells stale from live.
FRESH = 1.0

PATHS = ("/api/ticks", "/api/frames", "/api/metrics", "/api/alerts", "/api/csv", "/healthz", "/readyz")
# Questions in one request, and metrics that patterns may mean in one of them.
QUESTIONS, LIKENED = 16, 200
NO_PROCESSES = "processes are not shown here"
NO_HOSTS = "hosts are not listed here; this store has one machine's history"

# Path, query, and the table of processes that goes with it.
Key = tuple[str, str, Table | None]


def wall() -> float:
    """Seconds UTC by this machine's clock."""
    return time.time()


class _Answers:
    """What was answered about one newest tick."""

    def __init__(self, asked_of: Cursor, built: float) -> None:
        self.asked_of = asked_of
        self.built = built
        self.known: dict[Key, Answer] = {}
        self.building: dict[Key, Lock] = {}
        self.size = 0


class Api:
    """Answers GET and HEAD on PATHS, and whatever else lies under `/api/` with 404."""

    def __init__(
        self,
        store: Reader,
        *,
        window: float = 100.0,
        interval: float = 1.0,
        longest: float = 7200.0,
        processes: ProcessTable | str = NO_PROCESSES,
        hosts: Callable[[], dict[str, Any]] | None = None,
        now: Callable[[], float] = wall,
    ) -> None:
        """`window`: seconds answered where none is asked; `longest`: seconds that may be asked for.

        `processes`: their table, or the sentence that says why there is none. `hosts`: the list of them,
        where the store has many. `now`: the seconds UTC by which the newest tick is old.
        """
        self._hosts = hosts
        self._clock = now
        self._store = store
        self._window = window
        self._interval = interval
        self._answers = _Answers(store.newest(), 0.0)
        self._longest = longest
        self._processes = processes
        self._export = Export(store, window=window, longest=longest, interval=interval, now=now)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            body = failure(f"{method} is not for this address; GET is")
            return send(start_response, "405 Method Not Allowed", body, [("allow", "GET, HEAD")])
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        if path == "/api/csv":
            return self._csv(method, query, start_response)
        key = (path, query, self._table(path, query))
        newest = self._store.newest()
        now = self._clock()
        # Held from here on: an answer that takes long must not pass for one about a later tick.
        answers = self._answers
        if newest != answers.asked_of or now - answers.built > FRESH or now < answers.built:
            answers = self._answers = _Answers(newest, now)
        known = answers.known.get(key)
        if known is None:
            known = self._once(answers, key)
        if known.packed is not None and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            return send(start_response, known.status, known.packed, PACKED)
        return send(start_response, known.status, known.body)

    def _csv(self, method: str, query: str, start_response: StartResponse) -> Iterable[bytes]:
        try:
            download = self._export.open(query)
        except BadRequestError as error:
            return send(start_response, "400 Bad Request", failure(str(error)))
        except BusyError as error:
            later = [("retry-after", str(RETRY))]
            return send(start_response, "503 Service Unavailable", failure(str(error)), later)
        start_response("200 OK", [*download.headers, ("cache-control", "no-store")])
        if method == "HEAD":
            download.close()
            return []
        return download

    def _table(self, path: str, query: str) -> Table | None:
        """The processes, where a query may ask for them. Taken here: who waits for an answer is not to wait
        for a reading as well."""
        if isinstance(self._processes, str) or path != "/api/ticks" or "processes=1" not in query:
            return None
        return self._processes.newest()

    def _once(self, answers: _Answers, key: Key) -> Answer:
        """Build an answer; who asks the same meanwhile waits for it."""
        if len(answers.building) >= ANSWERS or answers.size > ANSWERS_BYTES:
            return packed(*self._build(*key))
        with answers.building.setdefault(key, Lock()):
            if key not in answers.known:
                answers.known[key] = built = packed(*self._build(*key))
                answers.size += len(built.body)
            return answers.known[key]

    def _build(self, path: str, query: str, table: Table | None) -> tuple[str, bytes]:
        try:
            if path == "/api/ticks":
                return "200 OK", self._ticks(query, table)
            if path == "/api/frames":
                return "200 OK", self._frames(query)
            if path == "/api/metrics":
                return "200 OK", json(self._catalogue())
            if path == "/api/hosts" and self._hosts is not None:
                return "200 OK", json(self._hosts())
            if path == "/api/alerts":
                return "200 OK", json(listed(self._store, query, self._now()))
            if path in ("/healthz", "/readyz"):
                return self._health(path)
        except BadRequestError as error:
            return "400 Bad Request", failure(str(error))
        return "404 Not Found", failure("there is nothing at this address")

    def _now(self) -> Mapping[str, float] | None:
        """The values of now; None where nothing comes."""
        newest = self._store.since(float("-inf"), 1)
        fresh = newest and self._clock() - newest[-1].time <= stale_after(newest[-1].step)
        return newest[-1].values if fresh else None

    def _catalogue(self) -> list[dict[str, Any]]:
        """Each metric; with its panel's kind where its source says it, for pages that lack it."""
        looks = self._store.looks()
        rows = [asdict(metric) for metric in self._store.metrics()]
        return [row | {"kind": looks[row["panel"]]} if row["panel"] in looks else row for row in rows]

    def _frames(self, query: str) -> bytes:
        """What several questions for ticks, each a `q`, would be answered one by one."""
        given = parse_qsl(query, keep_blank_values=True)
        if not 1 <= len(given) <= QUESTIONS or any(name != "q" for name, _ in given):
            raise BadRequestError(f"expected 1 to {QUESTIONS} questions, each as q, and nothing else")
        bodies = (self._build("/api/ticks", question, None)[1] for _, question in given)
        return b'{"frames":[' + b",".join(bodies) + b"]}"

    def _ticks(self, query: str, table: Table | None) -> bytes:
        question = ask(
            query,
            window=self._window,
            longest=self._longest,
            now=self._clock(),
            known=[metric.key for metric in self._store.metrics()] if "metrics" in query else (),
        )
        if question.processes and isinstance(self._processes, str):
            raise BadRequestError(self._processes)
        if question.hosts and self._hosts is None:
            raise BadRequestError(NO_HOSTS)
        metrics = question.metrics if question.like is None else self._likened(question.like)
        if question.past is not None:
            found = past(self._store, *question.past, metrics, self._interval)
        else:
            found = frame(self._store, question.window, question.after, metrics, self._interval)
        body = self._body(found)
        if question.processes and not isinstance(self._processes, str):
            table = table or self._processes.newest()
            body["processes"] = table and table.columns()
        if question.hosts and self._hosts is not None:
            body["hosts"] = self._hosts()["hosts"]
        if question.curves and (curves := self._store.curves()):
            body["curves"] = curves
        return json(body)

    def _likened(self, patterns: Sequence[str]) -> list[str]:
        """The keys of the metrics that patterns mean, which may be none yet."""
        keys = [metric.key for metric in self._store.metrics()]
        meant = dict.fromkeys(key for pattern in patterns for key in keys if matches(pattern, key))
        return list(meant)[:LIKENED]

    def _body(self, found: Frame) -> dict[str, Any]:
        body: dict[str, Any] = {
            "cursor": found.cursor,
            "reset": found.reset,
            "now": round(self._clock(), 3),
            "step": found.step,
            "t": found.t,
            "y": found.y,
        }
        if found.low and found.newest:
            # What a reader of single ticks sees for itself: when the newest came, and what it said.
            newest = found.newest
            body |= {"min": found.low, "max": found.high}
            body |= {"newest": milliseconds(newest.time), "tick": newest.step, "last": newest.values}
        if those := broken(self._store.thresholds()):
            body["broken"] = those
        if changes := self._store.changes():
            # Who shows what became of them asks for it when there is more.
            body["changes"] = changes[-1].number
        if notices := self._store.notices():
            body["notices"] = notices
        return body

    def _health(self, path: str) -> tuple[str, bytes]:
        newest = self._store.newest().time_ms
        ticks = self._store.since(float("-inf"), 1)
        step = ticks[-1].step if ticks else self._interval
        age = max(0.0, self._clock() - newest / 1000) if newest else None
        stale = age is None or age > stale_after(step)
        status = "503 Service Unavailable" if stale and path == "/readyz" else "200 OK"
        shown = None if age is None else round(age, 3)
        return status, json({"status": "stale" if stale else "ok", "age": shown})
