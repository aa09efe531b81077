"""The archive in Redis: rows in a sorted set by time, blocks in a hash, ends in another set.

The text of an end ("start:end:bytes") saves a reader from fetching the block. Blocks never change, so a
reader caches them for a while. Rows are trimmed once a block holds them.
"""

from __future__ import annotations

import secrets
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from dashapp.model.ticks import MAX_EPOCH_MS
from dashapp.stores.base import row_time_ms
from dashapp.stores.history.span import block_start_ms
from dashapp.stores.redis.bounded import MAX_REPLY_BYTES, MAX_TEXT_BYTES, read_bounded
from dashapp.stores.redis.client import Connection, RedisClient
from dashapp.stores.redis.keys import READ_SCRIPT, Keys
from dashapp.stores.redis.lease import RedisArg, WriterLease

# Rows per command: a script has room for some thousand arguments.
BATCH_ROWS = 500
# Bytes of blocks that a reader caches per level, and seconds for which it caches their ends.
MAX_CACHED_BYTES, CACHE_TTL_S = 8 << 20, 1.0
# Before each time of the monotonic clock.
NEVER = float("-inf")

# Rows per read, and most reads: a level has a row for each point that is in no block yet. Blocks of a level,
# and blocks per read.
ROWS_PER_READ, MAX_READS, MAX_BLOCKS, BLOCKS_PER_READ = 64, 500, 100_000, 4

BlockEnd = tuple[int, int, int]
Command = tuple[RedisArg, ...]
Item = TypeVar("Item")


def _batches(items: Sequence[Item]) -> list[Sequence[Item]]:
    return [items[start : start + BATCH_ROWS] for start in range(0, len(items), BATCH_ROWS)]


class _LevelKeys:
    def __init__(self, keys: Keys, level: str) -> None:
        self.rows, self.ends, self.blocks = (
            keys.of(f"{level}.{part}") for part in ("rows", "ends", "blocks")
        )


class RedisBlockStorage:
    """The writing side. Raises the errors of `lease`."""

    def __init__(self, lease: WriterLease, level: str) -> None:
        self._lease = lease
        self._keys = _LevelKeys(lease.keys, level)

    def rows(self, after_ms: int, limit: int) -> Sequence[tuple[int, object]]:
        rows = self._lease.client.connection.zrangebyscore(
            self._keys.rows, f"({after_ms}", "+inf", start=0, num=limit, withscores=True
        )
        return [(int(time_ms), row.decode(errors="replace")) for row, time_ms in rows]

    def newest_block(self) -> int:
        newest = self._ends(-1, -1)
        return newest[0][1] if newest else 0

    def oldest_block(self) -> int | None:
        oldest = self._ends(0, 0)
        return oldest[0][1] if oldest else None

    def add(self, rows: Sequence[tuple[int, str]], flush: bool = True) -> None:
        self._lease.run_commands(*self._add_rows(rows))

    def discard(self, time_ms: int) -> None:
        self._lease.run_commands(("ZREMRANGEBYSCORE", self._keys.rows, time_ms, time_ms))

    def ends(self) -> list[int]:
        return [end for _start, end, _size in self._ends(0, -1)]

    def block(self, end_ms: int) -> bytes:
        block, _ = read_bounded(self._lease.client.connection, self._keys.blocks, "HGET", end_ms)
        return block or b""

    def put(self, block: bytes | None, start_ms: int, end_ms: int) -> None:
        commands: list[Command] = [("ZREMRANGEBYSCORE", self._keys.rows, "-inf", end_ms)]
        if block is not None:
            commands += self._put_block(block, start_ms, end_ms)
        self._lease.run_commands(*commands)

    def drop_block(self, end_ms: int) -> None:
        self._lease.run_commands(*self._drop_block(end_ms))

    def replace_newest(
        self, block_ms: int, row_ms: int, block: tuple[bytes, int] | None, rows: Sequence[tuple[int, str]]
    ) -> None:
        commands: list[Command] = []
        for end_ms in self.ends():
            if end_ms > block_ms:
                commands += self._drop_block(end_ms)
        if block is not None:
            data, end_ms = block
            commands += self._put_block(data, block_start_ms(data, end_ms), end_ms)
        commands.append(("ZREMRANGEBYSCORE", self._keys.rows, f"({row_ms}", "+inf"))
        self._lease.run_commands(*commands, *self._add_rows(rows))

    def drop_oldest(self) -> bool:
        oldest = self._ends(0, 0)
        if oldest:
            self._lease.run_commands(*self._drop_block(oldest[0][1]))
        return bool(oldest)

    def size(self) -> int:
        """Return the bytes of the blocks alone, because rows are few."""
        return sum(size for _start, _end, size in self._ends(0, -1))

    def close(self) -> None: ...

    def _add_rows(self, rows: Sequence[tuple[int, str]]) -> list[Command]:
        return [
            ("ZADD", self._keys.rows, *(argument for pair in batch for argument in pair))
            for batch in _batches(rows)
        ]

    def _put_block(self, block: bytes, start_ms: int, end_ms: int) -> list[Command]:
        return [
            ("HSET", self._keys.blocks, end_ms, block),
            ("ZREMRANGEBYSCORE", self._keys.ends, end_ms, end_ms),
            ("ZADD", self._keys.ends, end_ms, f"{start_ms}:{end_ms}:{len(block)}"),
        ]

    def _drop_block(self, end_ms: int) -> list[Command]:
        return [("HDEL", self._keys.blocks, end_ms), ("ZREMRANGEBYSCORE", self._keys.ends, end_ms, end_ms)]

    def _ends(self, first: int, last: int) -> list[BlockEnd]:
        return _parse_ends(self._lease.client.connection.zrange(self._keys.ends, first, last))


