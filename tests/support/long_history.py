"""Hours of ticks that resemble a cloud machine's CPU, and a store with them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from csv_store import seal

from dashapp.model.rollup import point_end_ms
from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import Retention

NOW = 1_795_218_000
DAY = 86_400


def calm_with_spikes(count: int, end: int = NOW, seed: int = 7, step: int = 1) -> list[Tick]:
    """Return ticks as of a cloud machine's CPU: long calm, rare spikes of one tick, some gaps."""
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


def by_minute(ticks: Iterable[Tick]) -> dict[int, list[Tick]]:
    """Return the ticks of each minute by its end in milliseconds."""
    found: dict[int, list[Tick]] = {}
    for tick in ticks:
        found.setdefault(point_end_ms(to_milliseconds(tick.time), 60), []).append(tick)
    return found


def fill(folder: Path, ticks: Sequence[Tick]) -> None:
    """Write a store with these ticks up to NOW; all but the last 20 minutes are archived."""
    folder.mkdir(exist_ok=True)
    sealed = [tick for tick in ticks if tick.time <= NOW - 1200]
    seal(folder, sealed, Retention())
    store = DiskStore(folder)
    for tick in ticks[len(sealed) :]:
        assert store.append(tick)
    store.close()


def store_of_nine_hours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tick]]:
    folder = tmp_path_factory.mktemp("filled")
    ticks = calm_with_spikes(9 * 3600)
    fill(folder, ticks)
    return folder, ticks
