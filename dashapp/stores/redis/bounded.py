"""Reads that stay small, whatever another program has written to the same Redis.

A script in Redis replaces texts that are too long by empty ones, so they never reach this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashapp.stores.redis.client import Connection
from dashapp.stores.redis.keys import READ_ENTRIES_SCRIPT, READ_SCRIPT

# Maximum bytes of one text, such as a block, and of a reply: ours have less.
MAX_TEXT_BYTES, MAX_REPLY_BYTES = 8 << 20, 32 << 20
# Maximum bytes of a document or a row, and of all documents of a host. Objects of Python need 25 times as
# much, for example for empty lists.
MAX_DOCUMENT_BYTES, MAX_DOCUMENTS_BYTES = 4 << 20, 16 << 20
# Maximum fields of the documents of a host, whose notices have a field each.
MAX_FIELDS = 100
# Maximum hosts in the registry, bytes of the entry of one, and of all.
MAX_HOSTS, MAX_HOST_BYTES, MAX_REGISTRY_BYTES = 10_000, 4096, 8 << 20

StreamEntry = tuple[bytes, dict[bytes, bytes]]


def read_bounded(connection: Connection, key: str, command: str, *arguments: object) -> tuple[Any, int]:
    """Return the reply of a command that reads a key, and how many texts were too long for it."""
    dropped, reply = connection.eval(
        READ_SCRIPT, 1, key, MAX_TEXT_BYTES, MAX_REPLY_BYTES, command, *arguments
    )
    return reply, dropped


def read_entries(
    connection: Connection, key: str, command: str, start: str, end: str, limit: int
) -> tuple[list[StreamEntry], int]:
    """Return entries of a stream, and how many texts were too long for the reply."""
    limits = (MAX_TEXT_BYTES, MAX_REPLY_BYTES)
    dropped, reply = connection.eval(READ_ENTRIES_SCRIPT, 1, key, *limits, command, start, end, limit)
    return stream_entries(reply), dropped


def stream_entries(reply: Sequence[Any]) -> list[StreamEntry]:
    """Return the entries of a stream, without those that the limit of a reply has emptied."""
    return [
        (entry_id, dict(zip(fields[::2], fields[1::2], strict=False)))
        for entry_id, fields in reply
        if entry_id
    ]
