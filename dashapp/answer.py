"""An answer: JSON, packed once for all who get it. Knows no question."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

# Bytes from which an answer goes out compressed.
PACK_FROM = 1000
PACKED = (("content-encoding", "gzip"), ("vary", "accept-encoding"))


class Answer(NamedTuple):
    """`packed` is the body in gzip, None where it is too small to gain by it."""

    status: str
    body: bytes
    packed: bytes | None


def json(value: object) -> bytes:
    # orjson writes numpy's columns ten times as fast as the standard library lists, and NaN as null.
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def failure(sentence: str) -> bytes:
    return json({"error": sentence})


def packed(status: str, body: bytes) -> Answer:
    if len(body) < PACK_FROM:
        return Answer(status, body, None)
    packer = zlib.compressobj(1, wbits=31)  # gzip, and fast: columns of numbers gain little from more
    return Answer(status, body, packer.compress(body) + packer.flush())


def send(
    start_response: Callable[..., Any], status: str, body: bytes, more: Sequence[tuple[str, str]] = ()
) -> list[bytes]:
    """A WSGI answer that nobody keeps."""
    start_response(
        status,
        [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("cache-control", "no-store"),
            *more,
        ],
    )
    return [body]
