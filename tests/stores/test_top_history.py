"""The history of top processes in every store: levels, restarts, clock steps, damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial, partialmethod
from itertools import groupby
from pathlib import Path

import pytest
from redis_server import needs_redis
from store_variants import KINDS, REDIS, Kept, Links, PromptStore, kept, links_by_kind

from dashapp.model.rollup import point_end_ms
from dashapp.model.ticks import Tick
from dashapp.model.top import TopEntry, TopRecord, combine_records
from dashapp.stores.base import Reader, Rewind
from dashapp.stores.disk.level_storages import TOP_NAMES
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.space import DiskSpace, measure
from dashapp.stores.history.archive import DAY, HOUR, TOP_LEVELS, Archive, ArchiveLevel, Retention
from dashapp.stores.history.span import TICK_PARTS, Span
from dashapp.stores.history.top_span import TopSpan, decode_records
from dashapp.stores.redis import store as redis_store

# A whole multiple of every span.
START = 15 * DAY * 1380
# Two records a minute, in the last minute of each ten: enough for each roll-up.
STEP, TICK_STEP = 30, 600
ARCHIVES = ["disk read elsewhere", pytest.param("redis", marks=needs_redis)]

links = pytest.fixture(scope="module")(links_by_kind)


@pytest.fixture(params=[*KINDS, *(pytest.param(kind, marks=needs_redis) for kind in REDIS)])
def both(request: pytest.FixtureRequest, tmp_path: Path, links: Links) -> Iterator[Kept]:
    found = kept(request.param, tmp_path / "store", link=links(request.param))
    yield found
    found.close()


@pytest.fixture(params=ARCHIVES)
def archived(
    request: pytest.FixtureRequest, tmp_path: Path, links: Links, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kept]:
    monkeypatch.setattr(redis_store, "COMPACTION_SPREAD_MS", 1)
    found = kept(request.param, tmp_path / "store", link=links(request.param))
    yield found
    found.close()


def record_at(second: float) -> TopRecord:
    number = int(second) // 100
    return TopRecord(
        round(1000 * (START + second)),
        STEP,
        {
            "cpu": [TopEntry(f"job {number % 7}", 20 + number % 50, 1 + number % 3), TopEntry("base", 5, 1)],
            "memory": [TopEntry("java", 1000 * (1 + number % 9), 1)],
        },
        number % 11,
    )


def fill(found: Kept, first: int, last: int) -> list[TopRecord]:
    """Append two records and a tick every ten minutes in (first, last]; return the records."""
    store, records = found.store, []
    append = super(PromptStore, store).append if isinstance(store, PromptStore) else store.append
    for second in range(first // TICK_STEP * TICK_STEP + TICK_STEP, last + 1, TICK_STEP):
        for record in (record_at(second - STEP), record_at(second)):
            records.append(record)
            store.append_top(record)
        assert append(Tick(START + second, TICK_STEP, {"cpu": second % 97}))
    if isinstance(store, PromptStore):
        store.finish()
    return records


def rolled_up(records: list[TopRecord], step: int) -> list[TopRecord]:
    return [
        combine_records([(record, record.step) for record in group], end_ms, float(step))
        for end_ms, members in groupby(records, lambda record: point_end_ms(record.time_ms, step))
        if (group := list(members))
    ]


def level(reader: Reader, index: int) -> list[TopRecord]:
    return [_comparable(record) for record in reader.top_levels()[index].records(0, 1 << 60)]


def _comparable(record: TopRecord) -> TopRecord:
    rankings = {kind: list(ranking) for kind, ranking in record.rankings.items()}
    return TopRecord(record.time_ms, record.step, rankings, record.unknown)


def test_store_returns_records_after_reopen(both: Kept) -> None:
    assert level(both.reader, 0) == []
    records = fill(both, 0, HOUR // 2)
    assert level(both.reader, 0) == records
    assert both.reader.top_levels()[0].newest() == records[-1].time_ms
    found = both.reader.top_levels()[0].records(records[3].time_ms, records[5].time_ms)
    assert [record.time_ms for record in found] == [record.time_ms for record in records[4:6]]
    both.reopen()
    assert level(both.reader, 0) == records


def test_repeated_and_older_records_are_left_out(archived: Kept) -> None:
    records = fill(archived, 0, 1800)
    for record in (records[-1], records[3], record_at(-STEP)):
        archived.store.append_top(record)
    records += fill(archived, 1800, 2400)
    assert level(archived.reader, 0) == records


def test_records_become_minutes_and_hours(archived: Kept) -> None:
    last = 7 * HOUR + 1800
    records = fill(archived, 0, last)
    reader = archived.reader
    assert level(reader, 0) == records
    complete = [record for record in records if record.time_ms <= 1000 * (START + 7 * HOUR)]
    assert level(reader, 1) == rolled_up(complete, 60)
    assert level(reader, 2) == rolled_up(rolled_up(complete, 60)[: 6 * 6], HOUR)
    assert reader.notices() == []


@pytest.mark.parametrize("after", [1, 5 * HOUR, 5 * HOUR + 1234, 7 * HOUR + 1799])
def test_rewind_removes_records_with_wrong_times(archived: Kept, after: int) -> None:
    records = fill(archived, 0, 7 * HOUR + 1800)
    after_ms = 1000 * (START + after)
    archived.store.append_top(record_at(7 * HOUR + 1830))
    archived.store.rewind(Rewind(after_ms))
    kept_records = [record for record in records if record.time_ms <= after_ms]
    first = (after + TICK_STEP - 1) // TICK_STEP * TICK_STEP
    added = fill(archived, first, first + HOUR)
    assert level(archived.reader, 0) == kept_records + added
    times = [record.time_ms for record in level(archived.reader, 1)]
    assert times == sorted(set(times))


def test_mistaken_clock_step_costs_no_record(archived: Kept) -> None:
    """The clock is set two years back by mistake, and then right again."""
    records = fill(archived, 0, 7 * HOUR + 1800)
    minutes, hours = level(archived.reader, 1), level(archived.reader, 2)
    after_ms = 1000 * (START - 700 * DAY)
    archived.store.rewind(Rewind(after_ms))
    assert archived.store.append(Tick(START - 700 * DAY + 60, 60, {"cpu": 1}))
    archived.store.append_top(TopRecord(after_ms + 60_000, 10, {}, None))
    archived.store.rewind(Rewind(after_ms, restores=True))
    more = fill(archived, 7 * HOUR + 1800, 7 * HOUR + 2400)
    assert level(archived.reader, 0) == records + more
    assert level(archived.reader, 1) == minutes
    assert level(archived.reader, 2) == hours


class KilledError(Exception):
    pass


def test_records_count_once_if_the_store_is_killed_during_compaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill the store before each kind of write to the levels of top processes, then continue."""
    seconds, minutes, hours = TOP_NAMES
    kills = [
        (seconds, "extend"),
        (minutes, "extend"),
        (seconds, "seal"),
        (hours, "extend"),
        (minutes, "seal"),
        (seconds, "drop_expired"),
    ]
    originals = {verb: getattr(ArchiveLevel, verb) for _name, verb in kills}

    def run(verb: str, own: ArchiveLevel, *arguments: object, **keywords: object) -> object:
        if (own.name, verb) in kills:
            kills.remove((own.name, verb))
            raise KilledError
        return originals[verb](own, *arguments, **keywords)

    for verb in originals:
        monkeypatch.setattr(ArchiveLevel, verb, partialmethod(partial(run, verb)))
    found = kept("disk", tmp_path)
    for second in range(0, 8 * HOUR, TICK_STEP):
        try:
            fill(found, second, second + TICK_STEP)
        except KilledError:
            found.reopen()
    found.close()
    assert not kills
    reader = DiskReader(tmp_path)
    ticks = range(TICK_STEP, 8 * HOUR + 1, TICK_STEP)
    everything = [record_at(second + offset) for second in ticks for offset in (-STEP, 0)]
    # Only the records that waited in the first killed process are lost.
    assert level(reader, 0) == everything[2:]
    assert level(reader, 1) == rolled_up(everything[2:], 60)
    assert level(reader, 2) == rolled_up(rolled_up(everything[2 : 12 * 6], 60), HOUR)


