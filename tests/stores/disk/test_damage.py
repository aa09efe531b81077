"""A damaged page or row of any file costs only itself, and later ticks are stored."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from thorough import amount

from dashapp.model.ticks import Metric, Tick, to_milliseconds
from dashapp.stores.disk.block_storage import DiskBlockStorage
from dashapp.stores.disk.push_queue import DiskPushQueue
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.salvage import salvage_rows
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import ArchiveLevel

STEP = 30
BEGIN = 1_795_176_000
# More than a day, so that hours and six hours of minutes are in blocks.
COUNT = 26 * 120
# Twenty-five minutes: the log's rows at the time of the damage are compacted.
LATER = 50
LEVELS = ("seconds", "minutes", "hours")
FILES = (
    *(f"{folder}cache.db{suffix}" for folder in ("", *map("{}/".format, LEVELS)) for suffix in ("", "-wal")),
    *("tail", "metrics.json", "changes.json", "push.spool", "writer.pid"),
)
# The values of a day's block have overflow pages.
KEYS = [f"m{number}" for number in range(8)]


def tick(place: int, chance: Random) -> Tick:
    return Tick(BEGIN + STEP * place, STEP, {key: chance.random() for key in KEYS})


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a store in use, as after a power failure: SQLite's logs hold data."""
    folder, copy = tmp_path_factory.mktemp("used") / "s", tmp_path_factory.mktemp("sound") / "s"
    chance = Random(1)
    store = DiskStore(folder)
    store.describe([Metric(key, key, "", "cpu") for key in KEYS])
    store.set_changes([])
    for place in range(1, COUNT + 1):
        store.append(tick(place, chance))
    (folder / "changes.json").write_text("[]")
    DiskPushQueue(folder).put(b'{"a": 1}')
    shutil.copytree(folder, copy)
    store.close()
    return copy


