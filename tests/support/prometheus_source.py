"""Sample output of node_exporter, and a Prometheus source with a fake clock."""

from __future__ import annotations

from collections.abc import Iterator

from clocks import FakeClock
from exporter_server import Exporter, exporting

from dashapp.sources.external.http_client import HttpFetcher, Url
from dashapp.sources.external.prometheus import ACCEPT, CONTENT_TYPES, PrometheusSource

NODE = """# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.5
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 100
node_cpu_seconds_total{mode="idle",cpu="1"} 200 1395066363000
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
    exporter: Exporter, clock: FakeClock, *patterns: str, url: str = "", timeout: float = 5.0
) -> PrometheusSource:
    address = Url.parse(url or exporter.url)
    scrape = HttpFetcher(address, CONTENT_TYPES, ACCEPT, timeout=timeout)
    return PrometheusSource(scrape, address.label, patterns, clock.monotonic)


def exporter_of_a_test() -> Iterator[Exporter]:
    with exporting() as found:
        yield found
