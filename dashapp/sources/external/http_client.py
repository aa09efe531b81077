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
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Timer
from urllib.parse import unquote, urljoin, urlsplit

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
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        user = ""
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            user = "Basic " + base64.b64encode(pair.encode()).decode()
        path.encode("ascii")
        parts.hostname.encode("idna")
        return Url(parts.scheme, parts.hostname, port, path, user)

    def resolve(self, location: str) -> Url:
        """Return the target of a redirect; raises SourceError for another server."""
        try:
            there = Url.parse(urljoin(f"{self.scheme}://{self._host_and_port}{self.path}", location[:2000]))
        except ValueError:
            there = None
        if there is None or (there.scheme, there.host, there.port) != (self.scheme, self.host, self.port):
            raise SourceError(f"{self.label} redirects to another server, which is not asked")
        return Url(self.scheme, self.host, self.port, there.path, self.authorization)

    @property
    def _host_and_port(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class HttpFetcher:
    """Fetches `address`; `kinds` are the accepted content types."""

    def __init__(
        self,
        address: Url,
        kinds: tuple[str, ...],
        accept: str,
        most: int = 5_000_000,
        timeout: float = 5.0,
    ) -> None:
        self._address = address
        self._kinds = kinds
        self._accept = accept
        self._most = most
        self._timeout = timeout

    def fetch(self) -> bytes:
        """Return the decompressed body; raises SourceError if the response is not usable."""
        address, deadline = self._address, time.monotonic() + self._timeout
        for _ in range(MAX_REDIRECTS + 1):
            found = self._send_request(address, deadline)
            if isinstance(found, bytes):
                return found
            address = found
        raise SourceError(f"{self._address.label} redirects more than {MAX_REDIRECTS} times")

    def _send_request(self, address: Url, deadline: float) -> bytes | Url:
        shown = address.label
        left = deadline - time.monotonic()
        over = SourceError(f"{shown} did not answer within {self._timeout:g} s")
        if left <= 0:
            raise over
        secure = address.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(address.host, address.port, timeout=left)
        with closing(connection):
            try:
                connection.connect()
                # The timeout of a socket applies to each read; this timer applies to the whole response.
                end = Timer(max(0.0, deadline - time.monotonic()), _close_connection, [connection.sock])
                end.daemon = True
                end.start()
                try:
                    connection.request("GET", address.path, headers=self._headers(address))
                    with closing(connection.getresponse()) as answer:
                        found = self._read_response(answer, address)
                finally:
                    end.cancel()
                # A truncated response can look complete.
                if time.monotonic() >= deadline:
                    raise over
                return found
            except SourceError as error:
                raise (over if time.monotonic() >= deadline else error) from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                if time.monotonic() >= deadline or isinstance(error, TimeoutError):
                    raise over from None
                why = getattr(error, "strerror", None) or type(error).__name__
                raise SourceError(f"{shown} does not answer ({why})") from None

    def _headers(self, address: Url) -> dict[str, str]:
        headers = {"accept": self._accept, "accept-encoding": "gzip", "user-agent": "dashapp"}
        return headers | ({"authorization": address.authorization} if address.authorization else {})

    def _read_response(self, answer: http.client.HTTPResponse, address: Url) -> bytes | Url:
        shown = address.label
        if answer.status in (301, 302, 303, 307, 308):
            return address.resolve(answer.headers.get("location", ""))
        if answer.status != 200:
            raise SourceError(f"{shown} answers with status {answer.status}")
        kind = answer.headers.get_content_type() if "content-type" in answer.headers else "none"
        if kind not in self._kinds:
            raise SourceError(f"{shown} answers with {kind[:40]}; expected {' or '.join(self._kinds)}")
        coding = answer.headers.get("content-encoding", "").strip().lower()
        if coding not in ("", "identity", "gzip"):
            raise SourceError(f"{shown} answers packed by {coding[:20]}; expected gzip or none")
        return self._decompress(answer, shown, coding == "gzip")

    def _decompress(self, answer: http.client.HTTPResponse, shown: str, packed: bool) -> bytes:
        unpacker = zlib.decompressobj(31) if packed else None
        body = bytearray()
        received = 0
        while chunk := answer.read1(CHUNK_BYTES):
            received += len(chunk)
            if unpacker is not None:
                try:
                    chunk = unpacker.decompress(chunk, self._most + 1 - len(body))
                except zlib.error:
                    raise SourceError(f"{shown} answers with broken gzip") from None
            body += chunk
            if max(received, len(body)) > self._most:
                raise SourceError(f"{shown} answers with more than {self._most / 1e6:g} MB")
        if answer.length or (unpacker is not None and not unpacker.eof):
            raise SourceError(f"{shown} answers by half")
        return bytes(body)


def _close_connection(held: socket.socket) -> None:
    with suppress(OSError):
        held.shutdown(socket.SHUT_RDWR)
