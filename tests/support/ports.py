"""Reserved ports of 127.0.0.1 for programs that need a port number.

They are below the ephemeral range of the system. So neither a server on port 0 nor an outgoing connection
takes one before the test uses it. Each process has its own block of ports.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import cycle

# Browsers block port 10080 and no port above it.
FIRST, BLOCK, BLOCKS = 10_100, 150, 40
# A cluster node also uses a second port at this distance from its first.
NEIGHBOUR = 10_000


def free_port(*, neighbour: bool = False) -> int:
    """Return a free port; with `neighbour`, the second port of a cluster node is free as well."""
    return next(
        port
        for port in _own
        if port not in _released and _is_free(port) and not (neighbour and not _is_free(port + NEIGHBOUR))
    )


def server_port() -> int:
    """Return the port released last: a browser has compiled the scripts of its address."""
    return _released.pop() if _released else free_port()


def release(port: int) -> None:
    """Leave the port of a closed server to the next `server_port`."""
    _released.append(port)


def _block() -> Iterator[int]:
    """Yield the ports of a block; this process keeps the first one bound to reserve the others."""
    for first in range(FIRST, FIRST + BLOCK * BLOCKS, BLOCK):
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.1", first))
        except OSError:
            guard.close()
            continue
        guard.detach()
        # Cycle through them, so that a port that was just released is reused last.
        yield from cycle(range(first + 1, first + BLOCK))
    raise AssertionError(f"all blocks of ports from {FIRST} on are taken")


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe, suppress(OSError):
        # A connection that was closed a moment ago does not prevent a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


_own = _block()
_released: list[int] = []
