"""Metrics of an exporter as a source: `prometheus:URL#node_load*,node_memory_*`.

Counters become rates, and gauges stay as they are. Histograms give their count, sum and percentiles.
`http_client` requests the URL, which comes from the settings alone, `prometheus_text` parses the response,
and `prometheus_names` names its series.
"""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from dashapp.model.ticks import Metric, SourceError
from dashapp.process.backoff import Backoff
from dashapp.sources.external.http_client import HttpFetcher, Url
from dashapp.sources.external.prometheus_names import SeriesNames
from dashapp.sources.external.prometheus_rates import Percentiles, SeriesRates
from dashapp.sources.external.prometheus_text import (
    BUCKET,
    COUNTER,
    GAUGE,
    GAUGE_BUCKET,
    Series,
    SeriesSelection,
)
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.rejection import FirstRejection

MAX_SERIES = 1000
# A value with a time of its own is valid for so long, as in Prometheus.
MAX_AGE_S = 300.0
OPENMETRICS = "application/openmetrics-text"
CONTENT_TYPES = ("text/plain", OPENMETRICS)
ACCEPT = "text/plain;version=0.0.4,text/plain;q=0.5,*/*;q=0.1"
_LOGIN_HINT = "put the login into the address: prometheus:http://USER:PASSWORD@HOST/PATH"
HINTS = {
    401: _LOGIN_HINT,
    403: _LOGIN_HINT,
    404: "check the path, which is most often /metrics",
}
# Seconds until the next request after an unusable response, doubled each time: rejecting 5 MB costs CPU time.
BACKOFF_INITIAL_S, BACKOFF_MAX_S = 2.0, 60.0

_PATTERN = re.compile(r"[A-Za-z0-9_:*?./-]+")
EXPECTED = "expected prometheus:http://host:port/metrics, optionally with names after a #: #node_load*,up"
PACKAGE_MISSING = (
    "expected the package prometheus-client to be installed: pip install 'prometheus-client>=0.22,<1'"
)


class Fetcher(Protocol):
    """Requests the text of an exporter. It calls `on_send` just before it sends a request.

    It can have `content_type`: that of the last response, OPENMETRICS or text.
    """

    on_send: Callable[[], object]

    def fetch(self) -> bytes:
        """Return the text of the exporter; raises SourceError if that fails."""


class PrometheusSource:
    """Reads an exporter, which messages call `label`; `fetcher` determines the timeout."""

    def __init__(
        self,
        fetcher: Fetcher,
        label: str,
        patterns: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.status_message = ""
        self._fetcher = fetcher
        self._label = label
        self._patterns = patterns
        self._selection = SeriesSelection(patterns, MAX_SERIES)
        self._clock = clock
        self._wall = wall
        self._rates = SeriesRates()
        self._percentiles = Percentiles()
        self._rejection = FirstRejection(label)
        self._request_time = clock()
        # The last request is the one that gets the response.
        fetcher.on_send = self._set_request_time
        self._names = SeriesNames()
        self._error: SourceError | None = None
        self._retry_time = float("-inf")
        self._backoff = Backoff(BACKOFF_INITIAL_S, BACKOFF_MAX_S)

    def read(self) -> Mapping[Metric, float]:
        """Return gauges and rates of counters.

        A counter has a value from the second reading on, and none just after a reset.
        """
        if self._error is not None and self._clock() < self._retry_time:
            raise self._error
        try:
            values = self._read()
        except SourceError as error:
            self.status_message, self._error = "", error
            self._retry_time = self._clock() + self._backoff.next_pause()
            raise
        self._error = None
        self._backoff.reset()
        return values

    def _set_request_time(self) -> None:
        self._request_time = self._clock()

    def _read(self) -> Mapping[Metric, float]:
        self._set_request_time()
        text = self._fetcher.fetch()
        try:
            is_openmetrics = getattr(self._fetcher, "content_type", "") == OPENMETRICS
            response = self._selection.read(text, is_openmetrics)
        except SourceError as error:
            raise SourceError(f"the response of {self._label} {error}") from None
        self._rejection.clear()
        for problem in response.problems[:1]:
            self._rejection.record(problem.text, problem.expected, problem.place)
        series = self._drop_old(response.series)
        gauges = [sample for sample in series if sample.kind == GAUGE]
        counters = [sample for sample in series if sample.kind == COUNTER]
        gauges += self._percentiles.read(sample for sample in series if sample.kind in (BUCKET, GAUGE_BUCKET))
        self.status_message = self._describe_problems(len(series), response.has_more)
        metrics = self._names.metrics([*gauges, *counters])
        values = {(sample.name, sample.labels): sample.value for sample in gauges}
        # The exporter reads its counters when a request arrives, however long its response takes.
        values |= self._rates.per_second(counters, self._request_time)
        return {metrics[identity]: value for identity, value in values.items()}

    def _drop_old(self, series: Sequence[Series]) -> list[Series]:
        """Return the series without values of another time."""
        now, current = self._wall(), []
        for sample in series:
            if sample.time is None or abs(now - sample.time) <= MAX_AGE_S:
                current.append(sample)
            else:
                expected = (
                    f"it is not drawn, because it is not within {MAX_AGE_S / 60:g} minutes of this clock"
                )
                self._rejection.record(_format_time(sample.time), expected, f"the time of {sample.name[:64]}")
        return current

    def _describe_problems(self, count: int, has_more: bool) -> str:
        messages = []
        if has_more:
            messages.append(
                f"{self._label} has more than {MAX_SERIES:,} series; select some by name after a #"
            )
        if self._rejection.sentence:
            messages.append(self._rejection.sentence)
        elif not count and self._patterns:
            messages.append(f"{self._label} has no series that matches {','.join(self._patterns)[:80]}")
        elif not count:
            messages.append(f"{self._label} returned no series; {HINTS[404]}")
        if name := self._percentiles.beyond:
            messages.append(
                f"{self._label}: a percentile of {name[:64]} is above its largest bucket and is not drawn; "
                "add a larger bucket"
            )
        return "; ".join(messages)


def _format_time(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"


def make_fetcher(url: Url, timeout: float = 5.0) -> HttpFetcher:
    """Return a fetcher of an exporter; a response without a content type is text."""
    return HttpFetcher(
        url, CONTENT_TYPES, ACCEPT, timeout=timeout, default_type=CONTENT_TYPES[0], hints=HINTS
    )


def make_source(rest: str, interval: float, **options: Any) -> BackgroundSource:
    """Return the source for URL or URL#PATTERN,… in `rest`.

    The option `filter`, a list of patterns, replaces the fragment.
    """
    url, _, fragment = rest.partition("#")
    patterns = options.pop("filter", fragment)
    if isinstance(patterns, str):
        patterns = [pattern.strip() for pattern in patterns.split(",")]
    elif not isinstance(patterns, list | tuple):
        raise ValueError(EXPECTED)
    patterns = [pattern for pattern in patterns if pattern]
    try:
        url_parts = Url.parse(url)
    except ValueError:
        raise ValueError(EXPECTED) from None
    if options or not all(isinstance(pattern, str) and _PATTERN.fullmatch(pattern) for pattern in patterns):
        raise ValueError(EXPECTED)
    if importlib.util.find_spec("prometheus_client") is None:
        raise ValueError(PACKAGE_MISSING)
    source = PrometheusSource(make_fetcher(url_parts), url_parts.label, patterns)
    # Read at most once per second. The timeout is a second longer than that of the fetcher, whose message is
    # more precise.
    return BackgroundSource(source, every=0.0 if interval >= 1 else 1.0, timeout=6.0, name=url_parts.label)
