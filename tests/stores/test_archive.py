"""Frames from the archive: any window in 2,000 points with every extreme, whole or streamed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from long_history import DAY, NOW, by_minute, calm_with_spikes, store_of_nine_hours

from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.query.frames import MAX_POINTS, Frame, live_frame, past_frame
from dashapp.query.levels import Levels
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import Retention
from dashapp.stores.tick_cache import LogSnapshot

filled = pytest.fixture(scope="module")(store_of_nine_hours)


def covered(found: Frame, ticks: Sequence[Tick], step_ms: int) -> list[Tick]:
    points = [int(t) for t, y in zip(found.t, found.y["cpu"], strict=True) if not np.isnan(y)]
    ends = set(points)
    return [tick for tick in ticks if -(-to_milliseconds(tick.time) // step_ms) * step_ms in ends]


@pytest.mark.parametrize("window", [10, 100, 600, 1999, 2001, 3600, 7200, 20_000, 26_000, DAY, 90 * DAY])
def test_frame_extremes_equal_those_of_ticks(filled: tuple[Path, list[Tick]], window: int) -> None:
    folder, ticks = filled
    found = live_frame(DiskReader(folder), window)
    assert len(found.t) <= 2 * MAX_POINTS
    assert np.count_nonzero(~np.isnan(found.y["cpu"])) <= MAX_POINTS
    assert (np.diff(found.t) > 0).all()
    step_ms = to_milliseconds(found.step)
    there = covered(found, ticks, step_ms)
    first = max(NOW - window, ticks[0].time - 1)
    assert len(there) >= len([t for t in ticks if t.time > first]) - 2 * found.step
    for key in ("cpu", "even"):
        low = found.low.get(key, found.y[key])
        high = found.high.get(key, found.y[key])
        assert np.nanmin(low) == min(tick.values[key] for tick in there)
        assert np.nanmax(high) == max(tick.values[key] for tick in there)


def test_minute_mean_is_weighted_by_tick_count(filled: tuple[Path, list[Tick]]) -> None:
    folder, ticks = filled
    found = live_frame(DiskReader(folder), 9 * 3600)
    assert found.step == 60
    minutes = by_minute(ticks)
    for t, mean in zip(found.t[5:-5], found.y["cpu"][5:-5], strict=True):
        if there := [tick.values["cpu"] for tick in minutes.get(int(t), [])]:
            assert abs(mean - sum(there) / len(there)) <= 0.0006


class Stream:
    """The points that a page has of a window: all of it at first, then each new frame."""

    def __init__(self, reader: DiskReader, window: float) -> None:
        self._reader, self._window = reader, window
        first = live_frame(reader, window)
        self.cursor = first.cursor
        self.points = list(zip(first.t.tolist(), first.y["cpu"].tolist(), strict=True))

    def look(self) -> None:
        more = live_frame(self._reader, self._window, self.cursor)
        assert not more.reset
        self.cursor = more.cursor
        self.points += zip(more.t.tolist(), more.y["cpu"].tolist() if len(more.t) else [], strict=True)

    def is_whole(self) -> None:
        whole = live_frame(self._reader, self._window)
        start = int(whole.t[0])
        streamed = [point for point in self.points if point[0] >= start]
        assert [t for t, _ in streamed] == whole.t.tolist()
        np.testing.assert_array_equal([y for _, y in streamed], whole.y["cpu"])


def test_streamed_frames_equal_whole_frame(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    ticks = calm_with_spikes(4000)
    for tick in ticks[:3000]:
        store.append(tick)
    reader = DiskReader(tmp_path)
    streams = [Stream(reader, window) for window in (100, 1800, 7200, 30_000)]
    for place, tick in enumerate(ticks[3000:]):
        store.append(tick)
        if place % 37 == 0:
            for stream in streams:
                stream.look()
    for stream in streams:
        stream.look()
        stream.is_whole()
    store.close()


def test_past_frame_uses_minutes_when_ticks_have_expired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashapp.stores.disk.mmap_tail.RING_BYTES", 4096)  # the newest ticks only
    store = DiskStore(tmp_path, retention=Retention(ticks=1800))
    ticks = calm_with_spikes(5 * 360, step=10)
    for tick in ticks:
        store.append(tick)
    store.close()
    start = int(ticks[200].time)  # after the first gap
    found = past_frame(DiskReader(tmp_path), start * 1000, (start + 1800) * 1000)
    assert found.step == 60
    assert 29 <= len(found.t) <= 31


def test_streamed_coarse_window_shows_gap_during_outage(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    ticks = calm_with_spikes(4500)
    for tick in ticks:
        store.append(tick)
    reader = DiskReader(tmp_path)
    cursor = live_frame(reader, 7000).cursor
    streamed = []
    # Request frames during the whole outage, as a page does.
    for second in range(1, 130):
        if second > 60:
            store.append(Tick(NOW + second, 1.0, {"cpu": 5.0}))
        more = live_frame(reader, 7000, cursor)
        assert not more.reset
        cursor = more.cursor
        streamed += list(zip(more.t.tolist(), np.isnan(more.y.get("cpu", np.array([]))), strict=True))
    whole = live_frame(reader, 7000)
    assert any(empty for _, empty in streamed)
    after = [
        (t, e) for t, e in zip(whole.t.tolist(), np.isnan(whole.y["cpu"]), strict=True) if t > NOW * 1000
    ]
    assert [pair for pair in streamed if pair[0] > NOW * 1000] == after
    store.close()


def test_levels_read_is_complete_when_tick_arrives_during_read(
    filled: tuple[Path, list[Tick]], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(filled[0], copy)
    store, end = DiskStore(copy), NOW * 1000

    class GrowingReader(DiskReader):
        def snapshot(self) -> LogSnapshot:
            found = super().snapshot()
            store.append(Tick(store.newest().time_ms / 1000 + 1, 1.0, {"cpu": 1.0}))
            return found

    found = Levels(GrowingReader(copy), 1.0).read(end - DAY * 1000, end, 0, None)
    store.close()
    assert found.t.tolist() == [to_milliseconds(tick.time) for tick in filled[1]]


def test_live_frame_resets_when_cursor_claims_finer_level(filled: tuple[Path, list[Tick]]) -> None:
    reader = DiskReader(filled[0])
    honest = live_frame(reader, DAY)
    life, time_ms, size, window, since = honest.cursor.split(".")
    assert not live_frame(reader, DAY, honest.cursor).reset
    assert live_frame(reader, DAY, f"{life}.{time_ms}.{int(size) + 1}.{window}.{since}").reset
    assert live_frame(reader, DAY, f"{life}.{time_ms}.{size}.{int(window) - 1}.{since}").reset


def test_live_frame_stays_bounded_after_interval_increases(
    filled: tuple[Path, list[Tick]], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(filled[0], copy)
    store = DiskStore(copy)
    for minute in range(1, 12):
        store.append(Tick(NOW + 60 * minute, 60.0, {"cpu": 1.0}))
    store.close()
    found = live_frame(DiskReader(copy), 9 * 3600)
    assert found.step >= 60
    assert len(found.t) <= MAX_POINTS
