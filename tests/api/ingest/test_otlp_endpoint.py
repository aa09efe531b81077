"""Requests of OTLP in protobuf and JSON: what is accepted, keys of series, and errors."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from google.protobuf import json_format
from ingest_pipeline import IngestPipeline
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from otlp_requests import (
    DELTA,
    JSON,
    PROTOBUF,
    attributes,
    document,
    explicit,
    export,
    gauge,
    histogram,
    point,
    response,
    total,
)
from push_pipeline import NOW

from dashapp.api.ingest import otlp
from dashapp.sources.external.ingest.series import MAX_METRICS


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


def test_summary_with_too_many_quantiles_is_413(pipeline: IngestPipeline) -> None:
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="s")
    values = metric.summary.data_points.add(count=1).quantile_values
    for _ in range(otlp.MAX_PARTS):
        values.add()
    answer = pipeline.post("/v1/metrics", request.SerializeToString(), None, content_type=PROTOBUF)
    assert answer.status == 413
