"""Readers decode the older ticks of the log once, and never cache a hole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from changing_store import limit_caches
from hypothesis import given
from hypothesis import strategies as st
from redis_server import needs_redis
from store_variants import REDIS, Kept, Links, kept, links_by_kind

from dashapp.model.ticks import Tick
from dashapp.stores.base import FOREVER_MS
from dashapp.stores.disk.mmap_tail import RingBuffer
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history import archive_reader
from dashapp.stores.history.archive_reader import decode_tick

links = pytest.fixture(scope="module")(links_by_kind)


@pytest.fixture(autouse=True)
def _limited(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_caches(monkeypatch)


@pytest.fixture(params=["disk read elsewhere", pytest.param(REDIS[0], marks=needs_redis)])
def both(request: pytest.FixtureRequest, tmp_path: Path, links: Links) -> Iterator[Kept]:
    opened = kept(request.param, tmp_path / "store", link=links(request.param))
    yield opened
    opened.close()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The older rows that were decoded."""
    rows: list[str] = []

    def decode(row: str) -> Tick:
        rows.append(row)
        return decode_tick(row)

    monkeypatch.setattr(archive_reader, "decode_tick", decode)
    return rows


def times_after(reader: Any, second: int) -> list[float]:
    columns, _is_complete = reader.snapshot().ticks(1000 * second, FOREVER_MS, None)
    return [time / 1000 for time in columns.t.tolist()]


def test_older_ticks_are_decoded_once_for_all_requests(both: Kept, decoded: list[str]) -> None:
    both.fill(1, 200)
    for _request in range(3):
        assert times_after(both.reader, 150) == list(range(151, 201))
    once = len(decoded)
    assert 0 < once <= 51
    for second, count in ((201, 3), (204, 1)):
        both.fill(second, count)
        assert times_after(both.reader, 100) == list(range(101, second + count))
        assert times_after(both.reader, -1) == list(range(1, second + count))
    assert len(decoded) < 200
    assert len(set(decoded)) == len(decoded)


def test_snapshot_has_older_ticks_but_no_newer_ones(both: Kept) -> None:
    both.fill(1, 100)
    snapshot = both.reader.snapshot()
    both.fill(101, 5)
    assert times_after(both.reader, -1) == list(range(1, 106))
    columns, is_complete = snapshot.ticks(10_500, FOREVER_MS, ["cpu.percent"])
    assert columns.t.tolist() == list(range(11_000, 101_000, 1000))
    assert is_complete
    _columns, is_complete = snapshot.ticks(-1, FOREVER_MS, None)
    assert not is_complete


def test_reader_shows_ticks_that_reach_log_late(tmp_path: Path) -> None:
    """While SQLite rejects rows, the log lacks ticks that the tail no longer has."""
    with closing(DiskStore(tmp_path)) as store:
        for second in range(1, 31):
            store.append(Tick(second, 1, {"a": 1.0}))
    tail = RingBuffer(tmp_path / "tail", write=True)
    rows = [Tick(second, 1, {"a": 1.0}).encode() for second in range(31, 91)]
    for row in rows:
        tail.append(row.encode())
    with closing(DiskReader(tmp_path)) as reader:
        assert len(times_after(reader, -1)) < 90
        later = DiskStore(tmp_path)
        assert later._rows is not None
        later._rows.drop(1 << 62)
        later._rows.extend([Tick(second, 1, {"a": 1.0}).encode() for second in range(1, 31)])
        later._rows.extend(rows)
        later.close()
        assert times_after(reader, -1) == list(range(1, 91))


NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53), 2**53))


@given(
    st.floats(0, 1e10),
    st.one_of(st.integers(1, 60), st.floats(0.1, 60)),
    st.dictionaries(st.text(), NUMBERS, max_size=5),
)
def test_decode_tick_equals_tick_decode(time: float, step: float, values: dict[str, float]) -> None:
    row = Tick(time, step, values).encode()
    assert decode_tick(row) == Tick.decode(row)


@pytest.mark.parametrize(
    "row",
    [
        "",
        "no tick",
        "[1,1]",
        "[1,1,[]]",
        "[1e999,1,{}]",
        "[1,1e999,{}]",
        "[1,NaN,{}]",
        '[1,1,{"a":NaN}]',
        '[1,1,{"a":true}]',
        '[1,1,{"a":null}]',
        '[1,1,{"a":"5"}]',
        '[1,1,{"a":[5]}]',
        '["1",1,{"a":5}]',
        "[true,1,{}]",
        '[1,1,{"a":1e305}]',
        '[1,1,{"a":1e305,"b":2}]',
    ],
)
def test_decode_tick_rejects_what_tick_decode_rejects(row: str) -> None:
    results: list[Tick | None] = []
    for decode in (Tick.decode, decode_tick):
        try:
            results.append(decode(row))
        except ValueError:
            results.append(None)
    assert results[0] == results[1]
