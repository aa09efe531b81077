"""Blocks: many points as compressed columns in a few bytes. This is the writing side, without numpy.

Layout: `dB1`, one byte of version, crc32 and length of the header; the header, JSON in zlib; the columns.
A column of numbers with at most six decimals goes in as whole numbers: times a power of ten, over their
greatest common divisor, as they are or as differences, in as few bytes as hold them, low bytes first, then
zlib. Anything else goes in as doubles. Nothing is rounded.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from array import array
from collections.abc import Mapping, Sequence
from operator import sub
from typing import Any

MAGIC = b"dB1\x01"
HEADER_STRUCT = struct.Struct("<4sII")
MAX_DECIMALS = 6
MAX_FACTOR = 10**MAX_DECIMALS
COMPRESSION_LEVEL = 6

# What a column's entry in the header means, in order; see `_encode_column`.
FIELDS = ("count", "decimals", "factor", "first", "width", "differences", "offset", "length", "mask")


def encode_block(
    axis: Mapping[str, Sequence[float]], parts: Mapping[str, Mapping[str, Sequence[float | None]]]
) -> bytes:
    """A block of columns that are all of one length.

    `axis` holds what every metric shares (`t` in epoch milliseconds, `step` in seconds); `parts` holds
    `total`, and for rolled-up points `low`, `high` and `count`, each by metric key, None for no value.
    """
    body = bytearray()
    header: dict[str, Any] = {"length": len(axis["t"]), "start": axis["t"][0], "end": axis["t"][-1]}
    header["axis"] = {name: _encode_column(column, body) for name, column in axis.items()}
    header["parts"] = {
        part: {key: _encode_column(column, body) for key, column in columns.items()}
        for part, columns in parts.items()
    }
    packed = zlib.compress(json.dumps(header, separators=(",", ":")).encode(), COMPRESSION_LEVEL)
    return HEADER_STRUCT.pack(MAGIC, zlib.crc32(packed), len(packed)) + packed + bytes(body)


def read_header(block: bytes) -> tuple[dict[str, Any], int]:
    """The header, and where the columns begin. ValueError where the block is damaged."""
    try:
        magic, crc, length = HEADER_STRUCT.unpack_from(block)
        packed = block[HEADER_STRUCT.size : HEADER_STRUCT.size + length]
        if magic != MAGIC or zlib.crc32(packed) != crc:
            raise ValueError("not a block")
        header: dict[str, Any] = json.loads(zlib.decompress(packed))
    except (struct.error, zlib.error) as error:
        raise ValueError(f"a damaged block: {error}") from error
    return header, HEADER_STRUCT.size + length


def _encode_column(values: Sequence[float | None], body: bytearray) -> list[Any]:
    """Put a column at the end of `body`; its entry for the header, as FIELDS names it."""
    present = [value for value in values if value is not None]
    mask = None
    if len(present) != len(values):
        packed = zlib.compress(bytes(value is not None for value in values), COMPRESSION_LEVEL)
        mask = [len(body), len(packed)]
        body += packed
    entry = _pack_values(present)
    data = entry.pop()
    place = [len(body), len(data)]
    body += data
    return [len(present), *entry, *place, mask]


def _pack_values(values: Sequence[float]) -> list[Any]:
    """decimals, factor, first, width, differences, data."""
    if not values:
        return [0, 1, 0, 0, 0, b""]
    whole = _as_integers(values)
    if whole is None:
        data = array("d", values).tobytes()
        return [-1, 1, 0, 8, 0, zlib.compress(_shuffle_bytes(data, 8), COMPRESSION_LEVEL)]
    decimals, numbers = whole
    first = numbers[0]
    if numbers.count(first) == len(numbers):
        return [decimals, 1, first, 0, 0, b""]
    shifted = [number - first for number in numbers]
    factor = math.gcd(*shifted)
    if factor > 1:
        shifted = [number // factor for number in shifted]
    plain = _compress_integers(shifted)
    steps = _compress_integers([0, *map(sub, shifted[1:], shifted)])
    differences = len(steps[1]) < len(plain[1])
    width, data = steps if differences else plain
    return [decimals, factor, first, width, int(differences), data]


def _as_integers(values: Sequence[float]) -> tuple[int, list[int]] | None:
    """The fewest decimals with which every value is a whole number, and those; None where it takes more."""
    # Most columns that take more are known by their first value, without a try of every length. Where it is
    # too large for a double to tell, all are tried.
    finest = values[0] * MAX_FACTOR
    if abs(finest) < 1 << 50 and round(finest) / MAX_FACTOR != values[0]:
        return None
    for decimals in range(MAX_DECIMALS + 1):
        scale = 10**decimals
        numbers = [round(value * scale) for value in values]
        # Beyond 2**53 a double skips whole numbers, and the reader could not give the same one back.
        if max(map(abs, numbers)) >= 1 << 53:
            return None
        if all(number / scale == value for number, value in zip(numbers, values, strict=True)):
            return decimals, numbers
    return None


def _compress_integers(numbers: list[int]) -> tuple[int, bytes]:
    """Width in bytes and compressed bytes of whole numbers."""
    reach = max(max(numbers), -min(numbers) - 1)
    for width, code in ((1, "b"), (2, "h"), (4, "i"), (8, "q")):
        if reach < 1 << (8 * width - 1):
            return width, zlib.compress(
                _shuffle_bytes(array(code, numbers).tobytes(), width), COMPRESSION_LEVEL
            )
    raise OverflowError("a whole number past 64 bits")  # cannot be: differences of 53-bit numbers


def _shuffle_bytes(data: bytes, width: int) -> bytes:
    """All first bytes, then all second bytes, and so on: the high ones are alike, and compress away."""
    return data if width == 1 else b"".join(data[place::width] for place in range(width))
