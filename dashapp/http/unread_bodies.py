"""Limits the memory of responses that slow clients have not read yet.

The server granian copies a whole body, and some parts of one in parts. So a body is sent in small parts, each
when the client has read those before it. All clients of one response share its bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

# A body of at most this size is sent as a whole.
MAX_SMALL_BYTES = 16 << 10
PART_BYTES = 2 << 10
# Bytes of all bodies above MAX_SMALL_BYTES that clients are reading, in a process. A body of several clients
# counts once, and each client counts for the parts that the server keeps.
MAX_UNREAD_BYTES, CLIENT_BYTES = 64 << 20, 64 << 10
# Seconds until a client has read a body.
MAX_BODY_S = 300.0


class StalledClientError(Exception):
    """A client does not read. The server closes the connection of a response without an end."""


def parts_of(body: bytes) -> Iterator[bytes]:
    """Yield a body in parts."""
    view = memoryview(body)
    for start in range(0, len(view), PART_BYTES):
        yield bytes(view[start : start + PART_BYTES])


class UnreadBodies:
    """The bodies that clients are reading. Only the event loop uses it."""

    def __init__(self, max_bytes: int = MAX_UNREAD_BYTES, client_bytes: int = CLIENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._client_bytes = client_bytes
        self._size = 0
        # The oldest first.
        self._bodies: dict[asyncio.Timeout, bytes] = {}
        # By the identity of a body.
        self._reader_counts: dict[int, int] = {}

    @asynccontextmanager
    async def hold(self, body: bytes) -> AsyncIterator[None]:
        """Count `body` for the block, which sends it.

        StalledClientError if that takes too long, or if newer bodies need the memory.
        """
        try:
            async with asyncio.timeout(MAX_BODY_S) as deadline:
                self._add(deadline, body)
                try:
                    yield
                finally:
                    self._remove(deadline)
        except TimeoutError:
            raise StalledClientError from None

    def _add(self, deadline: asyncio.Timeout, body: bytes) -> None:
        self._bodies[deadline] = body
        count = self._reader_counts.get(id(body), 0)
        self._reader_counts[id(body)] = count + 1
        self._size += self._client_bytes + (0 if count else len(body))
        while self._size > self._max_bytes and (oldest := self._oldest_but(deadline)) is not None:
            self._remove(oldest)
            oldest.reschedule(asyncio.get_running_loop().time())

    def _oldest_but(self, deadline: asyncio.Timeout) -> asyncio.Timeout | None:
        """Return the oldest of the others, if possible of those that read a body alone."""
        others = (each for each in self._bodies if each is not deadline)
        first = next(others, None)
        if first is None or self._is_alone(first):
            return first
        return next(filter(self._is_alone, others), first)

    def _is_alone(self, deadline: asyncio.Timeout) -> bool:
        return self._reader_counts[id(self._bodies[deadline])] == 1

    def _remove(self, deadline: asyncio.Timeout) -> None:
        body = self._bodies.pop(deadline, None)
        if body is None:
            return
        self._size -= self._client_bytes
        self._reader_counts[id(body)] -= 1
        if not self._reader_counts[id(body)]:
            del self._reader_counts[id(body)]
            self._size -= len(body)
