"""Access control that all machines share through one Redis.

It holds the secret of sessions, the ended ones, and the login attempts. Each is one key, with a bounded size.
If Redis does not respond, each machine counts by itself.
"""

from __future__ import annotations

from dashapp.stores.access import (
    ATTEMPT_WINDOW_S,
    DIGEST_BYTES,
    ENDED_TTL_S,
    MAX_ATTEMPTS,
    MAX_ENDED_SESSIONS,
    SECRET_BYTES,
)
from dashapp.stores.redis.client import Connection, RedisClient
from dashapp.stores.redis.keys import (
    ATTEMPTS_KEY,
    COUNT_ATTEMPT_SCRIPT,
    END_SESSION_SCRIPT,
    ENDED_KEY,
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

    def end_session(self, digest: bytes) -> None:
        def end(redis: Connection) -> object:
            return redis.eval(END_SESSION_SCRIPT, 1, ENDED_KEY, digest, MAX_ENDED_SESSIONS, ENDED_TTL_S)

        self._client.call(end, None)

    def ended_sessions(self) -> list[bytes]:
        def read(redis: Connection) -> list[bytes]:
            return list(redis.zrange(ENDED_KEY, -MAX_ENDED_SESSIONS, -1))

        nothing: list[bytes] = []
        return [each for each in self._client.call(read, nothing) if len(each) == DIGEST_BYTES]
