"""Programs that send values to a server: Telegraf, and one with the SDK of OpenTelemetry."""

from __future__ import annotations

import gzip
import http.client
from contextlib import closing

from processes import Dashapp
from push_pipeline import TOKEN
from waiting import PATIENCE_S

# It needs only the variables of OpenTelemetry.
PROGRAM = """
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
    orders = metrics.get_meter("shop").create_counter("orders")
    for _ in range(2):
        orders.add(5, {"country": "de"})
        assert metrics.get_meter_provider().force_flush()
    metrics.get_meter_provider().shutdown()
"""


def write(app: Dashapp, text: str) -> int:
    """Write as Telegraf does: with gzip, and in chunks, without a length."""
    body = gzip.compress(text.encode())
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request(
            "POST",
            "/api/v2/write?bucket=&org=",
            iter([body[:20], body[20:]]),
            {
                "Authorization": f"Token {TOKEN}",
                "Content-Encoding": "gzip",
                "Content-Type": "text/plain; charset=utf-8",
            },
            encode_chunked=True,
        )
        return connection.getresponse().status
