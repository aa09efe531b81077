"""The long memory: any window in 2,000 points with every extreme, through restarts, damage and age."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dashapp.history import MOST_POINTS, Frame, frame, past
from dashapp.model import Tick, milliseconds
from dashapp.stores.disk import DiskStore
from dashapp.stores.disk_reader import DiskReader
from dashapp.stores.level import Level
from dashapp.stores.long_memory import LongMemory, Retention
from dashapp.stores.rows import Rows

NOW = 1_795_218_000
DAY = 86_400


def calm_with_spikes(count: int, end: int = NOW, seed: int = 7, step: int = 1) -> list[Tick]:
    """The shape of a cloud machine's CPU: long calm, rare spikes of one tick, a gap now and then."""
    chance = random.Random(seed)
    ticks = []
    for place in range(count):
        if place % 4001 in range(100, 130):
            continue
        value = round(abs(chance.gauss(3, 1)), 1)
        if chance.random() < 0.0005:
            value = round(chance.uniform(60, 100), 1)
        ticks.append(Tick(end - (count - 1 - place) * step, step, {"cpu": value, "even": place * 4096.0}))
    return ticks


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tick]]:
    """A store with nine hours of ticks, sealed but for the last minutes."""
    folder = tmp_path_factory.mktemp("filled")
    ticks = calm_with_spikes(9 * 3600)
    store = DiskStore(folder)
    for tick in ticks:
        assert store.append(tick)
    store.close()
    return folder, ticks


