"""Writes points of series into the push queue, within the limits of a web process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dashapp.http.concurrency import Queue
from dashapp.http.request_body import MAX_CONCURRENT_BODIES
from dashapp.model.text import quote_value
from dashapp.sources.external.ingest.records import METRICS_PER_SERIES, Point, SeriesId, encode_records
from dashapp.sources.external.ingest.series import MAX_METRICS, SERIES_TTL_S
from dashapp.stores.push_queue import PushWriter

# A body and its content, if it is compressed: more than 10,000 lines of Telegraf.
MAX_BODY_BYTES = 4 << 20


class Written(NamedTuple):
    """The number of points whose series is above the limit, and a sentence about them."""

    rejected: int
    problem: str


class SeriesWriter:
    """Shared by all protocols. `waiting` and `parsing` let one request at a time do its work."""

    def __init__(self, push_queue: PushWriter, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.waiting = Queue(MAX_CONCURRENT_BODIES)
        self._push_queue = push_queue
        # Encoded series, each with the time of its last point.
        self._seen: dict[str, float] = {}
        self._metric_count = 0

    def write(self, points: Iterable[Point]) -> Written:
        """Store points. PushQueueError if that fails; then the client sends all of them again.

        The collector accepts each point of a series once.
        """
        accepted = []
        rejected: list[Point] = []
        now = self.clock()
        has_room = True
        for point in points:
            if point.series not in self._seen and not (has_room and self._add(point.series, now)):
                # Looking for room once in a request is enough.
                has_room = self._metric_count < MAX_METRICS
                rejected.append(point)
                continue
            self._seen[point.series] = now
            accepted.append(point)
        for record in encode_records(accepted):
            self._push_queue.put(record)
        if not rejected:
            return Written(0, "")
        name = SeriesId.decode(rejected[0].series).name
        return Written(
            len(rejected),
            f"{quote_value(name)} exceeds the limit of {MAX_METRICS} metrics within an hour; "
            "send fewer names and tags",
        )

    def _add(self, series: str, now: float) -> bool:
        """Return whether there is room for a new series."""
        count = _metric_count(series)
        if self._metric_count + count > MAX_METRICS:
            self._seen = {name: seen for name, seen in self._seen.items() if 0 <= now - seen < SERIES_TTL_S}
            self._metric_count = sum(map(_metric_count, self._seen))
        if self._metric_count + count > MAX_METRICS:
            return False
        self._metric_count += count
        return True


def _metric_count(series: str) -> int:
    return METRICS_PER_SERIES[series.split("\t", 2)[1]]
