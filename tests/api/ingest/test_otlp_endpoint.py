"""Metrics of OTLP: the SDK's exporter, protobuf and JSON, and each kind of metric."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from google.protobuf import json_format
from ingest_pipeline import IngestPipeline
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from otlp_requests import (
    DELTA,
    JSON,
    PROTOBUF,
    attributes,
    document,
    export,
    gauge,
    histogram,
    point,
    response,
    total,
)
from push_pipeline import NOW, TOKEN

from dashapp.api.ingest import otlp
from dashapp.model.ticks import Metric
from dashapp.sources.external.ingest.series import MAX_METRICS


@pytest.fixture
def pipeline() -> IngestPipeline:
    return IngestPipeline()


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


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_accepted_request_has_empty_response_of_its_kind(pipeline: IngestPipeline, kind: str) -> None:
    answer = export(pipeline, document(gauge("a", point(NOW, asDouble=1.5))), kind)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert answer.body == (b"" if kind == PROTOBUF else b"{}")
    assert pipeline.tick() == {"otel.a": 1.5}


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_rejected_points_are_a_partial_success(pipeline: IngestPipeline, kind: str) -> None:
    body = document(gauge("a", point(NOW - 3600, asDouble=1), point(NOW, asDouble=2)), gauge("", point(NOW)))
    answer = export(pipeline, body, kind)
    if kind == JSON:
        partial = answer.json["partialSuccess"]
        assert partial["rejectedDataPoints"] == "2"
        sentence = partial["errorMessage"]
    else:
        assert response(answer).partial_success.rejected_data_points == 2
        sentence = response(answer).partial_success.error_message
    assert sentence.startswith('the time of "a" differs from now by 3600 s; expected at most 120 seconds ago')
    assert pipeline.tick() == {"otel.a": 2.0}


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        (total("a", point(NOW, asInt="1"), temporality=0), "aggregation temporality is missing"),
        (histogram("a", point(NOW, count="1"), temporality=0), "aggregation temporality is missing"),
        (
            total("a", point(NOW, asInt="1"), temporality=DELTA, monotonic=False),
            "UpDownCounter to cumulative",
        ),
        (total("a", point(NOW, asInt="-1")), "has a negative value"),
        (histogram("a", point(NOW, explicitBounds=[1], bucketCounts=["1"])), "do not fit its bounds"),
        (histogram("a", point(NOW, explicitBounds=[2, 1], bucketCounts=["1"] * 3)), "do not fit its bounds"),
        (
            histogram("a", point(NOW, explicitBounds=[*range(2000)], bucketCounts=["1"] * 2001)),
            "2001 buckets; expected at most 1024",
        ),
        (
            histogram("a", point(NOW, scale=21), kind="exponentialHistogram"),
            "its scale is 21; expected",
        ),
        (gauge("a" * 1000, point(NOW, asDouble=1)), "at most 1000 characters"),
        (gauge("a", point(NOW, asDouble=1, attributes=attributes(k="x" * 1000))), "at most 1000 characters"),
    ],
)
def test_uncertain_metric_is_rejected_with_one_sentence(
    pipeline: IngestPipeline, metric: dict[str, Any], sentence: str
) -> None:
    answer = response(export(pipeline, document(metric, gauge("b", point(NOW, asInt="1")))))
    assert answer.partial_success.rejected_data_points == 1
    assert sentence in answer.partial_success.error_message
    assert "\n" not in answer.partial_success.error_message
    assert pipeline.tick() == {"otel.b": 1.0}


@pytest.mark.parametrize(
    "metric",
    [
        gauge("a", point(NOW, flags=1, asDouble=5)),
        gauge("a", point(NOW)),
        *(gauge("a", point(NOW, asDouble=text)) for text in ("NaN", "Infinity", "-Infinity")),
        gauge("a", point(NOW, asDouble=1e301)),
        {"name": "a"},
        gauge("a"),
    ],
)
def test_point_without_number_is_a_gap(pipeline: IngestPipeline, metric: dict[str, Any]) -> None:
    assert response(export(pipeline, document(metric))).partial_success.rejected_data_points == 0
    assert pipeline.tick() == {}


def test_cumulative_sum_is_a_rate_until_it_starts_again(pipeline: IngestPipeline) -> None:
    def send(time: float, start: float, value: int) -> dict[str, float]:
        export(pipeline, document(total("jobs", point(time, start, asInt=str(value)))))
        return pipeline.tick()

    assert send(NOW, NOW - 50, 100) == {}
    assert send(NOW + 10, NOW - 50, 150) == {"otel.jobs": 5.0}
    assert send(NOW + 10, NOW - 50, 150) == {}, "the request was repeated"
    assert send(NOW + 20, NOW - 50, 150) == {"otel.jobs": 0.0}
    assert send(NOW + 30, NOW + 25, 160) == {}, "the program started again, and already did more"
    assert send(NOW + 40, NOW + 25, 170) == {"otel.jobs": 1.0}
    assert send(NOW + 50, NOW + 25, 10) == {}, "a value went back"
    assert send(NOW + 60, NOW + 25, 30) == {"otel.jobs": 2.0}


def test_points_of_two_requests_in_one_tick_give_one_rate(pipeline: IngestPipeline) -> None:
    for seconds, value in ((0, 0), (20, 400), (10, 100)):
        export(pipeline, document(total("jobs", point(NOW + seconds, NOW, asInt=str(value)))))
    assert pipeline.tick() == {"otel.jobs": 20.0}


def test_delta_sum_is_rate_over_its_interval_once(pipeline: IngestPipeline) -> None:
    def send(start: float, time: float, value: int) -> None:
        metric = total("jobs", point(NOW + time, NOW + start, asInt=str(value)), temporality=DELTA)
        export(pipeline, document(metric))

    send(-10, 0, 50)
    assert pipeline.tick() == {"otel.jobs": 5.0}
    send(0, 10, 20)
    send(0, 10, 20)
    send(10, 20, 40)
    assert pipeline.tick() == {"otel.jobs": 3.0}
    send(10, 20, 40)
    assert pipeline.tick() == {}
    send(40, 50, 10)
    assert pipeline.tick() == {"otel.jobs": 1.0}, "the interval does not include the time that is missing"


def test_delta_without_start_has_no_rate(pipeline: IngestPipeline) -> None:
    export(pipeline, document(total("jobs", point(NOW, asInt="5"), temporality=DELTA)))
    assert pipeline.tick() == {}


def test_non_monotonic_sum_is_a_gauge(pipeline: IngestPipeline) -> None:
    export(pipeline, document(total("queue", point(NOW, asInt="-3"), monotonic=False)))
    assert pipeline.tick() == {"otel.queue": -3.0}


def explicit(
    seconds: float, counts: list[int], sum_: float, bounds: tuple[float, ...] = (1, 2)
) -> dict[str, Any]:
    fields = {"count": str(sum(counts)), "sum": sum_, "bucketCounts": [*map(str, counts)]}
    return point(NOW + seconds, NOW, explicitBounds=[*bounds], **fields)


def test_histogram_has_rate_mean_and_percentiles(pipeline: IngestPipeline) -> None:
    export(pipeline, document(histogram("d", explicit(0, [5, 5, 0], 10.0), unit="s")))
    assert pipeline.tick() == {}
    export(pipeline, document(histogram("d", explicit(10, [15, 15, 0], 35.0), unit="s")))
    values = pipeline.tick()
    assert values == pytest.approx(
        {"otel.d.count": 2.0, "otel.d.mean": 1.25, "otel.d.p50": 1.0, "otel.d.p95": 1.9, "otel.d.p99": 1.98}
    )
    export(pipeline, document(histogram("d", explicit(20, [15, 15, 0], 35.0), unit="s")))
    assert pipeline.tick() == {"otel.d.count": 0.0}, "without observations only the rate is certain"
    export(pipeline, document(histogram("d", explicit(30, [15, 15, 10], 95.0), unit="s")))
    assert pipeline.tick() == {"otel.d.count": 1.0, "otel.d.mean": 6.0}, "above the largest bound"
    export(pipeline, document(histogram("d", explicit(40, [15, 16, 10], 97.0, (1, 3)), unit="s")))
    assert pipeline.tick() == {"otel.d.count": 0.1, "otel.d.mean": 2.0}, "the buckets changed"
    assert pipeline.store.metrics()[0] == Metric("otel.d.count", "d count", "1/s", "otel_d-count", 0.0)


def test_delta_histograms_of_one_tick_are_added(pipeline: IngestPipeline) -> None:
    for number in range(2):
        metric = histogram("d", explicit(10 * (number + 1), [0, 4, 0], 6.0), unit="ms", temporality=DELTA)
        export(pipeline, document(metric))
    values = pipeline.tick()
    assert values["otel.d.count"] == pytest.approx(8 / 20)
    assert values["otel.d.mean"] == pytest.approx(0.0015)
    assert values["otel.d.p50"] == pytest.approx(0.0015)


def exponential(time: float, scale: int, offset: int, counts: list[int], **fields: Any) -> dict[str, Any]:
    buckets = {"offset": offset, "bucketCounts": [*map(str, counts)]}
    count = sum(counts) + int(fields.get("zeroCount", 0))
    return point(NOW + time, NOW, scale=scale, count=str(count), sum=1.0, positive=buckets, **fields)


def test_exponential_histogram_has_percentiles_when_its_scale_changes(pipeline: IngestPipeline) -> None:
    kind = "exponentialHistogram"
    # Scale 1: buckets of a factor of the square root of 2. Scale 0: of 2.
    export(pipeline, document(histogram("d", exponential(0, 1, 2, [3, 1]), kind=kind)))
    pipeline.tick()
    export(pipeline, document(histogram("d", exponential(10, 0, 1, [4, 10]), kind=kind)))
    values = pipeline.tick()
    assert values["otel.d.p50"] == pytest.approx(6.0)
    assert values["otel.d.count"] == 1.0
    export(pipeline, document(histogram("d", exponential(20, 0, 1, [4, 10], zeroCount="10"), kind=kind)))
    assert pipeline.tick()["otel.d.p50"] == 0.0
    export(pipeline, document(histogram("d", exponential(30, 0, 1, [4, 9], zeroCount="20"), kind=kind)))
    assert "otel.d.p50" not in pipeline.tick(), "a bucket went back"


def test_summary_has_rate_mean_and_its_quantiles(pipeline: IngestPipeline) -> None:
    for seconds, count, sum_ in ((0, 10, 20.0), (10, 20, 60.0)):
        quantiles = [{"quantile": 0.5, "value": 3.0}, {"quantile": 0.99, "value": "NaN"}]
        fields = {"count": str(count), "sum": sum_, "quantileValues": quantiles}
        summary = {"name": "d", "unit": "s", "summary": {"dataPoints": [point(NOW + seconds, NOW, **fields)]}}
        export(pipeline, document(summary))
        values = pipeline.tick()
    assert values == {"otel.d.count": 1.0, "otel.d.mean": 4.0, "otel.d.p50": 3.0}


@pytest.mark.parametrize(
    ("unit", "sent", "value", "shown"),
    [
        ("s", 2, 2, "s"),
        ("ms", 2000, 2, "s"),
        ("us", 5, 5e-6, "s"),
        ("min", 2, 120, "s"),
        ("By", 5, 5, "B"),
        ("KiBy", 2, 2048, "B"),
        ("MBy", 2, 2e6, "B"),
        ("%", 50, 50, "%"),
        ("1", 0.5, 0.5, ""),
        ("Cel", 21, 21, "°C"),
        ("{request}", 3, 3, ""),
        ("By{payload}", 3, 3, "B"),
        ("Hz", 3, 3, "Hz"),
        ("furlong", 3, 3, "furlong"),
        ("", 3, 3, ""),
    ],
)
def test_units_become_base_units(
    pipeline: IngestPipeline, unit: str, sent: float, value: float, shown: str
) -> None:
    export(pipeline, document(gauge("a", point(NOW, asDouble=sent), unit=unit)))
    assert pipeline.tick() == pytest.approx({"otel.a": value})
    assert pipeline.store.metrics()[0].unit == shown


@pytest.mark.parametrize(
    ("resource", "given", "key"),
    [
        ({}, {}, "otel.a"),
        ({"service__name": "shop"}, {"http__method": "GET"}, "otel.a.shop.get"),
        ({"service__name": "unknown_service:python"}, {}, "otel.a"),
        ({"service__name": "shop", "service__instance__id": "web-1"}, {}, "otel.a.shop.web-1"),
        ({"service__instance__id": "0b1d7b2e-1f5c-4a5e-9a52-1c3c1ad5c1c6"}, {}, "otel.a"),
        ({"host__name": "db1", "process__pid": 4711}, {}, "otel.a.db1"),
        ({}, {"ok": True, "n": 5, "x": 1.5, "z": "two\twords\n"}, "otel.a.n5.true.x1-5.two-words"),
        ({}, {"empty": ""}, "otel.a.empty"),
        ({}, {"tags": {"values": [{"stringValue": "x"}, {"stringValue": "y"}]}}, "otel.a.x-y"),
    ],
)
def test_key_has_service_and_attributes(
    pipeline: IngestPipeline, resource: dict[str, Any], given: dict[str, Any], key: str
) -> None:
    pairs = attributes(**{name: value for name, value in given.items() if not isinstance(value, dict)})
    pairs += [
        {"key": name, "value": {"arrayValue": value}}
        for name, value in given.items()
        if isinstance(value, dict)
    ]
    export(pipeline, document(gauge("a", point(NOW, asInt="1", attributes=pairs)), **resource))
    assert set(pipeline.tick()) == {key}


def test_program_that_starts_again_with_new_id_keeps_its_keys(pipeline: IngestPipeline) -> None:
    def send(number: int, value: int) -> None:
        instance = f"0b1d7b2e-1f5c-4a5e-9a52-1c3c1ad5c1c{number}"
        metric = gauge("a", point(pipeline.now, asInt=str(value)))
        export(pipeline, document(metric, service__name="shop", service__instance__id=instance))
        pipeline.now += 1

    send(1, 10)
    assert pipeline.tick() == {"otel.a.shop": 10.0}
    send(2, 20)
    assert pipeline.tick() == {"otel.a.shop": 20.0}
    # Both go on: each has a key of its own.
    for _ in range(2):
        send(1, 11)
        send(2, 21)
        values = pipeline.tick()
        assert values.pop("otel.a.shop") == 21.0
        assert [*values.values()] == [11.0]


def test_scopes_with_equal_metrics_have_keys_of_their_own(pipeline: IngestPipeline) -> None:
    body = document(gauge("a", point(NOW, asInt="1")), scope="one")
    body["resourceMetrics"] += document(gauge("a", point(NOW, asInt="2")), scope="two")["resourceMetrics"]
    export(pipeline, body)
    values = pipeline.tick()
    assert sorted(values.values()) == [1.0, 2.0]
    assert "otel.a" in values


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"\xff\xff\xff", PROTOBUF, 400),
        (b"{", JSON, 400),
        (b"[]", JSON, 400),
        (b'"text"', JSON, 400),
        (b"\xff", JSON, 400),
        (b'{"resourceMetrics": 5}', JSON, 400),
        (b'{"resourceMetrics": [{"schemaUrl": "\\ud800"}]}', JSON, 400),
        (b'{"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": 5}]}]}]}', JSON, 400),
        (b'{"a":' * 5000, JSON, 400),
        (b"", "text/plain", 415),
        (b"", "", 415),
        (b" " * (otlp.MAX_BODY_BYTES + 1), JSON, 413),
        (b" " * (otlp.MAX_JSON_BYTES + 1), JSON, 413),
        (b"{" * (otlp.MAX_JSON_OBJECTS + 1), JSON, 413),
    ],
)
def test_invalid_body_is_a_status_of_its_kind(
    pipeline: IngestPipeline, body: bytes, kind: str, status: int
) -> None:
    answer = pipeline.post("/v1/metrics", body, content_type=kind)
    assert answer.status == status
    if kind == PROTOBUF:
        assert answer.headers["content-type"] == PROTOBUF
        assert answer.body[:3] == bytes((0x08, 3, 0x12))
        assert b"no ExportMetricsServiceRequest in protobuf" in answer.body
    else:
        assert answer.json["message"] == answer.json["error"]
    assert pipeline.tick() == {}


def test_error_in_protobuf_is_a_status_message(pipeline: IngestPipeline) -> None:
    answer = pipeline.post("/v1/metrics", b"", content_type=PROTOBUF, authorization="Bearer wrong")
    # A google.rpc.Status has the same first fields as a descriptor's option: parse it by hand.
    assert answer.status == 401
    code, length = answer.body[1], answer.body[3]
    assert (code, answer.body[4:]) == (16, b"invalid push token")
    assert length == len(b"invalid push token")
    long = pipeline.post(
        "/v1/metrics", gzip.compress(b"x")[:-3], content_type=PROTOBUF, content_encoding="gzip"
    )
    assert long.status == 400
    many = document(*(gauge(f"m{number}", point(NOW, asInt="1")) for number in range(otlp.MAX_PARTS // 2)))
    answer = export(pipeline, many)
    assert answer.status == 413
    assert b"more than 20000 metrics and data points" in answer.body


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_unknown_fields_are_ignored(pipeline: IngestPipeline, kind: str) -> None:
    body = document(gauge("a", point(NOW, asInt="1")))
    body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"][0]["exemplars"] = [
        {
            "timeUnixNano": "1",
            "asDouble": 1,
            "spanId": "eee19b7ec3c1b174",
            "traceId": "5b8efff798038103d269b633813fc60c",
        }
    ]
    if kind == JSON:
        data = json.dumps({**body, "future": {"x": 1}}).encode()
        answer = pipeline.post("/v1/metrics", data, content_type=f"{kind}; charset=utf-8")
    else:
        request = json_format.ParseDict(body, ExportMetricsServiceRequest())
        answer = pipeline.post(
            "/v1/metrics", request.SerializeToString() + b"\x98\x06\x01", content_type=kind
        )
    assert answer.status == 200
    assert pipeline.tick() == {"otel.a": 1.0}


def test_series_above_limit_are_a_partial_success(pipeline: IngestPipeline) -> None:
    metrics = [gauge(f"m{number}", point(NOW, asInt="1")) for number in range(MAX_METRICS - 3)]
    assert response(export(pipeline, document(*metrics))).partial_success.rejected_data_points == 0
    answer = response(export(pipeline, document(histogram("d", explicit(0, [1, 1, 1], 3.0)))))
    assert answer.partial_success.rejected_data_points == 1, "a histogram has five metrics"
    assert f"limit of {MAX_METRICS} metrics" in answer.partial_success.error_message
    assert len(pipeline.ticks_until_empty()) == MAX_METRICS - 3


def test_full_queue_is_503_with_retry_after() -> None:
    pipeline = IngestPipeline(max_bytes=10)
    answer = export(pipeline, document(gauge("a", point(NOW, asInt="1"))))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["content-type"] == PROTOBUF


def test_endpoint_names_the_extra_if_the_package_is_missing(
    pipeline: IngestPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "is_available", lambda: False)
    answer = export(pipeline, document(), JSON)
    assert answer.status == 501
    assert "pip install 'dashapp[otlp]'" in answer.json["error"]


def test_counter_goes_on_when_clock_is_set_back(pipeline: IngestPipeline) -> None:
    def send(seconds: float, value: int) -> dict[str, float]:
        pipeline.now = NOW + seconds
        export(pipeline, document(total("jobs", point(NOW + seconds, NOW - 9000, asInt=str(value)))))
        return pipeline.tick()

    assert send(0, 100) == {}
    assert send(10, 200) == {"otel.jobs": 10.0}
    assert send(-3600, 210) == {}, "the time between both points is not certain"
    assert send(-3590, 260) == {"otel.jobs": 5.0}
    assert send(-3600, 210) == {}, "a repetition"


def test_summary_with_too_many_quantiles_is_413(pipeline: IngestPipeline) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="s")
    values = metric.summary.data_points.add(count=1).quantile_values
    for _ in range(otlp.MAX_PARTS):
        values.add()
    answer = pipeline.post("/v1/metrics", request.SerializeToString(), None, content_type=PROTOBUF)
    assert answer.status == 413
