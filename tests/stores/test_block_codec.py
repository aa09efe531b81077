"""Blocks return exactly the encoded values, and report corruption."""

from __future__ import annotations

import math
import random
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.columns import Columns
from dashapp.stores.history.archive_reader import decode_block
from dashapp.stores.history.block_codec import BlockEncoder
from dashapp.stores.history.block_codec import decode_block as decode_parts

NUMBERS = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False, width=64),
    st.integers(-(2**60), 2**60).map(float),
    st.integers(-1000, 1000).map(lambda whole: whole / 10),
)


def encode(columns: dict[str, list[float | None]], length: int) -> bytes:
    times = [1_795_218_017_000 + 1000 * place for place in range(length)]
    encoder = BlockEncoder({"t": times, "step": [1.0] * length})
    for key, values in columns.items():
        encoder.add("total", key, [math.nan if value is None else value for value in values])
    return encoder.finish()


def column(columns: Columns, key: str) -> list[float | None]:
    return [None if math.isnan(v) else v for v in columns.mean[columns.keys.index(key)].tolist()]


TABLES = st.integers(1, 60).flatmap(
    lambda length: st.lists(st.lists(NUMBERS, min_size=length, max_size=length), min_size=1, max_size=4)
)


@given(TABLES)
def test_decode_block_returns_encoded_values(columns: list[list[float | None]]) -> None:
    named = {f"m{place}": values for place, values in enumerate(columns)}
    got = decode_block(encode(named, len(columns[0])))
    for key, values in named.items():
        assert column(got, key) == values
    assert (np.diff(got.t) == 1000).all()


@given(TABLES)
def test_decoder_of_the_collector_returns_encoded_values(columns: list[list[float | None]]) -> None:
    """The collector decodes blocks without numpy, after the clock was set back."""
    named = {f"m{place}": values for place, values in enumerate(columns)}
    axis, parts = decode_parts(encode(named, len(columns[0])))
    decoded = {key: [None if math.isnan(v) else v for v in values] for key, values in parts["total"].items()}
    assert decoded == named
    assert axis["t"] == [1_795_218_017_000 + 1000 * place for place in range(len(columns[0]))]


@given(st.integers(0, 300), st.integers(0, 255))
def test_decoder_of_the_collector_reports_damage(place: int, value: int) -> None:
    block = bytearray(encode({"a": [1.5, None, 3.0, 1e300], "b": [1.0, 2.0, 3.0, 4.0]}, 4))
    block[place % len(block)] = value
    with suppress(ValueError):
        axis, parts = decode_parts(bytes(block))
        assert {len(column) for column in axis.values()} == {4}
        assert {len(column) for columns in parts.values() for column in columns.values()} == {4}


def test_decode_block_returns_only_requested_columns() -> None:
    got = decode_block(encode({"a": [1.0, 2.0], "b": [3.0, 4.0]}, 2), ["b", "missing"])
    assert got.keys == ("b",)
    assert column(got, "b") == [3.0, 4.0]


def test_encode_block_uses_less_than_two_bytes_per_value() -> None:
    chance = random.Random(1)
    columns: dict[str, list[float | None]] = {}
    for number in range(50):
        # Two of three are percentages that always change; the third is a byte count that moves in pages.
        level, pages, values = 30.0, 2_000_000, list[float | None]()
        for _ in range(600):
            level = max(0.0, min(100.0, level * 0.9 + chance.gauss(3, 6)))
            pages += round(chance.gauss(0, 200))
            values.append(round(level, 1) if number % 3 else pages * 4096.0)
        columns[f"m{number}"] = values
    assert len(encode(columns, 600)) / (50 * 600) < 2


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_decode_block_detects_corrupt_byte_or_returns_same_values(place: int) -> None:
    chance = random.Random(place)
    columns: dict[str, list[float | None]] = {"a": [round(chance.uniform(0, 100), 1) for _ in range(300)]}
    whole = encode(columns, 300)
    damaged = bytearray(whole)
    damaged[place % len(whole)] ^= 0x55
    try:
        got = decode_block(bytes(damaged))
    except ValueError:
        return
    assert column(got, "a") == columns["a"]


@pytest.mark.parametrize("data", [b"", b"dB1\x01", b"x" * 100, b"dB1\x01" + b"\0" * 8])
def test_decode_block_rejects_invalid_data(data: bytes) -> None:
    with pytest.raises(ValueError, match="block"):
        decode_block(data)
