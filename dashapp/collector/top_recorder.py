"""Records the top processes every ten seconds, and when an alert fires.

A thread scans the processes, so that no tick waits for it. The collector's own thread stores the records.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Thread

from dashapp.model.thresholds import UNUSUAL_OP, AlertChange
from dashapp.model.ticks import to_milliseconds
from dashapp.model.top import AlertProcesses, Ranking, TopRecord, combine_records, kind_of_metric
from dashapp.process.threads import start_thread
from dashapp.sources.system.top.ranking import TopRanking
from dashapp.stores.base import Store
from dashapp.stores.documents import ALERT_PROCESSES

log = logging.getLogger("dashapp")

# Seconds between two records, and the largest share of a core for their scans: many processes are scanned
# more rarely.
RECORD_INTERVAL_S, MAX_CPU_SHARE = 10.0, 0.005
# Seconds that an alert waits for a scan, at most.
ALERT_TIMEOUT_S = 0.25
# Records in memory, for the time before an alert.
RECENT_RECORDS = 360
# Alerts whose processes the store keeps.
MAX_ALERTS = 500


class TopRecorder:
    """Call `step` after each tick, and `explain` with each change of an alert.

    `explains`: whether alerts name the processes.
    """

    def __init__(
        self,
        ranking: TopRanking,
        store: Store,
        *,
        explains: bool = True,
        max_wait: float = ALERT_TIMEOUT_S,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._ranking = ranking
        self._store = store
        self._explains = explains
        self._max_wait = max_wait
        self._cpu_clock = cpu_clock
        self._condition = Condition()
        self._request: float | None = None
        self._finished: deque[TopRecord] = deque()
        self._recent: deque[TopRecord] = deque(maxlen=RECENT_RECORDS)
        self._interval = RECORD_INTERVAL_S
        self._last = float("-inf")
        self._thread: Thread | None = None
        self._is_failing = self._is_closed = False
        self._read_others: dict[str, Callable[[], Ranking]] = {}
        self._processes: dict[int, AlertProcesses] = {**store.alert_processes()} if explains else {}

    def add_ranking(self, kind: str, read: Callable[[], Ranking]) -> None:
        """Record another ranking, if it is not empty. The thread of the scans calls `read`."""
        self._read_others[kind] = read

    def step(self, time: float) -> None:
        """Store what the thread has finished, and start a scan if one is due. `time`: the tick's."""
        self._store_finished()
        interval = self._interval
        is_due = time // interval != self._last // interval or abs(time - self._last) > interval
        if is_due and self._start_scan(time):
            self._last = time

    def explain(self, changes: Sequence[AlertChange], time: float) -> None:
        """Record the processes now if an alert fires, and store those that explain it.

        `time`: that of the tick. Waits briefly for the scan. Call it before the store has the changes.
        """
        firing = [change for change in changes if change.firing]
        if not firing:
            return
        if self._start_scan(time):
            self._last = time
        with self._condition:
            is_complete = self._condition.wait_for(lambda: self._request is None, self._max_wait)
        self._store_finished()
        if not (self._explains and is_complete):
            return
        found = {change.number: found for change in firing if (found := self._explanation(change))}
        if found:
            self._processes |= found
            for number in sorted(self._processes)[:-MAX_ALERTS]:
                del self._processes[number]
            self._store.write_document(ALERT_PROCESSES, dict(self._processes))

    def follow_clock(self, after: float | None) -> None:
        """Forget the records later than `after`, whose times are wrong."""
        if after is not None:
            after_ms = to_milliseconds(after)
            with self._condition:
                kept = [record for record in self._recent if record.time_ms <= after_ms]
                self._recent = deque(kept, maxlen=RECENT_RECORDS)
                self._finished.clear()

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def _explanation(self, change: AlertChange) -> AlertProcesses | None:
        """Return the top processes of the time for which a condition held; None without any."""
        kind = kind_of_metric(change.threshold.metric)
        if kind is None or not change.threshold.op.startswith((">", UNUSUAL_OP)):
            return None
        end_ms = to_milliseconds(change.time)
        newest_ms = self._recent[-1].time_ms if self._recent else 0
        if newest_ms != end_ms:
            return None
        start_ms = end_ms - 1000 * max(change.threshold.seconds, self._recent[-1].step)
        parts = [
            (record, min(record.step, (record.time_ms - start_ms) / 1000))
            for record in self._recent
            if record.time_ms > start_ms
        ]
        ranking = combine_records(parts, end_ms, (end_ms - start_ms) / 1000).rankings.get(kind, ())
        return AlertProcesses(end_ms, kind, ranking) if ranking else None

    def _start_scan(self, time: float) -> bool:
        """Start a scan for a tick; False while another one runs."""
        with self._condition:
            if self._request is not None:
                return False
            self._request = time
            self._condition.notify_all()
        if self._thread is None:
            self._thread = start_thread("dashapp top processes", self._run)
        return True

    def _store_finished(self) -> None:
        while self._finished:
            self._store.append_top(self._finished.popleft())

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._request is not None or self._is_closed)
                time = self._request
            if time is None:
                return
            start = self._cpu_clock()
            record = self._read(to_milliseconds(time))
            cost = self._cpu_clock() - start
            with self._condition:
                self._interval = max(RECORD_INTERVAL_S, -(-cost // (10 * MAX_CPU_SHARE)) * 10)
                if record is not None:
                    self._finished.append(record)
                    self._recent.append(record)
                self._request = None
                self._condition.notify_all()

    def _read(self, time_ms: int) -> TopRecord | None:
        try:
            usage = self._ranking.read()
        except Exception as error:
            # A platform may raise anything here. Ticks go on, and a later scan may work.
            if not self._is_failing:
                log.warning("the processes cannot be read (%r)", error)
            self._is_failing = True
            return None
        self._is_failing = False
        if usage is None:
            return None
        rankings: dict[str, Ranking] = {kind: tuple(entries) for kind, entries in usage.rankings.items()}
        for kind, read in self._read_others.items():
            if ranking := read():
                rankings[kind] = ranking
        return TopRecord(time_ms, round(usage.seconds, 3), rankings, usage.unknown)
