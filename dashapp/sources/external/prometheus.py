"""Metrics of an exporter as a source: `prometheus:URL#node_load*,node_memory_*`.

Counters become rates, and gauges stay as they are. Histograms and summaries give their count and sum.
`http_client` requests the URL, which comes from the settings alone, and `prometheus_text` parses the
response.
"""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from dashapp.model.ticks import Metric, SourceError
from dashapp.sources.external.http_client import HttpFetcher, Url
from dashapp.sources.external.prometheus_text import SeriesIdentity, SeriesNames, SeriesSelection
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.rates import CounterRates

MAX_SERIES = 1000
CONTENT_TYPES = ("text/plain", "application/openmetrics-text")
ACCEPT = "text/plain;version=0.0.4,text/plain;q=0.5"
# Seconds until the next request after an unusable response, doubled each time: rejecting 5 MB costs CPU time.
BACKOFF_INITIAL_S, BACKOFF_MAX_S = 2.0, 60.0

_PATTERN = re.compile(r"[A-Za-z0-9_:*?]+")
EXPECTED = (
    "expected prometheus:http://host:port/metrics, and after a # the names that are wanted: #node_load*,up"
)
PACKAGE_MISSING = "expected the package prometheus-client beside it: pip install 'prometheus-client>=0.22,<1'"


class Fetcher(Protocol):
    def fetch(self) -> bytes:
        """Return the text of the exporter; raises SourceError if that fails."""


class PrometheusSource:
    """Reads an exporter, which messages call `shown`; `scrape` determines the timeout."""

    def __init__(
        self,
        scrape: Fetcher,
        shown: str,
        patterns: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.status_message = ""
        self._scrape = scrape
        self._shown = shown
        self._patterns = patterns
        self._selection = SeriesSelection(patterns, MAX_SERIES)
        self._clock = clock
        self._rates: CounterRates[SeriesIdentity] = CounterRates(clock)
        self._names = SeriesNames()
        self._refused: SourceError | None = None
        self._again = float("-inf")
        self._pause = BACKOFF_INITIAL_S

    def read(self) -> Mapping[Metric, float]:
        """Return gauges and rates of counters.

        A counter has a value from the second reading on, and none just after a reset.
        """
        if self._refused is not None and self._clock() < self._again:
            raise self._refused
        try:
            found = self._read()
        except SourceError as error:
            self.status_message, self._refused = "", error
            self._again = self._clock() + self._pause
            self._pause = min(BACKOFF_MAX_S, 2 * self._pause)
            raise
        self._refused, self._pause = None, BACKOFF_INITIAL_S
        return found

    def _read(self) -> Mapping[Metric, float]:
        text = self._scrape.fetch()
        try:
            series, more = self._selection.read(text)
        except SourceError as error:
            raise SourceError(f"what {self._shown} answers {error}") from None
        self.status_message = self._describe_problems(len(series), more)
        metrics = self._names.metrics(series)
        values = {(each.name, each.labels): each.value for each in series if not each.counted}
        values |= self._rates.per_second({(e.name, e.labels): e.value for e in series if e.counted})
        return {metrics[identity]: value for identity, value in values.items()}

    def _describe_problems(self, count: int, more: bool) -> str:
        if more:
            return f"{self._shown} has more than {MAX_SERIES:,} series; name those that you want after a #"
        if not count and self._patterns:
            return f"{self._shown} has no series that matches {','.join(self._patterns)[:80]}"
        return ""


def make_source(rest: str, interval: float, **options: Any) -> BackgroundSource:
    """Return the source for URL or URL#PATTERN,… in `rest`.

    The option `filter`, a list of patterns, replaces the fragment.
    """
    url, _, fragment = rest.partition("#")
    wanted = options.pop("filter", fragment)
    patterns = [part.strip() for part in wanted.split(",")] if isinstance(wanted, str) else list(wanted)
    patterns = [pattern for pattern in patterns if pattern]
    try:
        address = Url.parse(url)
    except ValueError:
        raise ValueError(EXPECTED) from None
    if options or not all(isinstance(each, str) and _PATTERN.fullmatch(each) for each in patterns):
        raise ValueError(EXPECTED)
    if importlib.util.find_spec("prometheus_client") is None:
        raise ValueError(PACKAGE_MISSING)
    source = PrometheusSource(HttpFetcher(address, CONTENT_TYPES, ACCEPT), address.label, patterns)
    # Read at most once per second. The timeout is a second longer than that of the fetcher, whose message is
    # more precise.
    return BackgroundSource(source, every=0.0 if interval >= 1 else 1.0, timeout=6.0, name=address.label)
