"""The exporter of the OpenTelemetry SDK, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from ingest_pipeline import IngestPipeline
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from push_pipeline import TOKEN


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(pipeline: IngestPipeline) -> Iterator[str]:
    """Serve the endpoints of a pipeline, whose time is that of this machine."""
    pipeline.clock = time.time
    app = pipeline.endpoints["/v1/metrics"]
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/metrics"
        server.shutdown()
        thread.join()


def provider(exporter: OTLPMetricExporter, *views: View) -> MeterProvider:
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    return MeterProvider([reader], Resource.create({"service.name": "shop"}), views=views)


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_exporter_of_the_sdk_delivers_each_kind(pipeline: IngestPipeline, compression: Compression) -> None:
    with serving(pipeline) as url:
        exporter = OTLPMetricExporter(
            url, headers={"Authorization": f"Bearer {TOKEN}"}, compression=compression
        )
        meters = provider(exporter)
        meter = meters.get_meter("shop.checkout")
        orders = meter.create_counter("orders", "{order}")
        duration = meter.create_histogram(
            "duration", "ms", explicit_bucket_boundaries_advisory=[100, 200, 400]
        )
        meter.create_up_down_counter("queue.length").add(7)
        meter.create_observable_gauge("room.temperature", [observe], "Cel")
        for number in range(2):
            orders.add(5, {"country": "de"})
            orders.add(2, {"country": "fr"})
            for milliseconds in (50, 150, 150, 350):
                duration.record(milliseconds)
            assert meters.force_flush()
            values = pipeline.ticks_until_empty()
            if not number:
                assert values == {"otel.queue.length.shop": 7.0, "otel.room.temperature.shop.kitchen": 21.5}
        meters.shutdown()
    assert values.keys() == {
        "otel.queue.length.shop",
        "otel.room.temperature.shop.kitchen",
        "otel.orders.shop.de",
        "otel.orders.shop.fr",
        *(f"otel.duration.shop.{part}" for part in ("count", "mean", "p50", "p95", "p99")),
    }
    assert values["otel.orders.shop.de"] == pytest.approx(2.5 * values["otel.orders.shop.fr"])
    assert values["otel.duration.shop.mean"] == pytest.approx(0.175)
    assert values["otel.duration.shop.p50"] == pytest.approx(0.15)
    units = {metric.key: metric.unit for metric in pipeline.store.metrics()}
    assert units["otel.room.temperature.shop.kitchen"] == "°C"
    assert (units["otel.orders.shop.de"], units["otel.duration.shop.p50"]) == ("1/s", "s")


def observe(_: CallbackOptions) -> list[Observation]:
    return [Observation(21.5, {"room": "kitchen"})]


def test_exporter_of_the_sdk_delivers_deltas_and_exponential_histograms(pipeline: IngestPipeline) -> None:
    with serving(pipeline) as url:
        exporter = OTLPMetricExporter(
            url,
            headers={"Authorization": f"Bearer {TOKEN}"},
            preferred_temporality={
                Counter: AggregationTemporality.DELTA,
                Histogram: AggregationTemporality.DELTA,
            },
        )
        view = View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())
        meters = provider(exporter, view)
        meter = meters.get_meter("shop")
        orders, sizes = meter.create_counter("orders"), meter.create_histogram("size", "By")
        for _ in range(2):
            orders.add(4)
            for size in (10.0, 20.0, 20.0, 40.0):
                sizes.record(size)
            assert meters.force_flush()
            values = pipeline.ticks_until_empty()
            assert values["otel.orders.shop"] > 0
            assert values["otel.size.shop.mean"] == 22.5
            assert values["otel.size.shop.p50"] == pytest.approx(20.0, rel=0.05)
            assert values["otel.size.shop.p99"] == pytest.approx(40.0, rel=0.05)
        meters.shutdown()


def test_exporter_of_the_sdk_does_not_retry_a_wrong_token(
    pipeline: IngestPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(pipeline) as url:
        meters = provider(OTLPMetricExporter(url, headers={"Authorization": "Bearer wrong"}))
        meters.get_meter("shop").create_counter("orders").add(1)
        meters.force_flush()
        meters.shutdown()
    assert "401" in caplog.text
    assert pipeline.tick() == {}
