"""Connections that stall, stay idle or are too many, on real sockets and by a fake clock."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from waiting import PATIENCE_S, wait_for

from dashapp.http import connections
from dashapp.http.connections import (
    LOOK_INTERVAL_S,
    MANY_NEW,
    MAX_PER_CLIENT,
    MAX_UNSENT_BYTES,
    MIN_BYTES,
    STALL_TIMEOUT_S,
    ConnectionWatch,
    limit_unsent_bytes,
    open_connections,
)
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.web.worker import connection_client

pytestmark = pytest.mark.skipif(not connections.FDS.is_dir(), reason="only Linux counts the bytes")
ENOUGH = b"x" * MIN_BYTES


class Server:
    """A listening socket and its connections, in this process as those of a server."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
        self.port: int = self._listener.getsockname()[1]
        self.now = 0.0
        self.watch = ConnectionWatch(self.port, 8, lambda _: "", lambda: self.now)

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Return a client and the server's side of its connection."""
        client = self._stack.enter_context(socket.socket())
        client.settimeout(PATIENCE_S)
        client.connect(("127.0.0.1", self.port))
        accepted, _ = self._listener.accept()
        accepted.settimeout(PATIENCE_S)
        return client, self._stack.enter_context(accepted)

    def pass_time(self, seconds: float) -> None:
        """Check before and after this time."""
        self.watch.check()
        self.now += seconds
        self.watch.check()

    def moved(self, accepted: socket.socket) -> int:
        (found,) = (each for each in open_connections(self.port) if each.descriptor == accepted.fileno())
        return found.moved


@pytest.fixture
def server() -> Iterator[Server]:
    with ExitStack() as stack:
        yield Server(stack)


def is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_silent_connection_is_closed_after_timeout(server: Server) -> None:
    client, _ = server.connect()
    server.pass_time(STALL_TIMEOUT_S - 1)
    assert is_open(client)
    server.pass_time(1)
    wait_for(lambda: not is_open(client))


@pytest.mark.parametrize("direction", ["received", "sent"])
def test_connection_that_moves_bytes_stays_open(server: Server, direction: str) -> None:
    client, accepted = server.connect()
    source, target = (client, accepted) if direction == "received" else (accepted, client)
    for _ in range(5):
        before = server.moved(accepted)
        source.sendall(ENOUGH)
        target.recv(MIN_BYTES)
        wait_for(lambda before=before: server.moved(accepted) >= before + MIN_BYTES)  # type: ignore[misc]
        server.pass_time(STALL_TIMEOUT_S - 1)
    assert is_open(client)


def test_connection_that_drips_is_closed(server: Server) -> None:
    """A byte now and then holds a thread as long as nothing does."""
    client, accepted = server.connect()
    server.watch.check()
    for _ in range(int(STALL_TIMEOUT_S)):
        client.sendall(b"x")
        accepted.recv(1)
        server.now += 1
        server.watch.check()
    with suppress(OSError):
        client.sendall(b"x")
    wait_for(lambda: not is_open(client))


def test_server_thread_is_freed_from_reader_that_takes_nothing(server: Server) -> None:
    client, accepted = server.connect()
    accepted.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            accepted.send(b"x" * 65536)
    server.pass_time(STALL_TIMEOUT_S)
    accepted.settimeout(PATIENCE_S)
    with pytest.raises(OSError, match=r"(?i)broken pipe|reset"):
        accepted.sendall(b"x" * 65536)
    assert client.fileno() >= 0


def test_idlest_connections_are_closed_above_total_limit(server: Server) -> None:
    pairs = [server.connect() for _ in range(12)]
    server.watch.check()
    server.now += 1
    for client, accepted in pairs[6:]:
        before = server.moved(accepted)
        client.sendall(ENOUGH)
        accepted.recv(MIN_BYTES)
        wait_for(lambda accepted=accepted, before=before: server.moved(accepted) > before)  # type: ignore[misc]
    server.watch.check()
    # Eight are allowed, and one less makes room for the next.
    wait_for(lambda: sum(is_open(client) for client, _ in pairs) == 7)
    assert all(is_open(client) for client, _ in pairs[6:])


