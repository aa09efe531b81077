"""The archive after restarts, corruption and expiry: ticks count once, the rest is served."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from effort import calls_of
from long_history import DAY, NOW, by_minute, calm_with_spikes, fill, store_of_nine_hours

from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.query.frames import live_frame, past_frame
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.row_log import RowLog
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import ArchiveLevel, Retention

filled = pytest.fixture(scope="module")(store_of_nine_hours)


def test_archive_counts_ticks_once_after_restart_during_compaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 31: kill the store before each write of compaction in turn, then continue."""
    ticks = calm_with_spikes(13 * 360, seed=3, step=10)
    # In these hours minutes are compacted twice, the rest every ten minutes.
    verbs = [
        (ArchiveLevel, "seal"),
        (ArchiveLevel, "extend"),
        (ArchiveLevel, "add_block"),
        (RowLog, "drop"),
        (ArchiveLevel, "drop_expired"),
    ]
    verbs += [(ArchiveLevel, "seal")]
    store = DiskStore(tmp_path)

    def die(*_: object, **__: object) -> None:
        raise KilledError

    for tick in ticks:
        with monkeypatch.context() as patch:
            if verbs:
                patch.setattr(*verbs[0], die)
            try:
                store.append(tick)
                continue
            except KilledError:
                verbs.pop(0)
        store._close_files()
        store = DiskStore(tmp_path)
    store.close()
    assert not verbs
    reader = DiskReader(tmp_path)
    minutes = reader.levels()[1].columns(0, NOW * 1000, ["cpu"])
    assert (np.diff(minutes.t) > 0).all()
    wanted = by_minute(ticks)
    for t, weight, high in zip(minutes.t, minutes.weight[0], minutes.high[0], strict=True):
        there = [tick.values["cpu"] for tick in wanted[int(t)]]
        assert (weight, high) == (10 * len(there), max(there))
    every = past_frame(reader, (NOW - 1900) * 1000, NOW * 1000)
    assert [int(t) for t, y in zip(every.t, every.y["cpu"], strict=True) if not np.isnan(y)] == [
        to_milliseconds(tick.time) for tick in ticks if tick.time > NOW - 1900
    ]


class KilledError(BaseException):
    """An error that no handler of dashapp catches, as none catches SIGKILL."""


