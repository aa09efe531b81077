"""Closes connections that block others: stalled ones, and those above a limit.

granian limits the time of a request's headers only. It waits without a limit for a client that sends a body
or reads a response slowly, and accepts no other connection once it has as many as its backpressure. The
kernel counts the bytes of every connection (tcp(7), TCP_INFO); only Linux has this interface.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FDS = Path("/proc/self/fd")
# A connection must move this many bytes, both directions together, in this many seconds. Every request does.
MIN_BYTES, STALL_TIMEOUT_S = 256, 30.0
# Connections of one client. A browser has up to six; a proxy in a private network has no such limit.
MAX_PER_CLIENT = 64
CHECK_INTERVAL_S = 1.0
# Seconds between two looks at every connection, each of which takes about 15 microseconds. If there are so
# many new ones, the next look is earlier.
LOOK_INTERVAL_S, MANY_NEW = 5.0, MAX_PER_CLIENT // 2
# Bytes of a connection that the kernel keeps beyond those that its client has room for.
MAX_UNSENT_BYTES = 32 << 10
# Offset of the bytes that the client acknowledged and of those that it sent, both unsigned 64 bits, in the
# kernel's struct tcp_info.
_BYTES = struct.Struct("@QQ")
_BYTES_OFFSET = 120


# An address and a port.
Peer = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Connection:
    """`inode` identifies the socket; `moved` is the number of bytes in both directions so far."""

    descriptor: int
    inode: int
    address: str
    moved: int
    peer_port: int


@dataclass(slots=True)
class _Progress:
    moved: int
    since: float


class ConnectionWatch:
    """Checks the connections of this process to a port.

    It closes a connection that moves less than MIN_BYTES in STALL_TIMEOUT_S. If a client has more than
    MAX_PER_CLIENT, or all together are more than `max_connections`, it closes those that have been idle for
    the longest.
    """

    def __init__(
        self,
        port: int,
        max_connections: int,
        client_of: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client_of` returns the client of an address; empty if several clients can share it."""
        self._port = port
        self._max_connections = max_connections
        self._client_of = client_of
        self._clock = clock
        self._progress: dict[int, _Progress] = {}
        self._checked = float("-inf")
        self._count = 0
        # Peers whose connections are to be closed.
        self._unwanted: set[Peer] = set()

    def end(self, peer: Peer) -> None:
        """Close the connection of a peer soon. It does not block."""
        self._unwanted.add(peer)

    def run(self) -> None:
        """Check for ever; return at once if the kernel has no such interface."""
        is_limited = False
        while FDS.is_dir() and hasattr(socket, "TCP_INFO"):
            # The server may listen a little later.
            is_limited = is_limited or limit_unsent_bytes(self._port)
            time.sleep(CHECK_INTERVAL_S)
            if self.is_due():
                self.check()

    def is_due(self) -> bool:
        """Whether to look at every connection now."""
        count = _descriptor_count()
        has_more = count > self._count + MANY_NEW or count > self._max_connections
        return has_more or bool(self._unwanted) or self._clock() - self._checked >= LOOK_INTERVAL_S

    def check(self) -> None:
        """Look at every connection."""
        self._checked = now = self._clock()
        unwanted, self._unwanted = self._unwanted, set()
        self._count = _descriptor_count()
        connections = list(open_connections(self._port))
        progress = {}
        for each in connections:
            before = self._progress.get(each.inode)
            is_stalled = before is not None and each.moved - before.moved < MIN_BYTES
            progress[each.inode] = before if before and is_stalled else _Progress(each.moved, now)
        self._progress = progress
        idlest_first = sorted(connections, key=lambda each: progress[each.inode].since)
        for each in idlest_first:
            is_unwanted = (each.address, each.peer_port) in unwanted
            if is_unwanted or now - progress[each.inode].since >= STALL_TIMEOUT_S:
                close(each)
        for each in self._surplus(idlest_first):
            close(each)

    def _surplus(self, idlest_first: list[Connection]) -> Iterator[Connection]:
        """Yield the connections above the limits."""
        counts: dict[str, int] = {}
        for each in reversed(idlest_first):
            client = self._client_of(each.address)
            counts[client] = counts.get(client, 0) + 1
            if client and counts[client] > MAX_PER_CLIENT:
                yield each
        # Some more than the surplus, so that the next ones are accepted at once.
        if len(idlest_first) > self._max_connections:
            yield from idlest_first[: len(idlest_first) - self._max_connections * 7 // 8]


def _descriptor_count() -> int:
    with os.scandir(FDS) as entries:
        return sum(1 for _ in entries)


def open_connections(port: int) -> Iterator[Connection]:
    """Yield the TCP connections of this process to its own `port`."""
    for handle in _sockets(port):
        # The listening socket has no peer, which is an OSError.
        with suppress(OSError):
            address, peer_port = handle.getpeername()[:2]
            info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            # An older kernel has a shorter structure.
            if len(info) >= _BYTES_OFFSET + _BYTES.size:
                moved = sum(_BYTES.unpack_from(info, _BYTES_OFFSET))
                descriptor = handle.fileno()
                address = address.removeprefix("::ffff:")
                yield Connection(descriptor, os.fstat(descriptor).st_ino, address, moved, peer_port)


def _sockets(port: int) -> Iterator[socket.socket]:
    """Yield the TCP sockets of this process with this `port`.

    It duplicates no descriptor: to close the duplicate of a database's would release the locks of the
    database.
    """
    for path in FDS.iterdir():
        descriptor = int(path.name)
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            handle = socket.socket(fileno=descriptor)
            try:
                if handle.family in (socket.AF_INET, socket.AF_INET6) and handle.getsockname()[1] == port:
                    yield handle
            finally:
                handle.detach()


def limit_unsent_bytes(port: int) -> bool:
    """Let the kernel keep few bytes of a connection that its client has no room for.

    Otherwise it took 850 kB for each client that reads nothing (tcp(7), TCP_NOTSENT_LOWAT). Bytes on their
    way to a client do not count, so a slow network is no slower. Return whether this process listens at
    `port`: the connections that it accepts have the options of the listening socket.
    """
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    is_listening = False
    for handle in _sockets(port):
        if option is not None:
            handle.setsockopt(socket.IPPROTO_TCP, option, MAX_UNSENT_BYTES)
        is_listening |= bool(handle.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    return is_listening


def close(connection: Connection) -> None:
    """End a connection. The server sees an error, and closes the descriptor."""
    with suppress(OSError):
        if os.fstat(connection.descriptor).st_ino != connection.inode:
            return
        handle = socket.socket(fileno=connection.descriptor)
        try:
            # Without this, the kernel would keep what the client does not read.
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
            handle.shutdown(socket.SHUT_RDWR)
        finally:
            handle.detach()
