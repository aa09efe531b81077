"""Documents and notices in Redis, as the fields of one hash.

Another field is a version that rises with each change. A failed write is repeated in the next round.
"""

from __future__ import annotations

from threading import Lock

from dashapp.stores.redis.lease import RedisArg, WriterLease

NOTICE_PREFIX = "notice."
VERSION_FIELD = "mark"


class RedisDocuments:
    """The writing side. Any thread may call `put`; one thread writes."""

    def __init__(self, lease: WriterLease) -> None:
        self._lease = lease
        self._lock = Lock()
        self._texts: dict[str, str] = {}
        self._waiting: set[str] = set()

    def put(self, name: str, text: str) -> None:
        with self._lock:
            self._texts[name] = text
            self._waiting.add(name)

    def text(self, name: str) -> str | None:
        """Return the text that `put` received last, which Redis may not have yet; None without one."""
        with self._lock:
            return self._texts.get(name)

    def rewrite_all(self) -> None:
        """Write all of them again, because Redis lost them."""
        with self._lock:
            self._waiting.update(self._texts)

    def check(self) -> None:
        """Write all again if a Redis that evicts dropped the hash and kept the stream."""
        with self._lock:
            count = len(self._texts)
        # The version is one more field.
        if count and self._lease.client.connection.hlen(self._lease.keys.documents) < count + 1:
            self.rewrite_all()

    def write(self) -> None:
        with self._lock:
            names = [*self._waiting]
            arguments: list[RedisArg] = [argument for name in names for argument in (name, self._texts[name])]
            self._waiting.clear()
        if not names:
            return
        key = self._lease.keys.documents
        try:
            self._lease.run_commands(("HSET", key, *arguments), ("HINCRBY", key, VERSION_FIELD, 1))
        except BaseException:
            with self._lock:
                self._waiting.update(names)
            raise