def test_corrupt_block_is_gap_and_is_logged_once(
    filled: tuple[Path, list[Tick]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, ticks = filled
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with sqlite3.connect(copy / "seconds" / "cache.db") as connection:
        fourth = "SELECT key, value FROM Cache ORDER BY key LIMIT 1 OFFSET 3"
        key, value = connection.execute(fourth).fetchone()
        damaged = value[:200] + bytes([value[200] ^ 0xFF]) + value[201:]
        connection.execute("UPDATE Cache SET value = ? WHERE key = ?", (damaged, key))
    connection.close()
    reader = DiskReader(copy)
    start = int(ticks[0].time)
    for _ in range(3):
        found = past_frame(reader, start * 1000, (start + 4 * 3600) * 1000)
    whole = past_frame(DiskReader(folder), start * 1000, (start + 4 * 3600) * 1000)
    lost = np.count_nonzero(~np.isnan(whole.y["cpu"])) - np.count_nonzero(~np.isnan(found.y["cpu"]))
    assert 60 <= lost <= 100
    assert len([record for record in caplog.records if "damaged" in record.message]) == 1


def test_infinite_totals_of_older_version_are_gaps_of_their_metric(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault 21: two of the largest doubles in a minute add up to infinity.

    JSON cannot carry the sum, and a block cannot hold it.
    """
    largest = 1.7976931348623157e308
    begin = NOW // (6 * 3600) * 6 * 3600
    ticks = [Tick(begin + 30 * place, 30.0, {"cpu": 2.0, "bad": largest}) for place in range(1, 801)]
    store = DiskStore(tmp_path)
    for tick in ticks[:400]:
        assert store.append(tick)
    store.close()
    with sqlite3.connect(tmp_path / "minutes" / "cache.db") as connection:
        column = f'"bad":[Infinity,{largest},{largest},2],"cpu"'
        connection.execute("UPDATE Cache SET value = replace(value, '\"cpu\"', ?)", (column,))
    connection.close()

    def minutes() -> list[Any]:
        found = DiskReader(tmp_path).levels()[1].columns(0, 1 << 60, ["cpu", "bad"])
        assert found.keys == ("cpu",)
        assert (np.diff(found.t) == 60_000).all()
        return [*found.mean[0].tolist()]

    before = minutes()
    assert len(before) > 180
    store = DiskStore(tmp_path)
    for tick in ticks[400:]:
        assert store.append(tick)
    store.close()
    after = minutes()
    assert len(after) > 370, "six hours are sealed, and it goes on"
    assert {*before, *after} == {2.0}
    assert not [record for record in caplog.records if "damaged" in record.message]


def test_archive_drops_oldest_ticks_by_time(tmp_path: Path) -> None:
    kept = Retention(ticks=3600, minutes=4 * 3600, hours=DAY)
    store = DiskStore(tmp_path, retention=kept)
    for tick in calm_with_spikes(4 * 360, step=10):
        store.append(tick)
    store.close()
    seconds = DiskReader(tmp_path).levels()[0]
    oldest = seconds.oldest()
    assert oldest is not None
    assert NOW - 3600 - 2 * 1260 < oldest / 1000 < NOW - 3600 + 600


def test_store_of_older_version_without_levels_is_migrated(tmp_path: Path) -> None:
    """Fault 38: the previous version kept two hours of rows and compacted nothing."""
    ticks = calm_with_spikes(7200)
    rows = _old_rows(tmp_path)
    rows.extend([tick.encode() for tick in ticks[:-30]])
    rows.close()
    store = DiskStore(tmp_path)
    for tick in ticks[-30:]:
        store.append(tick)
    store.close()
    reader = DiskReader(tmp_path)
    times: list[int] = []
    for start in range(NOW - 7200, NOW, 1000):
        found = past_frame(reader, start * 1000, (start + 1000) * 1000)
        times += [int(t) for t, y in zip(found.t, found.y.get("cpu", []), strict=True) if not np.isnan(y)]
    assert times == [to_milliseconds(tick.time) for tick in ticks]


def _old_rows(folder: Path) -> RowLog:
    return RowLog(folder, 8000)


def test_open_takes_constant_work_when_store_is_full(filled: tuple[Path, list[Tick]], tmp_path: Path) -> None:
    copy, short = tmp_path / "copy", tmp_path / "short"
    shutil.copytree(filled[0], copy)
    fill(short, filled[1][-2400:])
    work = [calls_of(lambda folder=folder: DiskStore(folder).close()) for folder in (short, copy)]  # type: ignore[misc]
    assert work[1] < 1.1 * work[0], work


def test_corrupt_minute_row_is_gap_and_is_logged_once(
    filled: tuple[Path, list[Tick]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(filled[0], copy)
    with sqlite3.connect(copy / "minutes" / "cache.db") as connection:
        connection.execute(
            "UPDATE Cache SET value = substr(value, 1, 20) WHERE key = "
            "(SELECT key FROM Cache WHERE typeof(key) = 'text' ORDER BY key LIMIT 1)"
        )
    connection.close()
    reader = DiskReader(copy)
    for _ in range(2):
        found = live_frame(reader, 9 * 3600)
    whole = live_frame(DiskReader(filled[0]), 9 * 3600)
    assert np.count_nonzero(~np.isnan(whole.y["cpu"])) - np.count_nonzero(~np.isnan(found.y["cpu"])) == 1
    assert len([record for record in caplog.records if "damaged" in record.message]) == 1
