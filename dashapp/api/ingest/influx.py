"""The endpoints of InfluxDB that its clients and Telegraf use for writing.

Telegraf sends POST /write (version 1) or /api/v2/write (version 2), and "CREATE DATABASE" to /query before.
Other clients ask /ping or /health whether the server is there. dashapp has one database, so that names of
databases, buckets and organisations do not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from dashapp.api.ingest.access import MAX_QUERY_FIELDS, TokenAccess, query_value
from dashapp.api.ingest.line_protocol import ALIASES, PRECISIONS, LineParser, Lines
from dashapp.api.ingest.series_writer import MAX_BODY_BYTES, SeriesWriter
from dashapp.http.request_body import BodyReader, RequestBodyError
from dashapp.http.responses import json_response, method_not_allowed
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.model.text import quote_value
from dashapp.model.ticks import BadRequestError, BusyError, DashappError, PushQueueError

WRITE_PATH, WRITE_V2_PATH, QUERY_PATH = "/write", "/api/v2/write", "/query"
PING_PATH, HEALTH_PATH = "/ping", "/health"
# Telegraf sends 1,000 lines at a time. One line has few fields in most programs.
MAX_LINES, MAX_SEPARATORS = 10_000, 200_000
# Quotes and backslashes: each takes about a microsecond, all of a line without a pause for other threads.
MAX_ESCAPES = 200_000
MAX_QUERY_BYTES = 4096
# The names of errors in the interface of InfluxDB 2.
CODES = {"400": "invalid", "401": "unauthorized", "413": "request too large", "429": "too many requests"}
VERSION_HEADERS = (("x-influxdb-version", "dashapp"), ("x-influxdb-build", "OSS"))


class InfluxEndpoint:
    def __init__(self, access: TokenAccess, writer: SeriesWriter, parsing: Lock) -> None:
        self._access = access
        self._writer = writer
        self._parsing = parsing
        self._bodies = BodyReader(MAX_BODY_BYTES, accepts_gzip=True)
        self._queries = BodyReader(MAX_QUERY_BYTES)
        self._parser = LineParser()
        self._endpoints: dict[str, WSGIApp] = {
            WRITE_PATH: self._write,
            WRITE_V2_PATH: self._write,
            QUERY_PATH: self._query,
            PING_PATH: _ping,
            HEALTH_PATH: _health,
        }

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return self._endpoints[environ["PATH_INFO"]](environ, start_response)

    def _write(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return method_not_allowed(start_response, environ, "POST")
        if refusal := self._access.check(environ):
            return _error(start_response, *refusal)
        try:
            precision = _precision(environ)
            data = self._bodies.read(environ)
            with self._writer.waiting.hold(self._parsing):
                lines, count = self._parse(data, precision)
                written = self._writer.write(lines.points)
        except (BadRequestError, PushQueueError, BusyError) as error:
            return rejection(start_response, error)
        if lines.rejected or written.rejected:
            return self._partial_write(start_response, lines, written.problem, written.rejected, count)
        ignored = [("x-dashapp-ignored", f"{lines.text_fields} text fields")] if lines.text_fields else []
        start_response("204 No Content", [*VERSION_HEADERS, ("cache-control", "no-store"), *ignored])
        return []

    def _parse(self, data: bytes, precision: str) -> tuple[Lines, int]:
        count = data.count(b"\n") + 1
        if count > MAX_LINES + 1:
            raise RequestBodyError(
                "413 Content Too Large",
                f"the body has {count} lines; expected at most {MAX_LINES}; send several requests",
            )
        if (separators := data.count(b",")) > MAX_SEPARATORS:
            raise RequestBodyError(
                "413 Content Too Large",
                f"the body has {separators} tags and fields; expected at most {MAX_SEPARATORS}; "
                "send several requests",
            )
        if (escapes := data.count(b"\\") + data.count(b'"')) > MAX_ESCAPES:
            raise RequestBodyError(
                "413 Content Too Large",
                f"the body has {escapes} quotes and backslashes; expected at most {MAX_ESCAPES}; "
                "send several requests",
            )
        text = data.decode(errors="surrogateescape")
        return self._parser.parse(text, self._writer.clock(), precision), count

    def _partial_write(
        self, start_response: StartResponse, lines: Lines, limit: str, rejected: int, count: int
    ) -> Iterable[bytes]:
        """Answer as InfluxDB does. The other lines are stored, and no client retries."""
        problems = [lines.problem] if lines.problem else []
        if limit:
            problems.append(limit)
        dropped = [f"dropped={lines.rejected} lines"] if lines.rejected else []
        if rejected:
            dropped.append(f"dropped={rejected} values")
        return _error(
            start_response, "400 Bad Request", f"partial write: {'; '.join(problems)}; {', '.join(dropped)}"
        )

    def _query(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer CREATE DATABASE, which Telegraf sends when it starts."""
        if environ["REQUEST_METHOD"] not in ("GET", "POST"):
            return method_not_allowed(start_response, environ, "GET, POST")
        if refusal := self._access.check(environ):
            return _error(start_response, *refusal)
        query = query_value(environ, "q")
        try:
            if not query and environ["REQUEST_METHOD"] == "POST":
                form = self._queries.read(environ).decode("ascii", "replace")
                query = parse_qs(form, max_num_fields=MAX_QUERY_FIELDS).get("q", [""])[-1]
        except RequestBodyError as error:
            return rejection(start_response, error)
        except ValueError:
            query = ""
        if query.strip().upper().startswith("CREATE DATABASE"):
            return json_response(
                start_response, "200 OK", {"results": [{"statement_id": 0}]}, *VERSION_HEADERS
            )
        sentence = f"the query is {quote_value(query)}; expected CREATE DATABASE; read values with /api/ticks"
        return _error(start_response, "400 Bad Request", sentence)


def _precision(environ: Mapping[str, Any]) -> str:
    text = query_value(environ, "precision")
    precision = ALIASES.get(text, text)
    if precision not in PRECISIONS:
        expected = ", ".join(PRECISIONS)
        raise BadRequestError(f"precision is {quote_value(text)}; expected one of {expected}")
    return precision


def _ping(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return method_not_allowed(start_response, environ, "GET, HEAD")
    start_response("204 No Content", [*VERSION_HEADERS, ("cache-control", "no-store")])
    return []


def _health(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return method_not_allowed(start_response, environ, "GET, HEAD")
    document = {"name": "dashapp", "message": "ready for writes", "status": "pass", "checks": []}
    return json_response(start_response, "200 OK", document)


def rejection(start_response: StartResponse, error: DashappError) -> Iterable[bytes]:
    """Return the response to a write whose body is invalid or cannot be stored now."""
    if isinstance(error, RequestBodyError):
        return _error(start_response, error.status, str(error), (("connection", "close"),))
    if isinstance(error, BadRequestError):
        return _error(start_response, "400 Bad Request", str(error))
    return _error(start_response, "503 Service Unavailable", str(error), (("retry-after", "1"),))


def _error(
    start_response: StartResponse,
    status: str,
    sentence: str,
    headers: tuple[tuple[str, str], ...] = (),
) -> Iterable[bytes]:
    """An error in the form of both versions: `error`, and `code` with `message`."""
    # A request can hold a lone surrogate, which UTF-8 cannot encode.
    text = sentence.encode("utf-8", "replace").decode()
    document = {"error": text, "code": CODES.get(status[:3], "unavailable"), "message": text}
    return json_response(start_response, status, document, *headers)
