"""The series that programs send, in the collector: the values of a tick from its points."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from dashapp.model.ticks import GAP_STEPS, Metric, max_encoded_chars
from dashapp.sources.expiring import UsualInterval
from dashapp.sources.external.ingest.names import IngestNames
from dashapp.sources.external.ingest.records import METRICS_PER_SERIES, Point, SeriesId, decode_record
from dashapp.sources.external.ingest.streams import STREAMS, Stream, Values
from dashapp.sources.polling import VALID_INTERVALS

# Metrics of all series together. A series without a point for this many seconds makes room for others.
MAX_METRICS, SERIES_TTL_S = 1000, 3600.0
# Seconds for which the page shows that series were ignored.
REJECTION_SHOWN_S = 60.0
CHECK_INTERVAL_S = 10.0
# Values of a series that show its usual interval, and the longest one between which the last value stays.
MIN_VALUES, MAX_USUAL_INTERVAL_S = 3, 200.0


class _LastValues:
    """The last values of a series, and how often it has some.

    A program that sends every ten seconds makes a line, as a function with `every` does. A rule such as
    "for 1m" then counts its time.
    """

    def __init__(self) -> None:
        self.time = float("-inf")
        self.numbers: Values = ()
        self._count = 0
        self._usual_interval = UsualInterval()

    def record(self, numbers: Values, time: float) -> None:
        if self._count:
            self._usual_interval.record(time - self.time)
        self.numbers, self.time = numbers, time
        self._count += 1

    def is_valid(self, now: float, interval: float) -> bool:
        """Return whether the values stay in the ticks: only those of a slow and regular program do."""
        usual = self._usual_interval.seconds
        is_slow = GAP_STEPS * interval < usual <= MAX_USUAL_INTERVAL_S
        return is_slow and self._count >= MIN_VALUES and now - self.time <= VALID_INTERVALS * usual


class IngestedSeries:
    """Keeps the last point of each series. `take` gets the points of a tick, in any order."""

    def __init__(self, interval: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """`interval`: the seconds between two ticks."""
        self._interval = interval
        self._clock = clock
        self._last_values: dict[str, _LastValues] = {}
        self._streams: dict[str, Stream] = {}
        self._seen: dict[str, float] = {}
        self._chars: dict[str, int] = {}
        self._names = IngestNames()
        self._metric_count = 0
        self._points: list[Point] = []
        self._touched: set[str] = set()
        self._checked = self._rejected_at = float("-inf")

    @property
    def status_message(self) -> str:
        if self._clock() - self._rejected_at < REJECTION_SHOWN_S:
            return (
                f"programs send more than {MAX_METRICS:,} metrics within an hour; further series are "
                "ignored; send fewer names and labels"
            )
        return ""

    def parse(self, record: bytes) -> Sequence[Point]:
        """Return the points of a record; nothing if it is invalid."""
        return decode_record(record)

    def row_chars(self, points: Iterable[Point]) -> int:
        """Return the characters that these points add to the row of this tick at most."""
        return sum(self._series_chars(text) for text in {point.series for point in points} - self._touched)

    def take(self, points: Iterable[Point]) -> None:
        self._points += points
        self._touched.update(point.series for point in points)

    def finish_tick(self, free_chars: int) -> Mapping[Metric, float]:
        """Return the values of this tick.

        The last values of slow programs are among them, if they need at most `free_chars` of the row.
        """
        now = self._clock()
        if now - self._checked >= CHECK_INTERVAL_S:
            self._checked = now
            self._forget([text for text, seen in self._seen.items() if now - seen > SERIES_TTL_S])
        # The points of several web processes come in any order.
        points, self._points = sorted(self._points, key=lambda point: point.time), []
        touched, self._touched = self._touched, set()
        self._add(touched - self._streams.keys(), touched, now)
        new: set[str] = set()
        for point in points:
            if (stream := self._streams.get(point.series)) and stream.apply(point):
                new.add(point.series)
        values: dict[Metric, float] = {}
        for text in touched & self._streams.keys():
            self._seen[text] = now
            numbers = self._streams[text].take_values()
            if any(number is not None for number in numbers):
                self._last_values[text].record(numbers, now)
                values.update(self._by_metric(text, numbers))
            elif text in new:
                # For example after a restart: this tick has no certain value.
                self._last_values[text] = _LastValues()
        for text, last in self._last_values.items():
            if last.time < now and last.is_valid(now, self._interval):
                free_chars -= self._chars[text]
                if free_chars < 0:
                    break
                values.update(self._by_metric(text, last.numbers))
        return values

    def _by_metric(self, text: str, numbers: Values) -> Iterator[tuple[Metric, float]]:
        for metric, number in zip(self._names.metrics[text], numbers, strict=True):
            if number is not None:
                yield metric, number

    def _series_chars(self, text: str) -> int:
        if text in self._chars:
            return self._chars[text]
        # A key is not longer than its series, but for the words that it adds.
        return max(METRICS_PER_SERIES.values()) * max_encoded_chars((text + 20 * " ",))

    def _add(self, texts: Iterable[str], touched: set[str], now: float) -> None:
        """Start a stream for each new series that fits into MAX_METRICS."""
        new: list[SeriesId] = []
        for text in sorted(texts):
            try:
                series = SeriesId.decode(text)
            except ValueError:
                continue
            count = METRICS_PER_SERIES[series.kind]
            if self._metric_count + count > MAX_METRICS:
                self._rejected_at = now
                continue
            self._metric_count += count
            self._streams[text] = STREAMS[series.kind]()
            self._last_values[text] = _LastValues()
            new.append(series)
        if new:
            self._names.add(new, touched)
            for series in new:
                text = series.encode()
                self._chars[text] = max_encoded_chars([metric.key for metric in self._names.metrics[text]])

    def _forget(self, texts: Sequence[str]) -> None:
        for text in texts:
            self._metric_count -= METRICS_PER_SERIES[SeriesId.decode(text).kind]
            del self._streams[text], self._seen[text], self._chars[text], self._last_values[text]
        self._names.remove(texts)
