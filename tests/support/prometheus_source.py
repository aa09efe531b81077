"""Sample output of node_exporter, and a Prometheus source with a fake clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from clocks import FakeClock
from exporter_server import Exporter, exporting

from dashapp.sources.external.http_client import Url
from dashapp.sources.external.prometheus import PrometheusSource, make_fetcher

# The time of the computer when a source reads.
NOW = 1395066363.0

NODE = """# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.5
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 100
node_cpu_seconds_total{mode="idle",cpu="1"} 200
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.5"} 4
rpc_seconds_sum 10
rpc_seconds_count 20
# TYPE http_seconds histogram
http_seconds_bucket{le="+Inf"} 7
http_seconds_sum 1
http_seconds_count 7
# TYPE old_counter counter
old_counter 5
free_bytes 1024
strange NaN
endless +Inf
# EOF
"""


def source(
    exporter: Exporter,
    clock: FakeClock,
    *patterns: str,
    url: str = "",
    timeout: float = 5.0,
    wall: Callable[[], float] = lambda: NOW,
) -> PrometheusSource:
    address = Url.parse(url or exporter.url)
    return PrometheusSource(make_fetcher(address, timeout), address.label, patterns, clock.monotonic, wall)


def exporter_of_a_test() -> Iterator[Exporter]:
    with exporting() as found:
        yield found


class TextFetcher:
    """An exporter with responses and a content type that a test sets."""

    def __init__(self, text: str = "", content_type: str = "text/plain") -> None:
        self.text = text
        self.content_type = content_type
        self.on_send: Callable[[], object] = lambda: None

    def fetch(self) -> bytes:
        return self.text.encode("utf-8", "surrogateescape")


class Scrape:
    """A source that reads responses of a TextFetcher, one second apart."""

    def __init__(self, *patterns: str, content_type: str = "text/plain", wall: float = NOW) -> None:
        self.clock = FakeClock()
        self.wall = wall
        self.fetcher = TextFetcher("", content_type)
        self.source = PrometheusSource(
            self.fetcher, "http://x/metrics", patterns, self.clock.monotonic, lambda: self.wall
        )

    def read(self, text: str, seconds: float = 1.0) -> dict[str, float]:
        """Return the values of `text` by key."""
        self.fetcher.text = text
        self.clock.pass_time(seconds)
        self.wall += seconds
        values = self.source.read()
        self.metrics = {metric.key: metric for metric in values}
        return {metric.key: value for metric, value in values.items()}

    @property
    def message(self) -> str:
        return self.source.status_message

    @property
    def labels(self) -> list[str]:
        return sorted(metric.label for metric in self.metrics.values())