@pytest.fixture(scope="module")
def all_times(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    copy = tmp_path_factory.mktemp("read") / "s"
    shutil.copytree(sound, copy)
    times, notices = readable(copy)
    assert not notices
    return times


def readable(folder: Path) -> tuple[dict[str, set[int]], list[str]]:
    """Return the times of ticks, minutes and hours that a new reader finds, and its notices."""
    with closing(DiskReader(folder)) as reader:
        levels = reader.levels()
        found = {
            name: {int(t) for t in level.columns(0, 1 << 60, ["m0"]).t}
            for name, level in zip(LEVELS, levels, strict=True)
        }
        # The tail also has ticks of the newest blocks, until later ones replace them.
        log = [*reader.read_ticks(0, float("inf"), COUNT), *reader.since(levels[0].newest() / 1000, COUNT)]
        found["seconds"] |= {to_milliseconds(tick.time) for tick in log}
        return found, reader.notices()


def overwrite_page(path: Path, chance: Random) -> None:
    size = path.stat().st_size
    page = chance.randrange(max(1, -(-size // 4096)))
    with path.open("r+b") as file:
        file.seek(4096 * page)
        file.write(chance.randbytes(min(4096, size - 4096 * page)))


def append_later(folder: Path, first: int) -> list[str]:
    """Append some spans of ticks, and return the notices meanwhile."""
    chance = Random(first)
    with closing(DiskStore(folder)) as store:
        for place in range(first, first + LATER):
            assert store.append(tick(place, chance))
        DiskPushQueue(folder).take(0, lambda _record: True)
        while store._space.levels.salvage():
            pass
        return readable(folder)[1]


def continues(folder: Path, expected: dict[str, set[int]]) -> None:
    """Continue a damaged store, with a restart: it keeps what was readable, and reports a loss."""
    before, notices = readable(folder)
    notices += append_later(folder, COUNT + 1)
    notices += append_later(folder, COUNT + 1 + LATER)
    after, _ = readable(folder)
    later = {to_milliseconds(BEGIN + STEP * place) for place in range(COUNT + 1, COUNT + 1 + 2 * LATER)}
    assert later <= after["seconds"]
    for name, times in before.items():
        assert times <= after[name], f"{len(times - after[name])} of {len(times)} points of {name} are lost"
        if not expected[name] <= after[name]:
            assert any("corrupt" in notice or "damaged" in notice for notice in notices), notices


@pytest.mark.parametrize("name", FILES)
def test_overwritten_page_costs_only_itself(
    sound: Path, all_times: dict[str, set[int]], tmp_path: Path, name: str
) -> None:
    for turn in range(amount(1, 50)):
        copy = tmp_path / str(turn)
        shutil.copytree(sound, copy)
        if (copy / name).exists():
            overwrite_page(copy / name, Random(f"{name} {turn}"))
        continues(copy, all_times)
        shutil.rmtree(copy)


NO_TEXT: tuple[object, ...] = (None, 7, 1.5, b"\xff\xfe", "", "[", "[1,2,[]]", "\x00", '[1,60,{"m0":[1]}]')


PLACES = [(name, column) for name in ("", *LEVELS) for column in ("value", "tag")]


@pytest.mark.parametrize(("name", "column"), PLACES)
def test_row_of_other_type_costs_only_itself(
    sound: Path, all_times: dict[str, set[int]], tmp_path: Path, name: str, column: str
) -> None:
    chance = Random(f"{name} {column}")
    # Each value is tried at some place, and all of them at each place with --thorough.
    every = amount(4, 1)
    for number, value in enumerate(NO_TEXT[PLACES.index((name, column)) % every :: every]):
        copy = tmp_path / str(number)
        shutil.copytree(sound, copy)
        with closing(sqlite3.connect(copy / name / "cache.db")) as connection, connection:
            rowids = [rowid for (rowid,) in connection.execute("SELECT rowid FROM Cache")]
            update = f"UPDATE Cache SET {column} = ? WHERE rowid = ?"
            connection.execute(update, (value, chance.choice(rowids)))
            invalid = f"UPDATE Cache SET {column} = CAST(X'5BFF' AS TEXT) WHERE rowid = ?"
            connection.execute(invalid, (chance.choice(rowids),))
        before, _ = readable(copy)
        append_later(copy, COUNT + 1)
        after, _ = readable(copy)
        assert {to_milliseconds(BEGIN + STEP * (COUNT + LATER))} <= after["seconds"]
        for level, times in before.items():
            lost = times - after[level]
            assert len(lost) <= 2 * 60, f"{len(lost)} points of {level} are lost"
        shutil.rmtree(copy)


def test_salvage_reads_all_rows_but_those_of_damaged_page(sound: Path, tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    shutil.copy(sound / "seconds" / "cache.db", path)
    whole = [*salvage_rows(path, "rowid", "1")]
    assert len(whole) == len({*whole})
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(Random(5).randbytes(4096))
    found = [*salvage_rows(path, "rowid, value", "1")]
    assert len(whole) - 5 <= len(found) <= len(whole)
    assert {(rowid,) for rowid, _value in found} <= {*whole}


def test_expiry_keeps_later_blocks_beside_block_that_cannot_be_deleted(tmp_path: Path) -> None:
    chance = Random(1)
    storage = DiskBlockStorage(tmp_path)
    # The later blocks lie in pages of the dropped ones, and in others.
    blocks = [chance.randbytes(20_000 if number < 3 else 30_000) for number in range(9)]
    for number, block in enumerate(blocks, 1):
        storage.put(block, 1000 * number - 999, 1000 * number)
        if number > 4:
            assert storage.drop_oldest()
    storage.close()
    with storage.path.open("r+b") as file:
        data = file.read()
        # From the second page on; the first part of a block is in another place.
        pages = [data.index(blocks[5][start : start + 50]) // 4096 for start in range(8000, 30_000, 2000)]
        before_jump = next(page for page, later in pairwise(pages) if later - page not in (0, 1))
        file.seek(4096 * before_jump)
        file.write(b"\xff" * 4096)
    storage = DiskBlockStorage(tmp_path)
    level = ArchiveLevel(storage, "seconds", 0, 600)
    level.drop_expired(6500, 0)
    assert storage.oldest_block() == 7000
    level.drop_expired(7500, 0)
    assert storage.oldest_block() == 8000
    assert not storage.is_damaged
    storage.close()


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_row_that_is_not_utf8_stops_no_full_log(tmp_path: Path, order: str) -> None:
    """The store opens with such a newest row, and drops such an oldest row."""
    chance = Random(order)
    with closing(DiskStore(tmp_path, keep=5)) as store:
        for place in range(1, 6):
            assert store.append(tick(place, chance))
    with closing(sqlite3.connect(tmp_path / "cache.db")) as connection, connection:
        row = f"SELECT rowid FROM Cache ORDER BY key {order} LIMIT 1"
        connection.execute(f"UPDATE Cache SET value = CAST(X'5BFF' AS TEXT) WHERE rowid = ({row})")
    with closing(DiskStore(tmp_path, keep=5)) as store:
        for place in range(6, 12):
            assert store.append(tick(place, chance))
        assert not store.notices()
    (tmp_path / "tail").unlink()
    with closing(DiskReader(tmp_path)) as reader:
        times = [int(tick.time) for tick in reader.read_ticks(0, float("inf"), COUNT)]
    assert times == [BEGIN + STEP * place for place in range(7, 12)]
