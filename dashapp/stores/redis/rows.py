"""The newest rows in Redis, as sealing takes the oldest away."""

from __future__ import annotations

from dashapp.stores.redis.lease import Turn


class RedisRows:
    """Raises what `turn` does."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._ids: list[bytes] = []

    def oldest(self, limit: int) -> list[str]:
        """The first `limit` rows, oldest first."""
        found = self._turn.link.client.xrange(self._turn.keys.ticks, count=limit)
        if len(found) > 1 or not self._ids:
            self._ids = [each for each, _fields in found]
        return [fields.get(b"d", b"").decode(errors="replace") for _id, fields in found]

    def drop(self, count: int) -> None:
        """Forget the `count` oldest of those that were last read."""
        if 0 < count <= len(self._ids):
            time, _, number = self._ids[count - 1].partition(b"-")
            first = f"{time.decode()}-{int(number) + 1}"
            self._turn.together(("XTRIM", self._turn.keys.ticks, "MINID", first))
        self._ids = []
