"""Ticks, cursors and numbers survive encoding and decoding; invalid text is rejected."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashapp.model.ticks import MAX_VALUE, Cursor, SettingsError, Tick, finite_values, to_milliseconds

numbers = st.floats(-MAX_VALUE, MAX_VALUE)


@given(time=st.floats(0, 4e9), step=st.floats(0.1, 60), values=st.dictionaries(st.text(max_size=40), numbers))
def test_tick_survives_encode_and_decode(time: float, step: float, values: dict[str, float]) -> None:
    tick = Tick(time, step, values)
    assert Tick.decode(tick.encode()) == tick
    assert "\n" not in tick.encode()


@given(st.integers(0, 4_000_000_000_000))
def test_tick_time_keeps_whole_milliseconds(time: int) -> None:
    assert to_milliseconds(Tick(time / 1000, 1, {}).time) == time


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1,1]",
        "[1,1,{},1]",
        "[1,1,[]]",
        '[null,1,{"a":1}]',
        '["x",1,{"a":1}]',
        '[1,{},{"a":1}]',
        '[1,1e999,{"a":1}]',
        '[1e999,1,{"a":1}]',
        '[NaN,1,{"a":1}]',
        '[1,1,{"a":NaN}]',
        '[1,1,{"a":"<b>"}]',
        '[1,1,{"a":null}]',
        '[1,1,{"a":true}]',
        "[1,1,{}" + "[" * 100_000,
        "1",
        '"abc"',
        b"\xff\xfe",
    ],
)
def test_tick_decode_rejects_invalid_text(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Tick.decode(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_tick_encode_rejects_non_finite_value(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        Tick(1, 1, {"a": value}).encode()


@pytest.mark.parametrize("value", [1.7976931348623157e308, -1e306, 10**301], ids=["double", "low", "whole"])
def test_tick_decode_drops_only_value_above_limit(value: float) -> None:
    assert Tick.decode(Tick(1, 1, {"bad": value, "good": -MAX_VALUE}).encode()).values == {"good": -MAX_VALUE}


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, None, "7", True, b"1", [1], {}, 10**400, -(10**400), 1j, object(), 1e301, -1e301],
)
def test_finite_values_drops_other_than_finite_numbers(value: object) -> None:
    assert finite_values({"bad": value, "good": 3}) == {"good": 3.0}


@given(st.text("0123456789abcdef", min_size=16, max_size=16), st.integers(0, 10**16 - 1))
def test_cursor_survives_encode_and_decode(life: str, time_ms: int) -> None:
    cursor = Cursor(life, time_ms)
    assert Cursor.decode(cursor.encode()) == cursor
    assert len(cursor.encode()) <= 64


@given(st.text(max_size=80) | st.from_regex(r"[\w-]{11}\.[0-9]{1,16}(\.[0-9]{1,12}){0,3}", fullmatch=True))
def test_cursor_decode_accepts_any_text(text: str) -> None:
    cursor = Cursor.decode(text)
    assert cursor is None or cursor.encode().split(".")[0] == text.split(".")[0]


def test_settings_error_lists_all_problems() -> None:
    assert str(SettingsError(["one", "two"])) == "one\ntwo"
