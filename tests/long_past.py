"""Hours of ticks as a cloud machine's CPU has them, and a store that they were written to."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from dashapp.model.ticks import Tick
from dashapp.stores.disk.store import DiskStore

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


def store_of_nine_hours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tick]]:
    """A store with nine hours of ticks, sealed but for the last minutes."""
    folder = tmp_path_factory.mktemp("filled")
    ticks = calm_with_spikes(9 * 3600)
    store = DiskStore(folder)
    for tick in ticks:
        assert store.append(tick)
    store.close()
    return folder, ticks
