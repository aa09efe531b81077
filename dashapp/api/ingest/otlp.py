"""The OTLP endpoint for metrics: POST /v1/metrics, in protobuf or JSON.

See https://opentelemetry.io/docs/specs/otlp/#otlphttp. A response has the form of its request.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Any

from dashapp.api.ingest.access import TokenAccess
from dashapp.api.ingest.otlp_points import OtlpPoints
from dashapp.api.ingest.series_writer import SeriesWriter
from dashapp.http.request_body import BodyReader, RequestBodyError
from dashapp.http.responses import NO_STORE_HEADER, json_response, method_not_allowed
from dashapp.http.types import StartResponse
from dashapp.model.text import quote_value
from dashapp.model.ticks import BadRequestError, BusyError, PushQueueError

METRICS_PATH = "/v1/metrics"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
# A body and its content. A point of two bytes takes a hundred in memory.
MAX_BODY_BYTES, MAX_JSON_BYTES = 2 << 20, 512 << 10
# Resources, scopes, metrics and points together. The parser of JSON takes 7 µs for an object.
MAX_PARTS, MAX_JSON_OBJECTS = 20_000, 60_000
# Codes of https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto by the status.
CODES = {"400": 3, "401": 16, "413": 8, "415": 3, "429": 8, "501": 12, "503": 14}
PACKAGE_MISSING = "OTLP needs the package opentelemetry-proto; run pip install 'dashapp[otlp]' on the server"


class OtlpEndpoint:
    def __init__(self, access: TokenAccess, writer: SeriesWriter, parsing: Lock) -> None:
        self._access = access
        self._writer = writer
        self._parsing = parsing
        self._bodies = BodyReader(MAX_BODY_BYTES, accepts_gzip=True)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return method_not_allowed(start_response, environ, "POST")
        kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if refusal := self._access.check(environ):
            return _error(start_response, kind, *refusal)
        if kind not in (PROTOBUF, JSON):
            sentence = f"the content-type is {quote_value(kind)}; expected {PROTOBUF} or {JSON}"
            return _error(start_response, JSON, "415 Unsupported Media Type", sentence)
        if not is_available():
            return _error(start_response, kind, "501 Not Implemented", PACKAGE_MISSING)
        try:
            data = self._bodies.read(environ)
            with self._writer.waiting.hold(self._parsing):
                points = OtlpPoints(self._writer.clock())
                points.add(_parse(data, kind))
                written = self._writer.write(points.points)
        except RequestBodyError as error:
            return _error(start_response, kind, error.status, str(error), (("connection", "close"),))
        except BadRequestError as error:
            return _error(start_response, kind, "400 Bad Request", str(error))
        except (PushQueueError, BusyError) as error:
            return _error(
                start_response, kind, "503 Service Unavailable", str(error), (("retry-after", "1"),)
            )
        if written.rejected:
            points.reject(written.rejected, written.problem)
        return _success(start_response, kind, points.rejected, points.problem)


def is_available() -> bool:
    """Return whether the package of the extra `otlp` is installed."""
    try:
        return importlib.util.find_spec("opentelemetry.proto.collector.metrics.v1") is not None
    except ModuleNotFoundError:
        return False


def _parse(data: bytes, kind: str) -> Any:
    """Return the ExportMetricsServiceRequest of a body; BadRequestError if it is invalid."""
    # Import late: the packages are optional.
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    request = ExportMetricsServiceRequest()
    if kind == JSON:
        if len(data) > MAX_JSON_BYTES:
            raise RequestBodyError(
                "413 Content Too Large",
                f"the body is larger than {MAX_JSON_BYTES} bytes of JSON; send protobuf, or several requests",
            )
        if data.count(b"{") > MAX_JSON_OBJECTS:
            raise RequestBodyError(
                "413 Content Too Large",
                f"the body has more than {MAX_JSON_OBJECTS} objects; send protobuf, or several requests",
            )
        try:
            fields = json.loads(data.decode())
            if not isinstance(fields, dict):
                raise ValueError("it is no object")
            json_format.ParseDict(fields, request, ignore_unknown_fields=True)
        except (json_format.ParseError, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split())[:150]
            raise BadRequestError(f"the body is no ExportMetricsServiceRequest in JSON: {reason}") from None
    else:
        try:
            request.ParseFromString(data)
        except DecodeError:
            raise BadRequestError("the body is no ExportMetricsServiceRequest in protobuf") from None
    _check_size(request)
    return request


def _check_size(request: Any) -> None:
    """Raise RequestBodyError if a request has too many metrics and data points."""
    count = 0
    for size in _sizes(request):
        count += size
        if count > MAX_PARTS:
            raise RequestBodyError(
                "413 Content Too Large",
                f"the body has more than {MAX_PARTS} metrics and data points; send several requests",
            )


def _sizes(request: Any) -> Iterator[int]:
    """Yield 1 for each part of a request, and the number of points of each metric."""
    for resource in request.resource_metrics:
        yield 1
        for scope in resource.scope_metrics:
            yield 1
            for metric in scope.metrics:
                yield 1
                if field := metric.WhichOneof("data"):
                    points = getattr(metric, field).data_points
                    yield len(points)
                    if field == "summary":
                        # Each quantile is a series.
                        yield from (len(point.quantile_values) for point in points)


def _success(start_response: StartResponse, kind: str, rejected: int, problem: str) -> Iterable[bytes]:
    """Return an ExportMetricsServiceResponse; `rejected` points are a partial success."""
    if kind == JSON:
        partial = {"rejectedDataPoints": str(rejected), "errorMessage": problem}
        return json_response(start_response, "200 OK", {"partialSuccess": partial} if rejected else {})
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    response = ExportMetricsServiceResponse()
    if rejected:
        response.partial_success.rejected_data_points = rejected
        response.partial_success.error_message = problem
    return _send_protobuf(start_response, "200 OK", response.SerializeToString())


def _error(
    start_response: StartResponse,
    kind: str,
    status: str,
    sentence: str,
    headers: tuple[tuple[str, str], ...] = (),
) -> Iterable[bytes]:
    """Return a google.rpc.Status; in JSON it also has `error`, as in other responses."""
    code = CODES.get(status[:3], 2)
    text = sentence.encode("utf-8", "replace")
    if kind != PROTOBUF:
        document = {"error": text.decode(), "code": code, "message": text.decode()}
        return json_response(start_response, status, document, *headers)
    # Two fields: the code, and the message with its length.
    body = bytes((0x08, code, 0x12)) + _varint(len(text)) + text
    return _send_protobuf(start_response, status, body, *headers)


def _varint(number: int) -> bytes:
    low = bytearray()
    while number > 0x7F:
        low.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*low, number))


def _send_protobuf(
    start_response: StartResponse, status: str, body: bytes, *headers: tuple[str, str]
) -> Iterable[bytes]:
    length = ("content-length", str(len(body)))
    start_response(status, [("content-type", PROTOBUF), length, NO_STORE_HEADER, *headers])
    return [body]