class RedisBlockReader:
    """The reading side of a level, whose blocks span at most `span_ms`."""

    def __init__(self, client: RedisClient, keys: Keys, level: str, span_ms: int) -> None:
        self._client = client
        self._keys = _LevelKeys(keys, level)
        self._span_ms = span_ms
        self._ends_cache: list[BlockEnd] = []
        self._row_times: tuple[int, int] | None = None
        self._checked = NEVER
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def oldest(self) -> int | None:
        self._refresh_ends()
        if ends := self._ends_cache:
            return ends[0][0]
        return self._row_times[0] if self._row_times else None

    def newest(self) -> int:
        self._refresh_ends()
        ends = self._ends_cache
        newest = ends[-1][1] if ends else 0
        return max(newest, self._row_times[1]) if self._row_times else newest

    def rows(self, start: int, end: int) -> Sequence[object]:
        def read(redis: Connection) -> list[object]:
            found: list[object] = []
            # By time and not by number: rows that move into a block meanwhile change the numbers.
            after: object = start
            for _number in range(MAX_READS):
                limits = ("WITHSCORES", "LIMIT", 0, ROWS_PER_READ)
                reply, _ = read_bounded(redis, self._keys.rows, "ZRANGEBYSCORE", f"({after}", end, *limits)
                pairs = list(zip(reply[::2], reply[1::2], strict=True))
                for number, (row, time_ms) in enumerate(pairs):
                    if not row and number:
                        # The reply has no room for it. If it is the first one, the row itself is too long.
                        break
                    after = time_ms.decode()
                    if row:
                        found.append(row)
                else:
                    if len(pairs) < ROWS_PER_READ:
                        break
            return found

        rows: list[object] = []
        return self._client.read(read, rows)

    def blocks(self, start: int, end: int) -> Sequence[object]:
        # Another thread may replace the list meanwhile.
        cache = self._ends_cache
        if not cache or end > cache[-1][1]:
            # Points that have left the log or the rows since the last list are in a newer block.
            cache = self._fetch_ends()
        first = bisect_right(cache, start, key=lambda block_end: block_end[1])
        ends = [block_end for begin, block_end, _size in cache[first:] if begin <= end]
        blocks = self._blocks
        missing = [block_end for block_end in ends if block_end not in blocks]
        if missing:
            none: list[bytes | None] = [None] * len(missing)
            fetched = self._client.read(lambda redis: self._fetch_blocks(redis, missing), none)
            found = {key: block for key, block in zip(missing, fetched, strict=True) if block is not None}
            blocks = blocks | found
            self._cache_blocks(blocks)
        return [blocks[block_end] for block_end in ends if block_end in blocks]

    def _fetch_blocks(self, redis: Connection, ends: Sequence[int]) -> list[bytes | None]:
        blocks: list[bytes | None] = []
        for start in range(0, len(ends), BLOCKS_PER_READ):
            reply, _ = read_bounded(redis, self._keys.blocks, "HMGET", *ends[start : start + BLOCKS_PER_READ])
            blocks += reply
        return blocks

    def _cache_blocks(self, blocks: OrderedDict[int, bytes]) -> None:
        cache = blocks.copy()
        free_bytes = MAX_CACHED_BYTES - sum(map(len, cache.values()))
        while free_bytes < 0:
            free_bytes += len(cache.popitem(last=False)[1])
        self._blocks = cache

    def _refresh_ends(self) -> None:
        if time.monotonic() - self._checked >= CACHE_TTL_S:
            # An older list decides from which level a response reads. It leaves out no point.
            self._fetch_ends(is_needed=self._checked == NEVER)

    def _fetch_ends(self, *, is_needed: bool = True) -> list[BlockEnd]:
        """Fetch the list of blocks. If Redis does not answer, return the old list.

        `is_needed`: whether a response lacks data without it.
        """
        asked_at = time.monotonic()
        ends = self._ends_cache
        since = f"({ends[-1][1]}" if ends else "-inf"

        def fetch(connection: Connection) -> list[BlockEnd]:
            pipe = connection.pipeline(transaction=False)
            for key, *command in (
                (self._keys.ends, "ZRANGE", 0, 0),
                (self._keys.ends, "ZRANGEBYSCORE", since, "+inf", "LIMIT", 0, MAX_BLOCKS),
                (self._keys.rows, "ZRANGE", 0, 0, "WITHSCORES"),
                (self._keys.rows, "ZRANGE", -1, -1, "WITHSCORES"),
            ):
                limits = (MAX_TEXT_BYTES, MAX_REPLY_BYTES)
                pipe.execute_command("EVAL", READ_SCRIPT, 1, key, *limits, *command)
            oldest, later, first, last = (reply for _dropped, reply in pipe.execute())
            oldest_ends = _parse_ends(oldest)
            oldest_end = oldest_ends[0][1] if oldest_ends else 1 << 62
            current = [end for end in ends if end[1] >= oldest_end] + _parse_ends(later)
            self._ends_cache = current[-MAX_BLOCKS:]
            times = [int(float(reply[1])) for reply in (first, last) if reply]
            is_valid = len(times) == 2 and all(0 <= each <= MAX_EPOCH_MS for each in times)
            self._row_times = (times[0], times[1]) if is_valid else None
            self._checked = asked_at
            return current

        return self._client.read(fetch, ends) if is_needed else self._client.call(fetch, ends)


