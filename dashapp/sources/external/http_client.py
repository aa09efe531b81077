"""HTTP client for one GET request to a URL from the settings, with limits.

It limits the time, the bytes before and after decompression, and the redirects, which must stay on the same
server. It ignores proxies in the environment.
"""

from __future__ import annotations

import base64
import http.client
import socket
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Timer
from urllib.parse import unquote, urljoin, urlsplit

from dashapp.model.notices import os_error_reason
from dashapp.model.ticks import SourceError

MAX_REDIRECTS = 3
CHUNK_BYTES = 64 << 10


@dataclass(frozen=True)
class Url:
    """A server and a path; `label` omits password and query, which may be secret."""

    scheme: str
    host: str
    port: int
    path: str
    authorization: str = field(default="", repr=False)

    @property
    def label(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path.partition('?')[0]}"[:120]

    @staticmethod
    def parse(url: str) -> Url:
        """Return the parts of a URL; raises ValueError if it is not http or https."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
            raise ValueError
        if parts.port == 0:
            raise ValueError
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        authorization = ""
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = "Basic " + base64.b64encode(credentials.encode()).decode()
        path.encode("ascii")
        parts.hostname.encode("idna")
        return Url(parts.scheme, parts.hostname, port, path, authorization)

    def resolve(self, location: str) -> Url:
        """Return the target of a redirect; raises SourceError for another server."""
        try:
            target = Url.parse(urljoin(f"{self.scheme}://{self.host_and_port}{self.path}", location[:2000]))
        except ValueError:
            target = None
        if target is None or (target.scheme, target.host, target.port) != (self.scheme, self.host, self.port):
            raise SourceError(f"{self.label} redirects to another server, which is not allowed")
        return Url(self.scheme, self.host, self.port, target.path, self.authorization)

    @property
    def host_and_port(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class HttpFetcher:
    """Fetches `url`; `content_types` are the accepted content types.

    A response without a type has `default_type`. `hints` has the end of the error message by status.
    Calls `on_send` just before each request, also before those that follow a redirect. `content_type` is
    that of the last response.
    """

    def __init__(
        self,
        url: Url,
        content_types: tuple[str, ...],
        accept: str,
        max_bytes: int = 5_000_000,
        timeout: float = 5.0,
        default_type: str = "none",
        hints: Mapping[int, str] = {},
    ) -> None:
        self.content_type = ""
        self._default_type = default_type
        self._hints = hints
        self._url = url
        self._content_types = content_types
        self._accept = accept
        self._max_bytes = max_bytes
        self._timeout = timeout
        self.on_send: Callable[[], object] = lambda: None

    def fetch(self) -> bytes:
        """Return the decompressed body; raises SourceError if the response is not usable."""
        url, deadline = self._url, time.monotonic() + self._timeout
        for _ in range(MAX_REDIRECTS + 1):
            result = self._send_request(url, deadline)
            if isinstance(result, bytes):
                return result
            url = result
        raise SourceError(f"{self._url.label} redirects more than {MAX_REDIRECTS} times")

    def _send_request(self, url: Url, deadline: float) -> bytes | Url:
        label = url.label
        remaining = deadline - time.monotonic()
        timeout_error = SourceError(f"{label} did not respond within {self._timeout:g} s")
        if remaining <= 0:
            raise timeout_error
        is_secure = url.scheme == "https"
        connection_class = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
        connection = connection_class(url.host, url.port, timeout=remaining)
        with closing(connection):
            try:
                connection.connect()
                # The timeout of a socket applies to each read; this timer applies to the whole response.
                timer = Timer(max(0.0, deadline - time.monotonic()), _close_connection, [connection.sock])
                timer.daemon = True
                timer.start()
                try:
                    self.on_send()
                    connection.request("GET", url.path, headers=self._headers(url))
                    with closing(connection.getresponse()) as response:
                        result = self._read_response(response, url)
                finally:
                    timer.cancel()
                # A truncated response can look complete.
                if time.monotonic() >= deadline:
                    raise timeout_error
                return result
            except SourceError as error:
                raise (timeout_error if time.monotonic() >= deadline else error) from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                if time.monotonic() >= deadline or isinstance(error, TimeoutError):
                    raise timeout_error from None
                reason = os_error_reason(error) if getattr(error, "strerror", None) else type(error).__name__
                raise SourceError(f"{label} does not respond ({reason})") from None

    def _headers(self, url: Url) -> dict[str, str]:
        headers = {"accept": self._accept, "accept-encoding": "gzip", "user-agent": "dashapp"}
        return headers | ({"authorization": url.authorization} if url.authorization else {})

    def _read_response(self, response: http.client.HTTPResponse, url: Url) -> bytes | Url:
        label = url.label
        if response.status in (301, 302, 303, 307, 308):
            return url.resolve(response.headers.get("location", ""))
        if response.status != 200:
            hint = self._hints.get(response.status, "")
            raise SourceError(f"{label} returned status {response.status}{hint and f'; {hint}'}")
        has_type = bool(response.headers.get("content-type", "").strip())
        content_type = response.headers.get_content_type() if has_type else self._default_type
        self.content_type = content_type
        if content_type not in self._content_types:
            raise SourceError(
                f"{label} returned {content_type[:40]}; expected {' or '.join(self._content_types)}"
            )
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise SourceError(f"{label} returned content encoding {encoding[:20]}; expected gzip or none")
        return self._decompress(response, label, encoding == "gzip")

    def _decompress(self, response: http.client.HTTPResponse, label: str, is_gzip: bool) -> bytes:
        decompressor = zlib.decompressobj(31) if is_gzip else None
        body = bytearray()
        received = 0
        while chunk := response.read1(CHUNK_BYTES):
            received += len(chunk)
            if decompressor is not None:
                try:
                    chunk = decompressor.decompress(chunk, self._max_bytes + 1 - len(body))
                except zlib.error:
                    raise SourceError(f"{label} returned invalid gzip") from None
            body += chunk
            if max(received, len(body)) > self._max_bytes:
                raise SourceError(f"{label} returned more than {self._max_bytes / 1e6:g} MB")
        if response.length or (decompressor is not None and not decompressor.eof):
            raise SourceError(f"{label} returned an incomplete response")
        return bytes(body)


def _close_connection(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
