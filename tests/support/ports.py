"""Ports of 127.0.0.1 for programs that take a number only: nobody else gets one that was given out here.

They lie below those that a system gives to whoever asks for any, so that neither a server on port 0 nor an
outgoing connection takes one between the question and its use. Each process has a block of them to itself.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import cycle

# A browser refuses 10080, and goes to all from there on.
FIRST, BLOCK, BLOCKS = 10_100, 150, 40
# A node of a cluster takes a second port as well, so far from its first.
NEIGHBOUR = 10_000


def free_port(*, neighbour: bool = False) -> int:
    """One where nobody listens. `neighbour`: nor does anybody at the port that a cluster's node adds."""
    return next(
        port for port in _own if _is_free(port) and not (neighbour and not _is_free(port + NEIGHBOUR))
    )


def _block() -> Iterator[int]:
    """The ports of a block. Its first is held as long as this process lives and keeps others off the rest."""
    for first in range(FIRST, FIRST + BLOCK * BLOCKS, BLOCK):
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.1", first))
        except OSError:
            guard.close()
            continue
        guard.detach()
        # In turn, so that a port that was just left is the last to be given out again.
        yield from cycle(range(first + 1, first + BLOCK))
    raise AssertionError(f"all blocks of ports from {FIRST} on are taken")


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe, suppress(OSError):
        # What was closed a moment ago hinders no server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


_own = _block()
