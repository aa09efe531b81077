"""OTLP requests for tests: documents of metrics, and one request in JSON or protobuf."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format
from ingest_pipeline import IngestPipeline
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from push_pipeline import NOW
from wsgi_client import Answer

PROTOBUF, JSON = "application/x-protobuf", "application/json"
DELTA, CUMULATIVE = 1, 2


def attributes(**values: Any) -> list[dict[str, Any]]:
    """Return attributes; a double underscore in a name stands for a dot."""
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue", list: "arrayValue"}
    return [
        {"key": name.replace("__", "."), "value": {kinds[type(value)]: value}}
        for name, value in values.items()
    ]


def point(time: float, start: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Return a data point; the times are epoch seconds."""
    times = {
        "timeUnixNano": str(round(time * 1e6) * 1000),
        "startTimeUnixNano": str(round(start * 1e6) * 1000),
    }
    return {**times, **fields}


def gauge(name: str, *points: dict[str, Any], unit: str = "") -> dict[str, Any]:
    return {"name": name, "unit": unit, "gauge": {"dataPoints": [*points]}}


def total(
    name: str, *points: dict[str, Any], unit: str = "", temporality: int = CUMULATIVE, monotonic: bool = True
) -> dict[str, Any]:
    """Return a sum."""
    data = {"dataPoints": [*points], "aggregationTemporality": temporality, "isMonotonic": monotonic}
    return {"name": name, "unit": unit, "sum": data}


def histogram(
    name: str,
    *points: dict[str, Any],
    unit: str = "",
    temporality: int = CUMULATIVE,
    kind: str = "histogram",
) -> dict[str, Any]:
    return {
        "name": name,
        "unit": unit,
        kind: {"dataPoints": [*points], "aggregationTemporality": temporality},
    }


def document(*metrics: dict[str, Any], scope: str = "", **resource: Any) -> dict[str, Any]:
    """Return an ExportMetricsServiceRequest of one resource."""
    scopes = [{"scope": {"name": scope}, "metrics": [*metrics]}]
    return {"resourceMetrics": [{"resource": {"attributes": attributes(**resource)}, "scopeMetrics": scopes}]}


def export(pipeline: IngestPipeline, body: dict[str, Any], kind: str = PROTOBUF, **headers: str) -> Answer:
    """Send a request; the environ has its content type."""
    if kind == JSON:
        data = json.dumps(body).encode()
    else:
        data = json_format.ParseDict(body, ExportMetricsServiceRequest()).SerializeToString()
    return pipeline.post("/v1/metrics", data, None, content_type=kind, **headers)


def response(answer: Answer) -> ExportMetricsServiceResponse:
    """Return the response to an accepted request in protobuf."""
    assert (answer.status, answer.headers["content-type"]) == (200, PROTOBUF), answer.body
    result = ExportMetricsServiceResponse()
    result.ParseFromString(answer.body)
    return result


def explicit(
    seconds: float, counts: list[int], sum_: float, bounds: tuple[float, ...] = (1, 2)
) -> dict[str, Any]:
    fields = {"count": str(sum(counts)), "sum": sum_, "bucketCounts": [*map(str, counts)]}
    return point(NOW + seconds, NOW, explicitBounds=[*bounds], **fields)
