"""Bad connections to a real server: slow, silent, half-open, cut off, and many at once.

The seed is fixed, so that a failure is repeatable.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from processes import Dashapp, dashapp
from push_pipeline import TOKEN
from thorough import amount
from waiting import PATIENCE_S, wait_for

from dashapp.http.request_body import MAX_CONCURRENT_BODIES

COUNT = amount(150, 1500)
PASSWORD = "correct horse 7"
VARIABLES = {"DASHAPP_PASSWORD": PASSWORD, "DASHAPP_PUSH_TOKEN": TOKEN}
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
UPLOAD = f"POST /api/push HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
LOGIN = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with dashapp(folder, "--source", "demo", env=VARIABLES) as found:
        yield found.serving()


@pytest.fixture
def connect(app: Dashapp) -> Iterator[Callable[[], socket.socket]]:
    """Return a function that opens a connection; the test's end closes all."""
    with ExitStack() as stack:

        def begin() -> socket.socket:
            found = stack.enter_context(socket.create_connection(("127.0.0.1", app.port), PATIENCE_S))
            found.settimeout(PATIENCE_S)
            return found

        yield begin


Connect = Callable[[], socket.socket]


def assert_serves(app: Dashapp) -> None:
    assert app.get("/healthz")[0] == 200
    assert app.get("/login")[0] == 200
    assert app.popen.poll() is None
    assert "Traceback" not in app.said


def garbage(chance: random.Random) -> bytes:
    """Return a request that is wrong, incomplete or unusual in some way."""
    header = b"X-%d: %s\r\n" % (chance.randrange(99), chance.choice([b"a", b"a" * 5000, b"\xff\xfe", b""]))
    whole = REQUEST + header * chance.choice([0, 1, 3, 120]) + b"\r\n"
    return chance.choice(
        [
            b"",
            chance.randbytes(chance.choice([1, 100, 5000])),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            whole,
            whole[: chance.randrange(len(whole))],
            whole * 20,
            whole.replace(b"HTTP/1.1", chance.choice([b"HTTP/1.0", b"HTTP/9.9", b"http/1.1", b""])),
            whole.replace(b"\r\n", b"\n"),
            whole.replace(b"/healthz", b"/" + b"a" * chance.choice([10, 9000, 70_000])),
            REQUEST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            REQUEST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            UPLOAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\nabc",
            UPLOAD + b"Content-Length: 99999999999999999999\r\n\r\nx",
            UPLOAD + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
            UPLOAD + b"Content-Length: 10\r\n\r\nabc",
            LOGIN + b"Content-Length: 10\r\n\r\nabc",
        ]
    )


def test_server_answers_beside_bad_connections(app: Dashapp, connect: Connect) -> None:
    chance = random.Random(4711)
    for _ in range(COUNT):
        client = connect()
        with suppress(OSError):
            for part in (garbage(chance), garbage(chance))[: chance.choice([1, 1, 2])]:
                client.sendall(part)
            match chance.randrange(5):
                case 0:
                    client.shutdown(socket.SHUT_WR)
                case 1:
                    client.shutdown(socket.SHUT_RD)
                case 2:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    client.close()
                case 3:
                    client.setblocking(False)
                    client.recv(chance.choice([1, 5000]))
                # Otherwise it stays open, and silent.
    assert_serves(app)


def test_server_answers_beside_burst_of_silent_and_slow_clients(app: Dashapp, connect: Connect) -> None:
    for _ in range(100):
        connect()
        connect().sendall(REQUEST + b"X: ")
    for _ in range(2 * MAX_CONCURRENT_BODIES):
        connect().sendall(UPLOAD + b"Content-Length: 500\r\n\r\nx")
    assert_serves(app)


def test_upload_thread_is_free_after_client_is_gone(app: Dashapp, connect: Connect) -> None:
    clients = [connect() for _ in range(2 * MAX_CONCURRENT_BODIES)]
    for client in clients:
        client.sendall(UPLOAD + b"Content-Length: 500\r\n\r\nx")
    for client in clients:
        client.close()

    def push() -> bool:
        client = connect()
        body = b'{"metrics": {"a": 1}}'
        client.sendall(UPLOAD + b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        return client.recv(12) == b"HTTP/1.1 200"

    wait_for(push)
    assert_serves(app)


def test_server_speaks_no_http_2(app: Dashapp, connect: Connect) -> None:
    """With HTTP/2 allowed, a silent connection has no timeout, and each may hold megabytes."""
    client = connect()
    client.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    assert client.recv(9)[:5] in (b"HTTP/", b"")


def test_server_rejects_large_headers(app: Dashapp, connect: Connect) -> None:
    client = connect()
    with suppress(OSError):
        client.sendall(REQUEST + b"X: " + b"a" * 200_000 + b"\r\n\r\n")
    with suppress(ConnectionResetError):
        assert client.recv(12)[9:] in (b"431", b"")
    assert_serves(app)
