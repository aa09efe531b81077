"""The secret of sessions, and the login attempts, of all machines that share one Redis.

Both are one key each, with a bounded size. If Redis does not respond, each machine counts by itself.
"""

from __future__ import annotations

from dashapp.stores.access import ATTEMPT_WINDOW_S, MAX_ATTEMPTS, SECRET_BYTES
from dashapp.stores.redis.client import Connection, RedisClient
from dashapp.stores.redis.keys import (
    ATTEMPTS_KEY,
    COUNT_ATTEMPT_SCRIPT,
    FORGET_ATTEMPT_SCRIPT,
    READ_OR_CREATE_SCRIPT,
    SECRET_KEY,
)


class RedisAccess:
    """Implements SharedAccess."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    def secret(self, proposal: bytes) -> bytes | None:
        def read(redis: Connection) -> bytes | None:
            secret = redis.eval(READ_OR_CREATE_SCRIPT, 1, SECRET_KEY, proposal)
            return secret if isinstance(secret, bytes) and len(secret) == SECRET_BYTES else None

        return self._client.call(read, None)

    def count_attempt(self, slot: int) -> int | None:
        def count(redis: Connection) -> int | None:
            window_ms = round(1000 * ATTEMPT_WINDOW_S)
            wait_ms = redis.eval(COUNT_ATTEMPT_SCRIPT, 1, ATTEMPTS_KEY, slot, MAX_ATTEMPTS, window_ms)
            return -(-int(wait_ms) // 1000)

        return self._client.call(count, None)

    def forget_attempt(self, slot: int) -> None:
        def forget(redis: Connection) -> object:
            return redis.eval(FORGET_ATTEMPT_SCRIPT, 1, ATTEMPTS_KEY, slot)

        self._client.call(forget, None)
