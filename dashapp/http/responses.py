"""An answer: JSON, packed and tagged once for all who get it, and who else may keep it. Knows no question.

The same bytes have the same tag in every process, so a cache in front can ask whether its own are still good.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Hashable
from threading import Lock
from typing import NamedTuple

import orjson

from dashapp.model.ticks import Cursor

# Bytes from which an answer goes out compressed.
PACK_FROM = 1000
PACKED = (("content-encoding", "gzip"), ("vary", "accept-encoding"))
NEVER = "no-store"
PRIVATE = "private, no-store"
# For whoever stands between us and many viewers: one of them asks for all, a second long. Not for their
# browsers, which ask for something else a second later.
SHARED = "public, max-age=0, s-maxage=1"

# What an answer is about: its path, its query and whatever else goes into it.
Key = tuple[Hashable, ...]
Headers = tuple[tuple[str, str], ...]


class Answer(NamedTuple):
    """`packed` is the body in gzip, None where it is too small to gain by it; each with its headers."""

    status: str
    body: bytes
    packed: bytes | None
    tag: str
    headers: Headers
    packed_headers: Headers


def json(value: object) -> bytes:
    # orjson writes numpy's columns ten times as fast as the standard library lists, and NaN as null.
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def failure(sentence: str) -> bytes:
    # What was sent may hold half a character, which no answer can carry.
    return json({"error": sentence.encode("utf-8", "replace").decode()})


def unchanged(headers: Headers) -> Headers:
    """The headers for who has the answer already."""
    return tuple(each for each in headers if not each[0].startswith("content-"))


def packed(status: str, body: bytes, caching: str = NEVER) -> Answer:
    """`caching`: who may keep it, as a Cache-Control header says it."""
    tag = f'"{urlsafe_b64encode(hashlib.blake2b(body, digest_size=6).digest()).decode()}"'
    shared: Headers = (("cache-control", caching),)
    if status.startswith("200"):
        # A body that says no is about the question, not worth asking after.
        shared += (("etag", tag),)
    kind = ("content-type", "application/json")
    if len(body) < PACK_FROM:
        headers = (kind, ("content-length", str(len(body))), *shared)
        return Answer(status, body, None, tag, headers, headers)
    packer = zlib.compressobj(1, wbits=31)  # gzip, and fast: columns of numbers gain little from more
    small = packer.compress(body) + packer.flush()
    plain = (kind, ("content-length", str(len(body))), *shared, PACKED[1])
    return Answer(
        status,
        body,
        small,
        tag,
        plain,
        (
            kind,
            ("content-length", str(len(small))),
            *(("etag", f'{tag[:-1]}-z"') if name == "etag" else (name, text) for name, text in shared),
            *PACKED,
        ),
    )


class Answers:
    """What was answered about one newest tick, in one of its seconds."""

    def __init__(self, asked_of: Cursor, beat: int) -> None:
        self.asked_of = asked_of
        self.beat = beat
        self.known: dict[Key, Answer] = {}
        self.building: dict[Key, Lock] = {}
        self.size = 0