def covered(found: Frame, ticks: Sequence[Tick], step_ms: int) -> list[Tick]:
    points = [int(t) for t, y in zip(found.t, found.y["cpu"], strict=True) if not np.isnan(y)]
    ends = set(points)
    return [tick for tick in ticks if -(-milliseconds(tick.time) // step_ms) * step_ms in ends]


@pytest.mark.parametrize("window", [10, 100, 600, 1999, 2001, 3600, 7200, 20_000, 26_000, DAY, 90 * DAY])
def test_the_extremes_of_a_frame_are_those_of_its_ticks(filled: tuple[Path, list[Tick]], window: int) -> None:
    folder, ticks = filled
    found = frame(DiskReader(folder), window)
    assert len(found.t) <= 2 * MOST_POINTS
    assert np.count_nonzero(~np.isnan(found.y["cpu"])) <= MOST_POINTS
    assert (np.diff(found.t) > 0).all()
    step_ms = milliseconds(found.step)
    there = covered(found, ticks, step_ms)
    first = max(NOW - window, ticks[0].time - 1)
    assert len(there) >= len([t for t in ticks if t.time > first]) - 2 * found.step
    for key in ("cpu", "even"):
        low = found.low.get(key, found.y[key])
        high = found.high.get(key, found.y[key])
        assert np.nanmin(low) == min(tick.values[key] for tick in there)
        assert np.nanmax(high) == max(tick.values[key] for tick in there)


def test_a_mean_weighs_by_count(filled: tuple[Path, list[Tick]]) -> None:
    folder, ticks = filled
    found = frame(DiskReader(folder), 9 * 3600)
    assert found.step == 60
    for t, mean in zip(found.t[5:-5], found.y["cpu"][5:-5], strict=True):
        there = [x.values["cpu"] for x in ticks if t - 60_000 < milliseconds(x.time) <= t]
        if there:
            assert abs(mean - sum(there) / len(there)) <= 0.0006


@pytest.mark.parametrize("window", [100, 1800, 7200, 30_000])
def test_a_stream_of_deltas_equals_the_whole(tmp_path: Path, window: int) -> None:
    store = DiskStore(tmp_path)
    ticks = calm_with_spikes(4000)
    for tick in ticks[:3000]:
        store.append(tick)
    reader = DiskReader(tmp_path)
    first = frame(reader, window)
    t, y, high = list(first.t), list(first.y["cpu"]), list(first.high.get("cpu", first.y["cpu"]))
    cursor = first.cursor
    for place, tick in enumerate(ticks[3000:]):
        store.append(tick)
        if place % 37 == 0:
            more = frame(reader, window, cursor)
            assert not more.reset
            cursor = more.cursor
            t += list(more.t)
            if len(more.t):
                y += list(more.y["cpu"])
                high += list(more.high.get("cpu", more.y["cpu"]))
    more = frame(reader, window, cursor)
    t, y = t + list(more.t), y + list(more.y.get("cpu", []))
    whole = frame(reader, window)
    start = int(whole.t[0])
    streamed = [(int(a), b) for a, b in zip(t, y, strict=True) if a >= start]
    assert [a for a, _ in streamed] == [int(a) for a in whole.t]
    np.testing.assert_array_equal([b for _, b in streamed], whole.y["cpu"])
    store.close()


def test_a_restart_at_any_point_of_a_roll_up_counts_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 31: die before each of the writes that sealing is made of, in turn, then go on."""
    ticks = calm_with_spikes(13 * 3600, seed=3)
    # Minutes are sealed twice in these hours, the rest every ten minutes.
    verbs = [(Level, "seal"), (Level, "extend"), (Level, "add_block"), (Rows, "drop"), (Level, "forget")]
    verbs += [(Level, "seal")]
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
        store._shut()
        store = DiskStore(tmp_path)
    store.close()
    assert not verbs
    reader = DiskReader(tmp_path)
    minutes = reader.levels()[1].columns(0, NOW * 1000, ["cpu"])
    assert (np.diff(minutes.t) > 0).all()
    for t, count, high in zip(minutes.t, minutes.count[0], minutes.high[0], strict=True):
        there = [x.values["cpu"] for x in ticks if t - 60_000 < milliseconds(x.time) <= t]
        assert (count, high) == (len(there), max(there))
    every = past(reader, (NOW - 1900) * 1000, NOW * 1000)
    assert [int(t) for t, y in zip(every.t, every.y["cpu"], strict=True) if not np.isnan(y)] == [
        milliseconds(tick.time) for tick in ticks if tick.time > NOW - 1900
    ]


class KilledError(BaseException):
    """What no handler of ours catches, as none catches SIGKILL."""


def test_a_damaged_block_is_a_gap_and_the_rest_is_served(
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
        found = past(reader, start * 1000, (start + 4 * 3600) * 1000)
    whole = past(DiskReader(folder), start * 1000, (start + 4 * 3600) * 1000)
    lost = np.count_nonzero(~np.isnan(whole.y["cpu"])) - np.count_nonzero(~np.isnan(found.y["cpu"]))
    assert 60 <= lost <= 100
    assert len([record for record in caplog.records if "damaged" in record.message]) == 1


def test_the_oldest_goes_first_by_time_and_by_bytes(tmp_path: Path) -> None:
    kept = Retention(ticks=3600, minutes=4 * 3600, hours=DAY)
    store = DiskStore(tmp_path, retention=kept)
    for tick in calm_with_spikes(4 * 3600):
        store.append(tick)
    store.close()
    seconds = DiskReader(tmp_path).levels()[0]
    oldest = seconds.oldest()
    assert oldest is not None
    assert NOW - 3600 - 2 * 1260 < oldest / 1000 < NOW - 3600 + 600

    small = tmp_path / "small"
    store = DiskStore(small, retention=Retention(size=300_000))
    for tick in calm_with_spikes(6 * 3600):
        store.append(tick)
    memory = LongMemory(small, Retention())
    assert memory.size() <= 300_000
    memory.close()
    store.close()
    assert not np.isnan(frame(DiskReader(small), 100).y["cpu"]).any()


def test_a_store_without_levels_is_taken_over_whole(tmp_path: Path) -> None:
    """Fault 38: the version before kept two hours of rows and sealed nothing."""
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
        found = past(reader, start * 1000, (start + 1000) * 1000)
        times += [int(t) for t, y in zip(found.t, found.y.get("cpu", []), strict=True) if not np.isnan(y)]
    assert times == [milliseconds(tick.time) for tick in ticks]


def _old_rows(folder: Path) -> Rows:
    return Rows(folder, 8000)


def test_what_is_forgotten_in_seconds_is_answered_in_minutes(tmp_path: Path) -> None:
    store = DiskStore(tmp_path, retention=Retention(ticks=1800))
    ticks = calm_with_spikes(5 * 3600)
    for tick in ticks:
        store.append(tick)
    store.close()
    start = int(ticks[0].time)
    found = past(DiskReader(tmp_path), start * 1000, (start + 1800) * 1000)
    assert found.step == 60
    assert 29 <= len(found.t) <= 31


def test_opening_takes_no_longer_when_the_store_is_full(
    filled: tuple[Path, list[Tick]], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(filled[0], copy)
    spent = []
    for folder in (tmp_path / "empty", copy):
        began = time.process_time()
        DiskStore(folder).close()
        spent.append(time.process_time() - began)
    assert spent[1] < spent[0] + 0.1


def test_a_gap_while_a_coarse_window_streams_is_a_hole(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    ticks = calm_with_spikes(4500)
    for tick in ticks:
        store.append(tick)
    reader = DiskReader(tmp_path)
    cursor = frame(reader, 7000).cursor
    streamed = []
    # Asked all through the outage, as a page does.
    for second in range(1, 130):
        if second > 60:
            store.append(Tick(NOW + second, 1.0, {"cpu": 5.0}))
        more = frame(reader, 7000, cursor)
        assert not more.reset
        cursor = more.cursor
        streamed += list(zip(more.t.tolist(), np.isnan(more.y.get("cpu", np.array([]))), strict=True))
    whole = frame(reader, 7000)
    assert any(empty for _, empty in streamed)
    after = [
        (t, e) for t, e in zip(whole.t.tolist(), np.isnan(whole.y["cpu"]), strict=True) if t > NOW * 1000
    ]
    assert [pair for pair in streamed if pair[0] > NOW * 1000] == after
    store.close()


def test_a_crafted_cursor_is_no_way_to_the_finest_level(filled: tuple[Path, list[Tick]]) -> None:
    reader = DiskReader(filled[0])
    honest = frame(reader, DAY)
    life, time_ms, size, window = honest.cursor.split(".")
    assert not frame(reader, DAY, honest.cursor).reset
    assert frame(reader, DAY, f"{life}.{time_ms}.{int(size) + 1}.{window}").reset
    assert frame(reader, DAY, f"{life}.{time_ms}.{size}.{int(window) - 1}").reset


def test_a_damaged_row_of_minutes_is_a_gap(
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
        found = frame(reader, 9 * 3600)
    whole = frame(DiskReader(filled[0]), 9 * 3600)
    assert np.count_nonzero(~np.isnan(whole.y["cpu"])) - np.count_nonzero(~np.isnan(found.y["cpu"])) == 1
    assert len([record for record in caplog.records if "damaged" in record.message]) == 1


def test_a_slower_collector_does_not_make_its_past_dearer(
    filled: tuple[Path, list[Tick]], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(filled[0], copy)
    store = DiskStore(copy)
    for minute in range(1, 12):
        store.append(Tick(NOW + 60 * minute, 60.0, {"cpu": 1.0}))
    store.close()
    found = frame(DiskReader(copy), 9 * 3600)
    assert found.step >= 60
    assert len(found.t) <= MOST_POINTS