def _parse_ends(members: Sequence[bytes]) -> list[BlockEnd]:
    """Return the ends of blocks. Members that another program has written are left out."""
    ends = []
    for member in members:
        with suppress(ValueError):
            start, end, size = map(int, member.split(b":"))
            if 0 <= start <= end <= MAX_EPOCH_MS:
                ends.append((start, end, size))
    return ends


class RedisJournal:
    """The journal of a Rewinder. Raises the errors of `lease`."""

    def __init__(self, lease: WriterLease) -> None:
        self._lease = lease
        self._key = lease.keys.of("rewind")

    def read(self) -> str:
        text: bytes | None = self._lease.client.connection.get(self._key)
        return (text or b"").decode(errors="replace")

    def write(self, text: str) -> None:
        self._lease.run_commands(("SET", self._key, text) if text else ("DEL", self._key))


class RedisRowSource:
    """The rows of the stream; positions are their IDs. Raises the errors of `lease`."""

    def __init__(self, lease: WriterLease) -> None:
        self._lease = lease

    def read(self, after: str | None, limit: int) -> list[tuple[str, object]]:
        entries = self._lease.client.connection.xrange(
            self._lease.keys.ticks, min="-" if after is None else f"({after}", count=limit
        )
        return [
            (entry_id.decode(), fields.get(b"d", b"").decode(errors="replace"))
            for entry_id, fields in entries
        ]

    def drop(self, until: str) -> None:
        time, _, number = until.partition("-")
        self._lease.run_commands(("XTRIM", self._lease.keys.ticks, "MINID", f"{time}-{int(number) + 1}"))

    def replace_end(self, after: str | None, rows: Iterable[str]) -> None:
        """Replace the rows after a position (None: all) by others, and begin a new generation."""
        key = self._lease.keys.ticks
        ids: list[RedisArg] = []
        while entries := self.read(str(ids[-1]) if ids else after, BATCH_ROWS):
            ids += [entry_id for entry_id, _row in entries]
        commands: list[Command] = [("XDEL", key, *batch) for batch in _batches(ids)]
        commands += [("XADD", key, "*", "t", row_time_ms(row), "d", row) for row in rows]
        self._lease.run_commands(*commands, ("SET", self._lease.keys.generation, secrets.token_hex(8)))
