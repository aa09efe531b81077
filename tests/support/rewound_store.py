"""A store with eight hours of ticks that a test rewinds, and the history that it must have."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest
from store_variants import Kept, Links, PromptReader, PromptStore, kept

from dashapp.model.rollup import point_end_ms
from dashapp.model.ticks import Tick
from dashapp.stores.base import Reader, Rewind
from dashapp.stores.history.archive import DAY, HOUR
from dashapp.stores.redis import store as redis_store
from dashapp.stores.redis.keys import Keys
from dashapp.stores.redis.store import RedisStore

# A whole multiple of every span.
START = 15 * DAY * 1380
STEP = 30
Point = tuple[int, float, float]


def filled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a store on disk with eight hours of ticks, which tests copy; return its folder."""
    folder = tmp_path_factory.mktemp("filled") / "store"
    found = kept("disk", folder)
    fill(found, 0, 8 * HOUR)
    found.close()
    return folder


def compact_promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both backends compact at the same ticks, so that their levels are equal."""
    monkeypatch.setattr(redis_store, "COMPACTION_SPREAD_MS", 1)


def copied(filled_folder: Path, folder: Path) -> Kept:
    shutil.copytree(filled_folder, folder)
    return kept("disk", folder)


def copied_in_redis(links: Links, folder: Path) -> Kept:
    """Fill a store in Redis once, and copy its keys for each test."""
    link, filled = links("redis"), Path("filled/store")
    assert link is not None
    if not link.connection.exists(Keys("filled-store").generation):
        template = kept("redis", filled, link=link)
        fill(template, 0, 8 * HOUR)
        template.close()
    keys = zip(Keys("filled-store").all(), Keys(f"{folder.name}-store"[-60:]).all(), strict=True)
    for source, target in keys:
        link.connection.copy(source, target)
    return kept("redis", folder / "store", link=link)


def fill(found: Kept, first: float, last: float, ahead: float = 0.0) -> None:
    """Append the ticks in (first, last], seconds since START, by a clock that is `ahead`."""
    for count in range(int(first // STEP) + 1, int(last // STEP) + 1):
        values = {"a": float(count % 100), **({"b": 1.5} if count % 3 else {})}
        tick = Tick(START + count * STEP + ahead, STEP, values)
        if isinstance(found.store, PromptStore):
            assert RedisStore.append(found.store, tick)
            if count % 20 == 0:
                found.store.finish()
        else:
            assert found.store.append(tick)
    finish(found)


def finish(found: Kept) -> None:
    if isinstance(found.store, PromptStore):
        for _round in range(3):
            found.store.writer.wake()
            found.store.finish()


def rewind(found: Kept, seconds: float, restores: bool = False) -> None:
    found.store.rewind(Rewind(round((START + seconds) * 1000), restores))
    finish(found)


def points(reader: Reader) -> list[list[Point]]:
    """Return time, mean and weight of each point of each level; log and seconds are one level."""
    if isinstance(reader, PromptReader):
        reader = PromptReader(reader.client, reader.name)  # without a cache
    recent = reader.since(float("-inf"), 100_000)
    found: list[list[Point]] = []
    for level in reader.levels():
        columns = level.columns(0, 1 << 60, ["a"])
        assert all(old < new for old, new in pairwise(columns.t.tolist()))
        parts = (columns.mean[0].tolist(), columns.weight[0].tolist()) if len(columns.t) else ([], [])
        found.append(list(zip(columns.t.tolist(), *parts, strict=True)))
    ticks = [(round(tick.time * 1000), tick.values["a"], float(STEP)) for tick in recent]
    assert all(old[0] < new[0] for old, new in pairwise(ticks))
    if ticks:
        # The log is complete from its oldest tick on: blocks have only the first of its ticks.
        in_both = [point for point in found[0] if point[0] >= ticks[0][0]]
        assert in_both == ticks[: len(in_both)]
    found[0] = sorted({*found[0], *ticks})
    return found


def expected_ticks(*spans: tuple[float, float]) -> list[Point]:
    """Return the ticks that `fill` appends in these spans."""
    return [
        ((START + count * STEP) * 1000, float(count % 100), float(STEP))
        for first, last in spans
        for count in range(int(first // STEP) + 1, int(last // STEP) + 1)
    ]


def rolled_up(ticks: list[Point], step: int) -> list[Point]:
    """Return the points of `step` seconds."""
    grouped: dict[int, list[float]] = {}
    for time_ms, value, _weight in ticks:
        grouped.setdefault(point_end_ms(time_ms, step), []).append(value)
    return [(end, fmean(values), float(STEP * len(values))) for end, values in grouped.items()]


def assert_history(reader: Reader, *spans: tuple[float, float]) -> None:
    """The history has exactly these ticks; its minutes and hours are made of them."""
    ticks = expected_ticks(*spans)
    seconds, *coarser = points(reader)
    assert seconds == ticks
    for level, step in zip(coarser, (60, HOUR), strict=True):
        expected = rolled_up(ticks, step)
        assert level == expected[: len(level)]
        # The rest is still in the log, or in minutes of a block that is not complete.
        missing = 21 * 60 if step == 60 else 6 * HOUR + 21 * 60
        assert len(expected) - len(level) <= missing // step + 1
