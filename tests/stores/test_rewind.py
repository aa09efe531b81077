"""Rewinds: the history is as if the wrong ticks had never come, and none of them is deleted."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis_server import needs_redis
from rewound_store import (
    START,
    STEP,
    assert_history,
    compact_promptly,
    copied,
    copied_in_redis,
    expected_ticks,
    fill,
    filled_store,
    points,
    rewind,
)
from store_variants import Kept, Links, kept, links_by_kind
from thorough import amount
from tick_pages import last_page, page_after

from dashapp.model.ticks import Tick
from dashapp.query.frames import live_frame
from dashapp.stores.base import Rewind
from dashapp.stores.disk.block_storage import DiskBlockStorage
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.space import DiskSpace
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import DAY, HOUR, Retention
from dashapp.stores.history.rewind import LOG, Piece
from dashapp.stores.history.span import decode_ticks
from dashapp.stores.redis.archive import RedisBlockStorage
from dashapp.stores.redis.store import RedisStore

links = pytest.fixture(scope="module")(links_by_kind)
filled_folder = pytest.fixture(scope="module")(filled_store)
_prompt_compaction = pytest.fixture(autouse=True)(compact_promptly)
ARCHIVED = ["disk", pytest.param("redis", marks=needs_redis)]


@pytest.fixture(params=ARCHIVED)
def found(
    request: pytest.FixtureRequest, tmp_path: Path, links: Links, filled_folder: Path
) -> Iterator[Kept]:
    """A store with eight hours of ticks."""
    if request.param == "disk":
        found = copied(filled_folder, tmp_path / "store")
    elif request.param == "redis":
        found = copied_in_redis(links, tmp_path)
    else:
        found = kept(request.param, tmp_path / "store", link=links(request.param))
        fill(found, 0, 8 * HOUR)
    yield found
    found.close()


CUTS = [30.0, 2 * HOUR + 15, 6 * HOUR, 6 * HOUR + 1234, 8 * HOUR - 30]


@pytest.mark.parametrize("cut", CUTS)
def test_history_after_rewind_equals_one_without_later_ticks(found: Kept, cut: float) -> None:
    cursor = last_page(found.reader, 5).cursor
    rewind(found, cut)
    assert page_after(found.reader, cursor, 100).reset
    assert_history(found.reader, (0, cut))
    fill(found, cut, cut + HOUR)
    assert_history(found.reader, (0, cut + HOUR))
    times = live_frame(found.reader, 1800).t.tolist()
    assert all(new - old == STEP * 1000 for old, new in pairwise(times))


@pytest.mark.parametrize(
    "found", [*ARCHIVED, pytest.param("redis cluster", marks=needs_redis)], indirect=True
)
def test_hours_after_rewind_are_complete(found: Kept) -> None:
    cut = 6 * HOUR + 1234
    rewind(found, cut)
    fill(found, cut, 12.3 * HOUR)
    assert_history(found.reader, (0, 12.3 * HOUR))
    assert len(points(found.reader)[2]) == 12


@pytest.mark.parametrize("cut", [30.0, 6 * HOUR + 1234, 8 * HOUR - 30])
@pytest.mark.parametrize("wrong", [60, 2 * HOUR])
def test_points_come_back_if_clock_was_set_back_by_mistake(found: Kept, cut: float, wrong: float) -> None:
    before = points(found.reader)
    rewind(found, cut)
    fill(found, cut, cut + wrong)
    rewind(found, cut, restores=True)
    after = points(found.reader)
    # Points that were rolled up meanwhile may stay.
    assert [level[: len(old)] for level, old in zip(after, before, strict=True)] == before
    assert_history(found.reader, (0, 8 * HOUR))
    fill(found, 8 * HOUR + wrong, 9 * HOUR + wrong)
    assert_history(found.reader, (0, 8 * HOUR), (8 * HOUR + wrong, 9 * HOUR + wrong))


@pytest.mark.parametrize("ahead", [120, 25 * 60, 3 * 365 * DAY])
def test_points_of_clock_that_was_ahead_are_set_aside(found: Kept, ahead: float) -> None:
    fill(found, 8 * HOUR, 9 * HOUR, ahead)
    rewind(found, 8 * HOUR)
    assert_history(found.reader, (0, 8 * HOUR))
    wrong = expected_ticks((8 * HOUR, 9 * HOUR))
    assert {time_ms / 1000 + ahead for time_ms, _, _ in wrong} <= set(aside_times(found))


def aside_times(found: Kept) -> Iterator[float]:
    """Return the times of all ticks that are set aside."""
    for text in aside_blocks(found):
        piece = Piece.decode(text)
        if piece.kind == LOG:
            yield from (Tick.decode(row).time for row in zlib.decompress(piece.data).decode().splitlines())
        elif piece.level == "seconds":
            yield from (tick.time for tick in decode_ticks(piece.data))


def aside_blocks(found: Kept) -> list[bytes]:
    if isinstance(found.store, RedisStore):
        storage: RedisBlockStorage | DiskBlockStorage = RedisBlockStorage(found.store.lease, "aside")
    else:
        assert isinstance(found.store, DiskStore)
        storage = DiskBlockStorage(found.store._folder / "aside")
    with closing(storage):
        return [storage.block(number) for number in storage.ends()]


def test_rewind_of_whole_history_leaves_empty_store(found: Kept) -> None:
    rewind(found, -3 * 365 * DAY)
    assert points(found.reader) == [[], [], []]
    fill(found, -3 * 365 * DAY, -3 * 365 * DAY + HOUR)
    assert len(points(found.reader)[0]) == HOUR / STEP
    found.reopen()
    fill(found, -3 * 365 * DAY + HOUR, -3 * 365 * DAY + 2 * HOUR)
    assert len(points(found.reader)[0]) == 2 * HOUR / STEP


@pytest.mark.parametrize("restores", [False, True])
def test_rewind_waits_for_locked_database(tmp_path: Path, restores: bool) -> None:
    """Readers get right times at once, and the files follow."""
    found = kept("disk", tmp_path / "store")
    fill(found, 0, HOUR)
    fill(found, HOUR, 2 * HOUR, ahead=DAY)
    whole = points(found.reader)[0]
    cursor = last_page(found.reader, 5).cursor
    reader = DiskReader(tmp_path / "store")
    end = HOUR + 10 * STEP
    with closing(sqlite3.connect(tmp_path / "store" / "cache.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        rewind(found, HOUR)
        fill(found, HOUR, end)
        assert reader.newest().time_ms == (START + end) * 1000
        assert page_after(reader, cursor, 100).reset
        if restores:
            rewind(found, HOUR, restores=True)
        other.execute("ROLLBACK")
    if restores:
        fill(found, 2 * HOUR, 2 * HOUR + STEP, ahead=DAY)
        assert points(reader)[0][:-1] == whole
    else:
        fill(found, end, 3 * HOUR)
        times = [time_ms / 1000 - START for time_ms, _, _ in points(reader)[0]]
        assert times == [count * STEP for count in range(1, 3 * HOUR // STEP + 1)]
    found.close()


@settings(max_examples=amount(5, 50), deadline=None)
@given(plan=st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 9000)), min_size=1, max_size=6))
def test_history_is_in_order_after_any_rewinds(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[int, int]]
) -> None:
    """Each part of the plan: seconds of ticks, and seconds back."""
    found = kept("disk", tmp_path_factory.mktemp("rewind") / "store")
    now = 0
    expected: dict[int, float] = {}
    for seconds, back in plan:
        fill(found, now, now + seconds)
        for count in range(now // STEP + 1, (now + seconds) // STEP + 1):
            expected[(START + count * STEP) * 1000] = float(count % 100)
        now = (now + seconds) // STEP * STEP - back // STEP * STEP
        rewind(found, now)
        expected = {time: value for time, value in expected.items() if time <= (START + now) * 1000}
        assert [(time, value) for time, value, _ in points(found.reader)[0]] == sorted(expected.items())
    found.close()


@pytest.mark.parametrize("ahead", [0, 3 * 365 * DAY])
@pytest.mark.parametrize("is_wall_right", [False, True])
def test_clock_that_is_ahead_expires_nothing(tmp_path: Path, ahead: int, is_wall_right: bool) -> None:
    """For 25 minutes the clock is years ahead, and the retention is over for everything."""
    retention = Retention(ticks=2 * HOUR, minutes=4 * HOUR, hours=DAY)
    wall = [float(START)]
    store = DiskStore(tmp_path, retention=retention, now=lambda: wall[0])
    for second in range(STEP, 4 * HOUR, STEP):
        wall[0] = START + second
        store.append(Tick(wall[0], STEP, {"a": 1.0}))
    before = [level.oldest() for level in DiskReader(tmp_path).levels()]
    for second in range(4 * HOUR, 4 * HOUR + 1500, STEP):
        wall[0] = START + second + (0 if is_wall_right else ahead)
        store.append(Tick(START + second + ahead, STEP, {"a": 1.0}))
    store.close()
    after = [level.oldest() for level in DiskReader(tmp_path).levels()]
    assert after[1] == before[1]
    assert before[0] is not None
    assert after[0] is not None
    # Time passed: the ticks of that time expired, and no more.
    assert 0 <= after[0] - before[0] <= 3000 * 1000


def test_retention_uses_wall_time_if_ticks_are_ahead(tmp_path: Path) -> None:
    retention = Retention(ticks=HOUR, minutes=2 * HOUR, hours=DAY)
    store = DiskStore(tmp_path, retention=retention, now=lambda: float(START))
    for second in range(STEP, 8 * HOUR, STEP):
        store.append(Tick(START + second, STEP, {"a": 1.0}))
    store.close()
    assert DiskReader(tmp_path).levels()[0].oldest() == (START + STEP) * 1000


def test_retention_drops_expired_blocks(tmp_path: Path) -> None:
    retention = Retention(ticks=HOUR, minutes=2 * HOUR, hours=DAY)
    store = DiskStore(tmp_path, retention=retention)
    for second in range(STEP, 8 * HOUR, STEP):
        store.append(Tick(START + second, STEP, {"a": 1.0}))
    store.close()
    oldest = DiskReader(tmp_path).levels()[0].oldest()
    assert oldest is not None
    assert 6 * HOUR <= oldest / 1000 - START <= 7 * HOUR


def test_size_limit_drops_points_that_are_set_aside_first(tmp_path: Path) -> None:
    found = kept("disk", tmp_path / "unused")
    store = DiskStore(tmp_path / "store", retention=Retention(size=3_000_000))

    def append(first: int, last: int) -> None:
        for second in range(first + STEP, last, STEP):
            values = {f"m{number}": second * number / 7 for number in range(40)}
            store.append(Tick(START + second, STEP, values))

    append(0, 3 * HOUR)
    store.rewind(Rewind((START + HOUR) * 1000))
    append(HOUR, 6 * HOUR)
    store.close()
    with closing(DiskSpace(tmp_path / "store", Retention()).open_archive()) as archive:
        assert archive.aside().ends() == []
        assert archive.levels[0].storage.ends()
    found.close()
