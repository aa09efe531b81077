"""CSV of any range: every tick once, from the finest level that still has it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from csv_store import METRICS, START, api_of, read, seal
from thorough import amount

from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import DAY, HOUR, Retention

# Before this only one second in five has a tick: old ticks need not be dense, and dense ticks are slow.
DENSE = START + 2 * DAY - 4 * HOUR


def tick(second: int) -> Tick | None:
    """Return the tick of a second, or None.

    Twenty minutes of every three hours are missing, and some single seconds; `b` comes and goes.
    """
    if second % 10_800 < 1200 or second % 1009 == 0 or (second < DENSE and second % 5):
        return None
    return Tick(second, 1, {"a": second % 997 / 10} | ({"b": second * 4096.0} if second % 7 else {}))


def ticks(first: int, last: int) -> list[Tick]:
    return [found for second in range(first, last) if (found := tick(second))]


def expected(points: Sequence[Tick], keys: Sequence[str] = ("a", "b", "c")) -> dict[int, list[str]]:
    return {
        to_milliseconds(point.time): [
            f"{point.values[key]:.15g}" if key in point.values else "" for key in keys
        ]
        for point in points
    }


HOURS_KEPT = Retention(ticks=3 * HOUR, minutes=16 * HOUR, hours=730 * DAY)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tick]]:
    """Two days of ticks: the last hours whole, before them minutes, of the first day only hours."""
    folder = tmp_path_factory.mktemp("filled")
    all_of_them = ticks(START + 1234, START + 2 * DAY)
    newest = [each for each in all_of_them if each.time > START + 2 * DAY - 1200]
    seal(folder, all_of_them[: -len(newest)], HOURS_KEPT)
    store = DiskStore(folder, retention=HOURS_KEPT)
    store.describe(METRICS)
    for each in newest:
        assert store.append(each)
    store.close()
    return folder, all_of_them


@pytest.mark.parametrize("length", [100, 599, 600, 601, 7000, 10_000])
def test_csv_contains_ticks_unchanged(filled: tuple[Path, list[Tick]], length: int) -> None:
    folder, all_of_them = filled
    end = START + 2 * DAY - 1
    found = read(api_of(DiskReader(folder)), f"window={length}")
    assert found == expected([each for each in all_of_them if each.time > end - length])


def test_csv_uses_finest_level_for_each_time(filled: tuple[Path, list[Tick]]) -> None:
    folder, all_of_them = filled
    found = read(api_of(DiskReader(folder)), f"from={(START - DAY) * 1000}&to={(START + 3 * DAY) * 1000}")
    times = list(found)
    seconds = [at for at in times if at > to_milliseconds(START + 2 * DAY - 3 * HOUR + 1200)]
    assert found | expected(all_of_them[-len(seconds) :]) == found
    # The spans of the rows do not overlap, and no stored tick is left out.
    sealed_end = to_milliseconds(START + 2 * DAY)
    steps = [max(step for step in (1000, 60_000, 3_600_000) if at % step == 0) for at in times]
    assert sealed_end - times[-1] == 1000
    first_tick = next(at for at, step in zip(times, steps, strict=True) if step == 1000)
    coarse = [at for at in times if at < first_tick]
    first_minute = next(at for at in coarse if at % 3_600_000)
    hours = [at for at in coarse if at < first_minute]
    spans = [(at - 3_600_000, at) for at in hours]
    spans += [(at - 60_000, at) for at in coarse if at >= first_minute]
    assert len(hours) >= 20
    assert len(coarse) - len(hours) >= 600
    assert all(old[1] <= new[0] for old, new in pairwise(spans))
    assert spans[-1][1] <= first_tick
    count = 0
    moments = [to_milliseconds(each.time) for each in all_of_them]
    for low, high in spans:
        inside = all_of_them[bisect_right(moments, low) : bisect_right(moments, high)]
        count += len(inside)
        for key, cell in zip(("a", "b"), found[high], strict=False):
            values = [each.values[key] for each in inside if key in each.values]
            if not values:
                assert cell == ""
                continue
            mean = sum(values) / len(values)
            assert float(cell) == pytest.approx(mean, rel=1e-9, abs=1e-6), (high, key)
        assert found[high][2] == ""
    assert count + len([at for at in times if at >= first_tick]) == len(all_of_them)


def test_csv_of_any_range_is_part_of_whole(filled: tuple[Path, list[Tick]]) -> None:
    """Ranges begin and end anywhere: in a gap, in a minute, between two levels."""
    folder, _ = filled
    api = api_of(DiskReader(folder))
    whole = read(api, f"from={START * 1000}&to={(START + 2 * DAY) * 1000}")
    chance = Random(5)
    for _ in range(amount(20, 60)):
        start, end = sorted(chance.sample(range(START * 1000, (START + 2 * DAY) * 1000), 2))
        part = read(api, f"from={start}&to={end}")
        assert part == {at: cells for at, cells in whole.items() if start < at <= end}


def test_csv_uses_minutes_when_ticks_are_missing(tmp_path: Path) -> None:
    seal(tmp_path, ticks(START, START + 8 * HOUR), Retention())
    (tmp_path / "seconds" / "cache.db").unlink()
    found = read(api_of(DiskReader(tmp_path)), f"from={START * 1000}&to={(START + DAY) * 1000}&metrics=a")
    # A file ends at the newest tick, and no tick is left: the file is empty but valid.
    assert found == {}
    store = DiskStore(tmp_path)
    store.append(Tick(START + 9 * HOUR, 1, {"a": 1}))
    store.close()
    found = read(api_of(DiskReader(tmp_path)), f"from={START * 1000}&to={(START + DAY) * 1000}&metrics=a")
    assert len(found) > 300
    assert found[to_milliseconds(START + 9 * HOUR)] == ["1"]
    assert all(at % 60_000 == 0 for at in found)
