"""Blocks: many points as compressed columns, without numpy.

The collector uses this. `archive_reader` reads blocks faster, with numpy.

Layout: `dB1`, one byte of version, crc32 and length of the header; the header, JSON in zlib; the columns.

Numbers with at most six decimals become integers: multiplied by a power of ten, then divided by their
greatest common divisor. They are written as they are or as differences, in as few bytes as hold them, low
bytes first, then zlib. All other columns are written as doubles. Nothing is rounded.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from operator import sub
from typing import Any

from dashapp.model.text import parse_json

MAGIC = b"dB1\x01"
HEADER_STRUCT = struct.Struct("<4sII")
MAX_DECIMALS = 6
MAX_FACTOR = 10**MAX_DECIMALS
COMPRESSION_LEVEL = 6
# Limits of a block from elsewhere: bytes of its header, and cells of its columns. The rows of a block of ours
# have 4 MB of text, which is a million values.
MAX_HEADER_BYTES, MAX_CELLS = 1 << 24, 1 << 24

# The decoding of a damaged block raises one of these.
DAMAGE_ERRORS = (
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    ZeroDivisionError,
    OverflowError,
    zlib.error,
)

# The codes of `array` by width in bytes.
_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}

# The fields of a column's entry in the header; see `_encode_column`.
FIELDS = ("count", "decimals", "factor", "first", "width", "differences", "offset", "length", "mask")


class BlockEncoder:
    """Encodes columns of the same length as one block, column by column."""

    def __init__(self, axis: Mapping[str, Sequence[float]]) -> None:
        """`axis`: the columns `t` in epoch milliseconds and `step` in seconds."""
        self._body = bytearray()
        self._parts: dict[str, dict[str, list[Any]]] = {}
        self._header: dict[str, Any] = {"length": len(axis["t"]), "start": axis["t"][0], "end": axis["t"][-1]}
        self._header["axis"] = {name: _encode_column(column, self._body) for name, column in axis.items()}
        self._header["parts"] = self._parts

    def add(self, part: str, key: str, values: Sequence[float]) -> None:
        """Add the column of a metric, with NaN for no value.

        The part `total` is required; a rolled-up point has the parts `low`, `high` and `count` too.
        """
        self._parts.setdefault(part, {})[key] = _encode_column(values, self._body)

    def finish(self) -> bytes:
        packed = zlib.compress(json.dumps(self._header, separators=(",", ":")).encode(), COMPRESSION_LEVEL)
        return HEADER_STRUCT.pack(MAGIC, zlib.crc32(packed), len(packed)) + packed + bytes(self._body)


def read_header(block: bytes) -> tuple[dict[str, Any], int]:
    """Return the header and the offset of the columns. ValueError if the block is damaged."""
    try:
        magic, crc, length = HEADER_STRUCT.unpack_from(block)
        packed = block[HEADER_STRUCT.size : HEADER_STRUCT.size + length]
        if magic != MAGIC or zlib.crc32(packed) != crc:
            raise ValueError("not a block")
        header: dict[str, Any] = parse_json(decompress(packed, MAX_HEADER_BYTES))
    except (struct.error, zlib.error, RecursionError) as error:
        raise ValueError(f"a damaged block: {error}") from error
    return header, HEADER_STRUCT.size + length


def decompress(data: bytes, limit: int) -> bytes:
    """Return zlib data of at most `limit` bytes; ValueError if it is longer or cut off."""
    stream = zlib.decompressobj()
    result = stream.decompress(data, limit + 1)
    if len(result) > limit or not stream.eof:
        raise ValueError("compressed data of a block has the wrong length")
    return result


def decode_block(
    block: bytes, keys: Collection[str] | None = None, part_names: Collection[str] | None = None
) -> tuple[dict[str, list[float]], dict[str, dict[str, list[float]]]]:
    """Return axis and parts as BlockEncoder got them. ValueError if the block is damaged.

    `keys`, `part_names`: only these metrics and parts; None for all.
    """
    header, offset = read_header(block)
    body = block[offset:]
    try:
        axis = {name: _decode_column(entry, body) for name, entry in header["axis"].items()}
        parts = {
            part: {
                key: _decode_column(entry, body)
                for key, entry in columns.items()
                if keys is None or key in keys
            }
            for part, columns in header["parts"].items()
            if part_names is None or part in part_names
        }
        lengths = {len(column) for column in axis.values()}
        lengths |= {len(column) for columns in parts.values() for column in columns.values()}
        if lengths != {header["length"]} or axis.keys() != {"t", "step"}:
            raise ValueError("a damaged block: a column of the wrong length")
    except DAMAGE_ERRORS as error:
        raise ValueError(f"a damaged block: {error}") from error
    return axis, parts


def _decode_column(entry: Sequence[Any], body: bytes) -> list[float]:
    """Return one column, with NaN for no value. `entry` is as FIELDS describes."""
    count, decimals, factor, first, width, differences, offset, size, mask = entry
    values: list[float]
    if not (type(count) is int and 0 <= count <= MAX_CELLS):
        raise ValueError("a damaged block: a column of the wrong length")
    if width == 0:
        values = [first / 10**decimals] * count
    else:
        data = decompress(body[offset : offset + size], count * width)
        if len(data) != count * width:
            raise ValueError("a damaged block: a column of the wrong length")
        plain = bytearray(len(data))
        for part in range(width):
            plain[part::width] = data[part * count : (part + 1) * count]
        if decimals < 0:
            values = array("d", bytes(plain)).tolist()
        else:
            numbers: Iterable[int] = array(_CODES[width], bytes(plain))
            if differences:
                numbers = accumulate(numbers)
            values = [(number * factor + first) / 10**decimals for number in numbers]
    if mask is None:
        return values
    flags = decompress(body[mask[0] : mask[0] + mask[1]], MAX_CELLS)
    if flags.count(1) != count:
        raise ValueError("a damaged block: a column of the wrong length")
    present = iter(values)
    return [next(present) if flag else math.nan for flag in flags]


def _encode_column(values: Sequence[float], body: bytearray) -> list[Any]:
    """Append a column to `body`, and return its entry for the header (see FIELDS)."""
    present = [value for value in values if value == value]  # only NaN differs from itself
    mask = None
    if len(present) != len(values):
        packed = zlib.compress(bytes(value == value for value in values), COMPRESSION_LEVEL)
        mask = [len(body), len(packed)]
        body += packed
    entry = _pack_values(present)
    data = entry.pop()
    position = [len(body), len(data)]
    body += data
    return [len(present), *entry, *position, mask]


def _pack_values(values: Sequence[float]) -> list[Any]:
    """Return decimals, factor, first, width, differences and data."""
    if not values:
        return [0, 1, 0, 0, 0, b""]
    scaled = _as_integers(values)
    if scaled is None:
        data = array("d", values).tobytes()
        return [-1, 1, 0, 8, 0, zlib.compress(_shuffle_bytes(data, 8), COMPRESSION_LEVEL)]
    decimals, numbers = scaled
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
    """Return the fewest decimals that make all values integers, and these; None above six."""
    # The first value shows for most columns that they need more decimals. If it is too large for a double to
    # show it, all are tried.
    finest = values[0] * MAX_FACTOR
    if abs(finest) < 1 << 50 and round(finest) / MAX_FACTOR != values[0]:
        return None
    for decimals in range(MAX_DECIMALS + 1):
        scale = 10**decimals
        numbers = [round(value * scale) for value in values]
        # Above 2**53 a double skips integers, and the reader could not return the same one.
        if max(map(abs, numbers)) >= 1 << 53:
            return None
        if all(number / scale == value for number, value in zip(numbers, values, strict=True)):
            return decimals, numbers
    return None


def _compress_integers(numbers: list[int]) -> tuple[int, bytes]:
    """Return the width in bytes and the compressed bytes of integers."""
    reach = max(max(numbers), -min(numbers) - 1)
    for width, code in _CODES.items():
        if reach < 1 << (8 * width - 1):
            return width, zlib.compress(
                _shuffle_bytes(array(code, numbers).tobytes(), width), COMPRESSION_LEVEL
            )
    raise OverflowError("an integer above 64 bits")  # cannot happen: differences of 53-bit numbers


def _shuffle_bytes(data: bytes, width: int) -> bytes:
    """Put all first bytes before all second ones: the high bytes are alike, and compress well."""
    return data if width == 1 else b"".join(data[offset::width] for offset in range(width))