def test_each_level_keeps_records_for_its_own_time(tmp_path: Path) -> None:
    end = 40
    retention = Retention(ticks=3 * HOUR, minutes=12 * HOUR, hours=730 * DAY)
    archive = DiskSpace(tmp_path, retention, now=lambda: START + end * HOUR).open_archive()
    for hour in range(end):
        archive.append_top([record_at((hour + share) * HOUR) for share in (0.5, 1)])
        _compact(archive, START + (hour + 1) * HOUR)
    archive.close()
    oldest = [level(DiskReader(tmp_path), index)[0].time_ms / 1000 - START for index in range(3)]
    # Whole blocks expire: those of minutes are six hours long, and the first hour is still there.
    assert oldest == [36.5 * HOUR, 24.5 * HOUR, HOUR]


def _compact(archive: Archive, end: int) -> None:
    span = Span(TICK_PARTS)
    span.add_tick(Tick(end, 1, {"cpu": 1}))
    for _cost in archive.append_span(span, 1000 * end):
        pass


def test_limit_of_size_includes_the_records(tmp_path: Path) -> None:
    found = kept("disk", tmp_path)
    before = measure(tmp_path).total
    fill(found, 0, 600)
    folders = sum(path.stat().st_size for name in TOP_NAMES for path in (tmp_path / name).iterdir())
    assert 0 < folders <= measure(tmp_path).total - before
    assert [storage.path.parent.name for storage in DiskSpace(tmp_path, Retention()).levels.all()][3:] == [
        *TOP_NAMES
    ]
    found.close()