def test_client_address_has_its_own_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_PER_CLIENT", 3)
    server.watch = ConnectionWatch(server.port, 8, lambda address: address)
    pairs = [server.connect() for _ in range(5)]
    server.watch.check()
    wait_for(lambda: sum(is_open(client) for client, _ in pairs) == 3)


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("::1", ""),
        ("fd00::1", ""),
        ("9.9.9.9", ""),
        ("8.8.8.8", "8.8.8.8"),
        ("2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::/64"),
    ],
)
def test_proxies_share_an_address_without_limit(address: str, client: str) -> None:
    trusted = ClientResolver([ipaddress.ip_network("9.9.9.9")])
    assert connection_client(trusted, address) == client
    assert MAX_PER_CLIENT > 6, "a browser opens as many"


def open_files() -> list[tuple[str, str]]:
    return sorted(
        (path.name, str(path.readlink())) for path in connections.FDS.iterdir() if path.is_symlink()
    )


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="no such option")
def test_kernel_keeps_few_bytes_for_reader_that_takes_nothing(server: Server) -> None:
    """It kept 850 kB of each, which count as memory of a container."""
    assert limit_unsent_bytes(server.port)
    _client, accepted = server.connect()
    accepted.setblocking(False)
    send_all_that_fits(accepted)
    # The last piece may exceed the limit.
    assert 0 < unsent_bytes(accepted) <= 2 * MAX_UNSENT_BYTES


def unsent_bytes(accepted: socket.socket) -> int:
    """Return the bytes that the kernel keeps of a socket and has not sent yet (SIOCOUTQNSD)."""
    count: int = struct.unpack("i", fcntl.ioctl(accepted, 0x894B, bytes(4)))[0]
    return count


def test_limit_waits_until_the_server_listens(server: Server) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert not limit_unsent_bytes(port)
        bound.listen()
        assert limit_unsent_bytes(port)


def send_all_that_fits(accepted: socket.socket) -> None:
    with suppress(BlockingIOError):
        while True:
            accepted.send(bytes(4096))


def test_unwanted_connection_is_closed(server: Server) -> None:
    (unwanted, _), (other, _) = server.connect(), server.connect()
    server.watch = ConnectionWatch(server.port, 10_000, lambda _: "", lambda: server.now)
    server.watch.check()
    assert not server.watch.is_due()
    server.watch.end(unwanted.getsockname())
    assert server.watch.is_due()
    server.watch.check()
    assert not is_open(unwanted)
    assert is_open(other)


def test_watch_touches_no_other_descriptor(server: Server) -> None:
    """Closing a duplicate of a database's descriptor would release its locks."""
    read_end, write_end = os.pipe()
    stranger = socket.create_server(("127.0.0.1", 0))
    here, there = socket.socketpair()
    server.connect()
    before = open_files()
    server.pass_time(10 * STALL_TIMEOUT_S)
    assert open_files() == before
    here.sendall(b"x")
    assert there.recv(1) == b"x"
    os.write(write_end, b"y")
    assert os.read(read_end, 1) == b"y"
    for each in (stranger, here, there):
        each.close()
    os.close(read_end)
    os.close(write_end)


def test_every_connection_is_looked_at_often_enough(server: Server) -> None:
    server.watch = ConnectionWatch(server.port, 10_000, lambda _: "", lambda: server.now)
    assert server.watch.is_due()
    server.watch.check()
    assert not server.watch.is_due()
    server.now += LOOK_INTERVAL_S
    assert server.watch.is_due()
    server.watch.check()
    for _ in range(MANY_NEW // 2 + 1):
        assert not server.watch.is_due()
        server.connect()
    assert server.watch.is_due()


def test_every_connection_is_looked_at_while_there_are_too_many(server: Server) -> None:
    for _ in range(9):
        server.connect()
    server.watch.check()
    assert server.watch.is_due()
