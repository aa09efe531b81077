"""Local servers for checks: raw responses, also over TLS, with good and bad certificates."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from waiting import PATIENCE_S

# Responds on a connection; `ended` is set when the test is over.
Respond = Callable[[socket.socket, Event], None]

EXPIRED_END, LATER_BEGIN = "20210203000000Z", "20990405000000Z"
# Name of a certificate: begin, end, and the host names in it.
TIMES = {
    "good": ("20200101000000Z", "21000101000000Z", "DNS:localhost,IP:127.0.0.1"),
    "expired": ("20200101000000Z", EXPIRED_END, "DNS:localhost"),
    "later": (LATER_BEGIN, "21000101000000Z", "DNS:localhost"),
    "other": ("20200101000000Z", "21000101000000Z", "DNS:shop.example"),
}
_CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


class CheckServer:
    """A server that answers each connection with `respond`; `requests` has what arrived first."""

    def __init__(self, respond: Respond, context: ssl.SSLContext | None = None) -> None:
        self.respond = respond
        self.requests: list[bytes] = []
        self._context = context
        self._ended = Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                self.requests.append(connection.recv(65536))
                self.respond(connection, self._ended)

    def stop(self) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def serving(respond: Respond, context: ssl.SSLContext | None = None) -> Iterator[CheckServer]:
    server = CheckServer(respond, context)
    try:
        yield server
    finally:
        server.stop()


def answer(body: bytes | str = b"ok", status: str = "200 OK", **headers: str) -> Respond:
    """Return a handler that sends a whole response; names of `headers` have underscores."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if "content_length" not in headers:
        lines.append(f"content-length: {len(data)}")
    head = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
    return raw(head + data)


def raw(data: bytes) -> Respond:
    """Return a handler that sends these bytes and closes the connection."""

    def respond(connection: socket.socket, ended: Event) -> None:
        connection.sendall(data)

    return respond


def silence(connection: socket.socket, ended: Event) -> None:
    """Never answer."""
    ended.wait(PATIENCE_S)


def dripping(start: bytes, drop: bytes = b"a") -> Respond:
    """Return a handler that sends a start at once, and then one drop after the other for ever."""

    def respond(connection: socket.socket, ended: Event) -> None:
        connection.sendall(start)
        while not ended.wait(0.01):
            connection.sendall(drop)

    return respond


def flood(start: bytes, chunk: bytes) -> Respond:
    """Return a handler that sends as fast as it can, for ever."""

    def respond(connection: socket.socket, ended: Event) -> None:
        connection.sendall(start)
        while not ended.is_set():
            connection.sendall(chunk)

    return respond


class Certificates:
    """An authority and its certificates, as files in `folder`; `authority` is the file to trust."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "ca.pem"
        self._folder = folder
        (folder / "ca.cnf").write_text(_CONFIG)
        (folder / "index.txt").touch()
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._run(
            "req", "-x509", *key, "-days", "36500", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem"
        )
        self._run("req", *key, "-subj", "/CN=leaf", "-keyout", "leaf.key", "-out", "leaf.csr")
        for name, (begin, end, hosts) in TIMES.items():
            (folder / "extensions").write_text(f"subjectAltName={hosts}\n")
            files = ("-cert", "ca.pem", "-keyfile", "ca.key", "-in", "leaf.csr", "-out", f"{name}.pem")
            times = ("-startdate", begin, "-enddate", end)
            self._run(
                "ca", "-batch", "-notext", "-config", "ca.cnf", "-extfile", "extensions", *files, *times
            )
        names = ("-addext", "subjectAltName=DNS:localhost")
        self._run("req", "-x509", "-key", "leaf.key", "-subj", "/CN=self", *names, "-out", "self.pem")

    def context(self, name: str) -> ssl.SSLContext:
        """Return the context of a server with one of these certificates."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / "leaf.key")
        return context

    def _run(self, *args: str) -> None:
        subprocess.run(
            ["openssl", *args], cwd=self._folder, check=True, capture_output=True, timeout=PATIENCE_S
        )
