"""The collector's loop with a fake clock: the ticks that it appends, and when."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from clocks import FakeClock
from thorough import amount

from dashapp.collector import service
from dashapp.collector.clock import LogClock, deadlines
from dashapp.collector.sampler import Sampler
from dashapp.collector.service import collect
from dashapp.config.cli import CHILD_OF_ATTACH, CHILD_VARIABLE
from dashapp.config.settings import MEMORY_RETENTION_S
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.factory import rows_to_keep
from dashapp.stores.memory import MemoryStore

LOAD = Metric("load", "Load", "", "load")


class CountingSource:
    def __init__(self) -> None:
        self.count = 0

    def read(self) -> Mapping[Metric, float]:
        self.count += 1
        return {LOAD: float(self.count)}


def test_collect_stores_one_tick_per_interval() -> None:
    store = MemoryStore()
    collect(store, FakeClock(wall=1000.4, waits=40), 1)
    times = [tick.time for tick in store.since(0, 100)]
    assert len(times) >= 19
    assert all(new - old == 1 for old, new in pairwise(times))
    assert times[0] == 1001


@pytest.mark.parametrize(("ahead", "waits"), [(30, 1000), (4000, 20)])
def test_collect_continues_store_with_tick_from_future(tmp_path: Path, ahead: int, waits: int) -> None:
    store = DiskStore(tmp_path)
    store.append(Tick(1000 + ahead, 1, {"load": 1}))
    clock = FakeClock(wall=1000.0, waits=waits)
    collect(store, clock, 1)
    assert abs(store.newest().time_ms / 1000 - clock.wall()) <= 2
    assert store.dropped == 0
    store.close()


@pytest.mark.parametrize("jump", [3600.0, -30.0])
def test_sampler_drops_no_tick_when_clock_jumps(jump: float) -> None:
    clock, store = FakeClock(wall=10_000.0), MemoryStore()
    sampler = Sampler([CountingSource()], store, 1)
    due = deadlines(clock, 1, LogClock(clock), first=0.0)
    for number in range(50):
        sampler.tick(next(due))
        if number == 20:
            clock.jump(jump)
    assert store.dropped == 0
    assert [tick.values["load"] for tick in store.since(0, 100)] == list(range(1, 51))


@pytest.mark.parametrize("interval", [0.1, 1, 60])
def test_rows_to_keep_covers_memory_retention_at_any_interval(interval: float) -> None:
    assert rows_to_keep(interval) * interval >= MEMORY_RETENTION_S


def test_sampler_keeps_store_bounded_after_one_day(caplog: pytest.LogCaptureFixture) -> None:
    """Fault 40 for the collector; tests/browser/test_render_cost.py covers the page."""
    step = amount(5, 1)
    clock, store = FakeClock(wall=10_000.0), MemoryStore(keep=7800)
    sampler = Sampler([CountingSource()], store, step)
    due = deadlines(clock, step, LogClock(clock), first=0.0)
    with caplog.at_level(logging.INFO):
        for _ in range(86_400 // step):
            sampler.tick(next(due))
    assert len(store.since(0, 100_000)) == 7800
    assert store.newest().time_ms == 1000 * (10_000 + 86_400 - step)
    assert not caplog.records


@pytest.mark.parametrize(("child", "count"), [("1", 1), (CHILD_OF_ATTACH, 0)])
def test_collector_of_attached_app_sends_no_notifications(
    child: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may read the settings file of the monitor, which sends them."""
    (tmp_path / "dashapp.toml").write_text('notify = ["json://127.0.0.1:9/"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CHILD_VARIABLE, child)
    notified: list[int] = []
    monkeypatch.setattr(service, "when_parent_exits", lambda _: None)
    monkeypatch.setattr(service, "stop_on_signals", Event)
    monkeypatch.setattr(service, "ignore_stop_signals", lambda: None)
    monkeypatch.setattr(
        service, "collect_into", lambda _, settings, __: notified.append(len(settings.notify))
    )
    assert service.main(["--store", str(tmp_path / "data")]) == 0
    assert notified == [count]
