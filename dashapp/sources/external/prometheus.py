"""Another program's metrics as a source: `prometheus:http://host:9100/metrics#node_load*,node_memory_*`.

Counters become rates, gauges are as they are, of histograms and summaries the count and the sum. The address
comes from the settings alone; how it is asked is scraping's, how it is read exposition_text's.
"""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from dashapp.model.ticks import Metric, SourceError
from dashapp.process.backoff import Backoff
from dashapp.sources.external.http_client import HttpFetcher, Url
from dashapp.sources.external.prometheus_text import SeriesIdentity, SeriesNames, SeriesSelection
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.rates import CounterRates

MAX_SERIES = 1000
CONTENT_TYPES = ("text/plain", "application/openmetrics-text")
ACCEPT = "text/plain;version=0.0.4,text/plain;q=0.5"
# Seconds after a refused answer until the next question, doubled each time: to refuse five megabytes is work.
BACKOFF_INITIAL_S, BACKOFF_MAX_S = 2.0, 60.0

_PATTERN = re.compile(r"[A-Za-z0-9_:*?]+")
EXPECTED = (
    "expected prometheus:http://host:port/metrics, and after a # the names that are wanted: #node_load*,up"
)
PACKAGE_MISSING = "expected the package prometheus-client beside it: pip install 'prometheus-client>=0.22,<1'"


class Fetcher(Protocol):
    def fetch(self) -> bytes:
        """The exporter's text. SourceError where there is none."""


class PrometheusSource:
    """`shown` names the exporter to people; a read may take as long as `scrape` lets it."""

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
        self._backoff = Backoff(BACKOFF_INITIAL_S, BACKOFF_MAX_S)

    def read(self) -> Mapping[Metric, float]:
        """A counter has its first value at the second reading, and none where it was reset."""
        if self._refused is not None and self._clock() < self._again:
            raise self._refused
        try:
            found = self._read()
        except SourceError as error:
            self.status_message, self._refused = "", error
            self._again = self._clock() + self._backoff.next_pause()
            raise
        self._refused = None
        self._backoff.reset()
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
    """`rest`: URL or URL#PATTERN,…; `options`: `filter`, a list of patterns, in the fragment's place."""
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
    # Once a second at the most; with a second more than the scrape has, which says better what is wrong.
    return BackgroundSource(source, every=0.0 if interval >= 1 else 1.0, timeout=6.0, name=address.label)
