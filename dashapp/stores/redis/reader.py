"""Reads one host from Redis.

A poll brings the new ticks into memory, so that requests for the newest ticks do not wait. Requests for older
ticks ask Redis, and go without them if it does not answer at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dashapp.model.notices import MAX_NOTICES
from dashapp.model.ticks import MAX_EPOCH_MS, MAX_WEIGHT_S, Cursor, Tick, to_milliseconds
from dashapp.stores.cached_reader import MAX_ROWS_READ, MIN_ROWS_READ, NO_GENERATION, CachedReader
from dashapp.stores.document_kind import Document, Value
from dashapp.stores.documents import DOCUMENTS
from dashapp.stores.history.archive import BlockReader
from dashapp.stores.redis.archive import RedisBlockReader
from dashapp.stores.redis.bounded import (
    MAX_DOCUMENT_BYTES,
    MAX_DOCUMENTS_BYTES,
    MAX_FIELDS,
    StreamEntry,
    read_entries,
    stream_entries,
)
from dashapp.stores.redis.client import Connection, RedisClient, describe_error
from dashapp.stores.redis.documents import NOTICE_PREFIX, VERSION_FIELD
from dashapp.stores.redis.keys import POLL_SCRIPT, Keys, parse_generation

log = logging.getLogger("dashapp")

# Entries in one poll, and their characters in the first one: other hosts wait meanwhile. Bytes of a notice.
MAX_ENTRIES, MAX_FIRST_CHARS, MAX_NOTICE_BYTES = 2048, 8 << 20, 500


class RedisReader(CachedReader):
    """One per process and host, for any number of threads; one of them polls.

    `ready` is called before each access to the newest ticks. `more_notices` returns further notices.
    """

    def __init__(
        self,
        client: RedisClient,
        name: str,
        ready: Callable[[RedisReader], None] | None = None,
        more_notices: Callable[[RedisReader], list[str]] | None = None,
    ) -> None:
        super().__init__()
        self.client = client
        self.name = name
        self.last_request = float("-inf")
        self.loaded = False
        self.last_id = b""
        self.problem = ""
        self._ready = ready
        self._more_notices = more_notices
        self._keys = Keys(name)
        self._fields: Mapping[bytes, bytes] = {}
        self.max_documents_bytes = MAX_DOCUMENTS_BYTES
        self._values: dict[Document[Any], tuple[bytes | None, Any]] = {}
        self._reload_fields = False
        self._max_entries = 0
        self._foreign: set[str] = set()

    # Other processes may be ahead of this one by a poll.
    lag_ms = 2500

    @property
    def is_loaded(self) -> bool:
        return self.loaded

    @property
    def failed_reads(self) -> int:
        return self.client.failed_reads.count

    def newest(self) -> Cursor:
        if self._ready is not None:
            self._ready(self)
        return self.newest_cursor

    def read_document(self, document: Document[Value]) -> Value:
        self.newest()
        text = self._fields.get(document.name.encode())
        cached = self._values.get(document)
        if cached is None or cached[0] is not text:
            found = document.empty() if text is None else document.parse(text)
            self._note_foreign(document.name, found is None)
            self._values[document] = cached = (text, document.empty() if found is None else found)
        value: Value = cached[1]
        return value

    def newest_rows(self) -> Iterator[object]:
        last, limit = "+", MIN_ROWS_READ
        while entries := self._entries_until(last, limit):
            yield from (_row_of_entry(entry) for entry in entries)
            last, limit = _id_before(entries[-1][0]), min(2 * limit, MAX_ROWS_READ)

    def oldest_row(self) -> object:
        entries = self._read_entries("XRANGE", "-", "+", 1)
        return _row_of_entry(entries[0]) if entries else None

    def _entries_until(self, last: str, limit: int) -> list[StreamEntry]:
        """Return the newest entries up to an id, newest first."""
        return self._read_entries("XREVRANGE", last, "-", limit)

    def _read_entries(self, command: str, start: str, end: str, limit: int) -> list[StreamEntry]:
        def read(redis: Connection) -> list[StreamEntry]:
            entries, dropped = read_entries(redis, self._keys.ticks, command, start, end, limit)
            self._note_foreign("ticks", dropped > 0)
            return entries

        no_entries: list[StreamEntry] = []
        return self.client.read(read, no_entries)

    def block_reader(self, level: str, span_ms: int) -> BlockReader:
        return RedisBlockReader(self.client, self._keys, level, span_ms)

    def notices(self) -> list[str]:
        pairs = sorted(pair for pair in self._fields.items() if pair[0].startswith(NOTICE_PREFIX.encode()))
        texts = [" ".join(text[:MAX_NOTICE_BYTES].decode(errors="replace").split()) for _name, text in pairs]
        notices = [text for text in texts if text][:MAX_NOTICES]
        if self.problem:
            notices.append(self.problem)
        if foreign := ", ".join(sorted(self._foreign)):
            notices.append(f"Some data of {self.name} in Redis is not valid and is left out ({foreign}).")
        return (
            notices
            + self.damage_notices()
            + (self._more_notices(self) if self._more_notices is not None else [])
        )

    def close(self) -> None: ...

    def _note_foreign(self, kind: str, found: bool) -> None:
        """Remember that data of this kind is not ours; forget a document once it is valid."""
        if found:
            self._foreign.add(kind)
        elif kind != "ticks":
            self._foreign.discard(kind)

    def set_problem(self, error: Exception) -> None:
        """Show on the page of this host that its keys cannot be read; log it once."""
        problem = f"The data of {self.name} in Redis cannot be read ({describe_error(error)})."
        if problem != self.problem:
            log.warning(problem)
        self.problem = problem

    def release(self) -> None:
        """Drop what is cached of a host without requests. It then has no data until its next poll."""
        self.loaded = False
        with self._lock:
            self._cache.replace([], is_whole=True)
            # With the generation, a page would keep the place of a window that has no ticks.
            self.newest_cursor = Cursor(NO_GENERATION, 0)
            self.last_id, self._max_entries = b"", 0
        self._fields, self._values, self._levels = {}, {}, None
        self._foreign = set()

    def poll(self) -> None:
        """Bring the reader up to date. Raises the errors in FAILURES."""
        for _time in range(3):
            pipe = self.client.connection.pipeline(transaction=False)
            count = self.queue_commands(pipe)
            if not self.handle_results(pipe.execute()[-count:]):
                break

    def queue_commands(self, pipe: Connection) -> int:
        """Add the poll's command to a pipeline, and return the number of its results."""
        keys = self._keys
        if not self.last_id:
            # A few entries first, which show how many of them are enough.
            self._max_entries = self._max_entries or _first_entries()
        # Read the last known entry again: if it is gone, entries after it may be gone too.
        limits = (MAX_DOCUMENT_BYTES, self.max_documents_bytes)
        arguments = (
            self.last_id,
            self._max_entries,
            VERSION_FIELD,
            MAX_FIELDS if self._reload_fields else "",
        )
        key_names = (keys.generation, keys.ticks, keys.documents)
        # A cluster's pipeline has no eval method.
        pipe.execute_command("EVAL", POLL_SCRIPT, 3, *key_names, *limits, *arguments)
        return 1

    def handle_results(self, results: Sequence[Any]) -> bool:
        """Process the results of `queue_commands`; True if it has to poll again at once."""
        for result in results:
            if isinstance(result, Exception):
                raise result
        dropped, is_cut, generation, reply, fields = results[0]
        self._note_foreign("ticks or documents", dropped > 0)
        entries = stream_entries(reply)
        current = parse_generation(generation)
        follows = current == self.newest_cursor.generation and entries and entries[0][0] == self.last_id
        reload = bool(self.last_id) and not (follows and len(reply) < self._max_entries)
        if reload:
            self.last_id, self._max_entries = b"", 0
            if current != self.newest_cursor.generation:
                self._fields = {}
                # Their caches may have blocks that the writer replaced.
                self._levels = self._top_levels = None
        elif self.last_id:
            self._take_ticks(current, entries[1:])
        else:
            is_whole = len(reply) < self._max_entries and not is_cut
            if self._max_entries == _first_entries():
                self._max_entries = _max_entries(entries)
                reload = not (is_whole or is_cut) and self._max_entries > _first_entries()
            if not reload:
                self._take_ticks(current, entries, is_whole)
        if self._reload_fields:
            pairs = zip(fields[::2], fields[1::2], strict=True)
            self._fields = {name: text for name, text in pairs if _is_field(name)}
            self._reload_fields = False
        elif fields != self._fields.get(VERSION_FIELD.encode()):
            self._reload_fields = True
        self.loaded = self.loaded or not (reload or self._reload_fields)
        return reload or self._reload_fields

    def _take_ticks(self, generation: str, entries: Sequence[StreamEntry], is_whole: bool = False) -> None:
        continues = bool(self.last_id)
        if not continues:
            entries = entries[::-1]
        newest = self.newest_cursor.time_ms if continues else 0
        new = []
        for _id, fields in entries:
            try:
                tick = Tick.decode(fields.get(b"d", b""))
                time = to_milliseconds(tick.time)
                is_valid = 0 <= time <= MAX_EPOCH_MS and 0 < tick.step <= MAX_WEIGHT_S
            except ValueError:
                is_valid = False
            if not is_valid:
                self._note_foreign("ticks", True)
            # Ticks that Redis lost and got again have other ids, and are already here.
            elif time > newest:
                new.append(tick)
                newest = time
        if entries:
            self.last_id = entries[-1][0]
        with self._lock:
            if continues:
                self._cache.extend(new)
            else:
                self._cache.replace(new, is_whole)
            self.newest_cursor = Cursor(generation, newest)

    def arrived_ms(self) -> int:
        """Return the arrival of the newest tick by Redis' clock; 0 if there is none."""
        return int(self.last_id.partition(b"-")[0] or 0)

    def step_ms(self) -> int:
        newest = self._cache.newest
        return to_milliseconds(newest.step) if newest else 1000


_FIELDS = frozenset(name.encode() for name in (VERSION_FIELD, *(document.name for document in DOCUMENTS)))


def _is_field(name: bytes) -> bool:
    """Return whether a field is a document or a notice. Another program can add others."""
    return name in _FIELDS or name.startswith(NOTICE_PREFIX.encode())


def _first_entries() -> int:
    return min(MIN_ROWS_READ, MAX_ENTRIES)


def _max_entries(entries: Sequence[StreamEntry]) -> int:
    """Return how many entries of this length a poll reads."""
    chars = sum(len(fields.get(b"d", b"")) for _id, fields in entries)
    fitting = MAX_FIRST_CHARS * len(entries) // chars if chars else MAX_ENTRIES
    return max(_first_entries(), min(MAX_ENTRIES, fitting))


def _row_of_entry(entry: StreamEntry) -> str:
    return entry[1].get(b"d", b"").decode(errors="replace")


def _id_before(entry_id: bytes) -> str:
    """Return the largest id of a stream before this one."""
    time, _, number = entry_id.decode().partition("-")
    return f"{time}-{int(number) - 1}" if int(number) else f"{int(time) - 1}"
