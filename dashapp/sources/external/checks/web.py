"""Check of a web address: status, content, certificate, and redirects on the same host only."""

from __future__ import annotations

import http.client
import io
import socket
import zlib
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from typing import cast
from urllib.parse import urljoin

from dashapp.sources.external.checks.attempt import NO_ANSWER, NO_END, Attempt, CheckFailedError
from dashapp.sources.external.checks.connection import connect
from dashapp.sources.external.checks.target import HTTP, HTTPS, Target
from dashapp.sources.external.http_client import CHUNK_BYTES, Url
from dashapp.sources.rejection import excerpt

MAX_REDIRECTS = 5
# Bytes of an answer that are read, before and after decompression.
MAX_BODY_BYTES = 1_000_000
# Bytes on the wire: a server can send the body in chunks of one byte.
MAX_RECEIVED_BYTES = MAX_BODY_BYTES + 100_000
_REDIRECTS = (301, 302, 303, 307, 308)
_DEFAULT_PORTS = {HTTP: 80, HTTPS: 443}


def check_web(target: Target, attempt: Attempt) -> None:
    """Request the URL of `target`; raises CheckFailedError if the answer is not as expected."""
    assert target.url is not None
    url = replace(target.url, host=target.host)
    for _ in range(MAX_REDIRECTS + 1):
        location = _request(url, target.expect, attempt)
        if location is None:
            return
        url = _follow(url, location)
    raise CheckFailedError(f"more than {MAX_REDIRECTS} redirects")


def _request(url: Url, expect: str, attempt: Attempt) -> str | None:
    """Return the address that the answer redirects to; None if it is final and as expected."""
    attempt.late_reason = NO_ANSWER
    attempt.status = attempt.certificate = None
    connection = connect(url.host, url.port, attempt)
    if url.scheme == HTTPS:
        # Import late: the trusted certificates of TLS need memory.
        from dashapp.sources.external.checks.tls import secure

        connection = secure(connection, url.host, attempt, lambda: connect(url.host, url.port, attempt))
    with closing(connection):
        connection.settimeout(attempt.remaining())
        connection.sendall(_request_bytes(url))
        reader = _DeadlineReader(connection, attempt)
        # HTTPResponse uses no other method of the socket.
        response = http.client.HTTPResponse(cast(socket.socket, reader), method="GET")
        with closing(response):
            try:
                response.begin()
                attempt.status = response.status
                if response.status in _REDIRECTS:
                    return response.headers.get("location", "")
                if not 200 <= response.status < 300:
                    raise CheckFailedError(f"the answer has status {_describe_status(response.status)}")
                attempt.late_reason = NO_END
                _check_body(response, expect, reader)
            except http.client.RemoteDisconnected:
                raise CheckFailedError("the host closed the connection without an answer") from None
            except http.client.IncompleteRead:
                raise CheckFailedError("the answer is incomplete") from None
            except (http.client.HTTPException, ValueError):
                raise CheckFailedError("the answer is not HTTP") from None
            attempt.remaining()
    return None


class _DeadlineReader(io.RawIOBase):
    """The bytes of a connection, until the time of the attempt is over."""

    def __init__(self, connection: socket.socket, attempt: Attempt) -> None:
        self.received = 0
        self._connection = connection
        self._attempt = attempt

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, CHUNK_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._connection.settimeout(self._attempt.remaining())
        count = self._connection.recv_into(buffer)
        self.received += count
        if self.received > 2 * MAX_RECEIVED_BYTES:
            # A body is not read so far: these are headers or trailers without an end.
            raise CheckFailedError(NO_END)
        return count


def _request_bytes(url: Url) -> bytes:
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = "" if url.port == _DEFAULT_PORTS[url.scheme] else f":{url.port}"
    lines = [
        f"GET {url.path} HTTP/1.1",
        f"Host: {host}{port}",
        "User-Agent: dashapp",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    if url.authorization:
        lines.append(f"Authorization: {url.authorization}")
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii")


def _check_body(response: http.client.HTTPResponse, expect: str, reader: _DeadlineReader) -> None:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    decompressor = zlib.decompressobj(31) if encoding in ("gzip", "x-gzip") else None
    if expect and decompressor is None and encoding not in ("", "identity"):
        raise CheckFailedError(f"the answer is compressed with {excerpt(encoding, 20)}, which is not read")
    body = bytearray()
    while chunk := response.read1(CHUNK_BYTES):
        if decompressor is not None:
            try:
                chunk = decompressor.decompress(chunk, MAX_BODY_BYTES + 1 - len(body))
            except zlib.error:
                raise CheckFailedError("the answer is not valid gzip") from None
        body += chunk
        if len(body) > MAX_BODY_BYTES or reader.received > MAX_RECEIVED_BYTES:
            break
    else:
        if response.length or (decompressor is not None and not decompressor.eof):
            raise CheckFailedError("the answer is incomplete")
    is_whole = len(body) <= MAX_BODY_BYTES and reader.received <= MAX_RECEIVED_BYTES
    if expect and not _contains(bytes(body), expect, response.headers.get_content_charset("utf-8")):
        part = "the answer" if is_whole else f"the first {MAX_BODY_BYTES / 1e6:g} MB of the answer"
        raise CheckFailedError(f"{part} does not contain '{excerpt(expect)}'")


def _contains(body: bytes, expect: str, charset: str) -> bool:
    try:
        text = body.decode(charset, errors="replace")
    except LookupError:
        text = body.decode(errors="replace")
    return expect in text


def _follow(url: Url, location: str) -> Url:
    """Return the target of a redirect; raises CheckFailedError unless it is on the same host."""
    if not location:
        raise CheckFailedError("the answer redirects without an address")
    try:
        target = Url.parse(urljoin(f"{url.scheme}://{url.host_and_port}{url.path}", location[:2000]))
        host = target.host if ":" in target.host else target.host.encode("idna").decode("ascii")
    except ValueError:
        raise CheckFailedError("the answer redirects to an address that is not of the web") from None
    if host != url.host:
        raise CheckFailedError(f"the answer redirects to another host, {excerpt(host)}; check that one")
    if url.scheme == HTTPS and target.scheme == HTTP:
        raise CheckFailedError("the answer redirects from https to http")
    is_upgrade = (url.port, target.port) == (80, 443)
    keeps_login = is_upgrade or (url.scheme, url.port) == (target.scheme, target.port)
    # Another port can be another service.
    return replace(target, host=host, authorization=url.authorization if keeps_login else "")


def _describe_status(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)