def test_store_of_an_earlier_version_gets_records(tmp_path: Path) -> None:
    found = kept("disk", tmp_path)
    for second in range(600, 3 * HOUR, 600):
        found.store.append(Tick(START + second, 600, {"cpu": 1}))
    found.close()
    assert not (tmp_path / TOP_NAMES[0]).exists()
    found = kept("disk", tmp_path)
    assert level(found.reader, 0) == []
    records = fill(found, 3 * HOUR, 3 * HOUR + 600)
    assert level(found.reader, 0) == records
    found.close()


def test_records_wait_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kept("disk", tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "append_top", refuse)
        records = fill(found, 0, 1200)
        assert level(found.reader, 0) == []
    records += fill(found, 1200, 1800)
    assert level(found.reader, 0) == records
    found.close()


def test_damaged_database_of_records_is_replaced(tmp_path: Path) -> None:
    found = kept("disk", tmp_path)
    fill(found, 0, 600)
    found.close()
    path = tmp_path / TOP_NAMES[0] / "cache.db"
    path.write_bytes(b"no database" * 1000)
    for name in ("cache.db-wal", "cache.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    found = kept("disk", tmp_path)
    assert level(found.reader, 0) == []
    records = fill(found, 600, 1200)
    assert level(found.reader, 0)[-len(records) :] == records
    found.close()


def test_reader_leaves_out_damaged_rows_and_blocks(tmp_path: Path) -> None:
    found = kept("disk", tmp_path)
    records = fill(found, 0, HOUR + 1800)
    found.close()
    with closing(sqlite3.connect(tmp_path / TOP_NAMES[0] / "cache.db")) as database, database:
        database.execute(
            "UPDATE Cache SET value = '[5, {}' WHERE tag = ? AND typeof(key) = 'text'", (records[-1].time_ms,)
        )
        database.execute("UPDATE Cache SET value = x'00' WHERE typeof(key) = 'integer'")
    reader = DiskReader(tmp_path)
    assert level(reader, 0) == [record for record in records[:-1] if record.time_ms > 1000 * (START + HOUR)]
    assert len(reader.notices()) == 1


def _block(records: list[TopRecord]) -> bytes:
    span = TopSpan()
    for record in records:
        span.add(record)
    steps = span.encode()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            block: bytes = end.value
            return block


def test_every_cut_of_a_block_is_rejected() -> None:
    records = [record_at(second) for second in range(STEP, 20 * STEP, STEP)]
    block = _block(records)
    assert [_comparable(record) for record in decode_records(block)] == records
    for length in range(0, len(block), 7):
        with pytest.raises(ValueError):  # noqa: PT011 - any ValueError
            decode_records(block[:length])
    for value in (None, "text", 5, b"", bytes(50)):
        with pytest.raises(ValueError):  # noqa: PT011 - any ValueError
            decode_records(value)


def test_disk_for_two_years_is_small() -> None:
    """An hour of records of a busy machine, and how many hours of blocks two years are."""
    records = []
    for number in range(360):
        cpu = [TopEntry(f"job {(7 * number + place) % 40}", 60.13 / (1 + place), 1) for place in range(5)]
        memory = [TopEntry(f"app {place}", 1_234_000 * (9 - place) + number, 1) for place in range(5)]
        records.append(
            TopRecord(1000 * (START + 10 * number), 10, {"cpu": cpu, "memory": memory}, number / 7)
        )
    bytes_per_record = len(_block(records)) / 360
    count = 14 * DAY / 10 + 90 * DAY / 60 + 730 * DAY / HOUR
    assert bytes_per_record * count < 30_000_000


def test_level_names_are_folders_of_their_own() -> None:
    assert [name for name, _step, _span in TOP_LEVELS] == ["top-seconds", "top-minutes", "top-hours"]
