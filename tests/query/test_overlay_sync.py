"""The hosts of an overlay: read in parallel if slow, compared by the newest known ticks."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier
from types import SimpleNamespace

import pytest
from fake_hosts import NOW, Clock, Fleet
from overlay_of import overlay
from waiting import PATIENCE_S

from dashapp.model.ticks import Cursor
from dashapp.query import overlay_sync
from dashapp.query.overlay_sync import PARALLEL_AFTER_S, newest_marks
from dashapp.stores.memory import MemoryStore


class SlowStore(MemoryStore):
    """A store whose first read is slow; `asked` stands for the delay."""

    def __init__(self, asked: Callable[[], object]) -> None:
        super().__init__()
        self._asked = asked

    def newest(self) -> Cursor:
        self._asked()
        return super().newest()


def test_newest_marks_reads_slow_hosts_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(overlay_sync, "time", SimpleNamespace(monotonic=lambda: now))

    def late() -> None:
        nonlocal now
        now += 10 * PARALLEL_AFTER_S

    # None of these returns before all of them are read, so only parallel reads finish.
    meet = Barrier(15, timeout=PATIENCE_S)
    readers = [SlowStore(late), *(SlowStore(meet.wait) for _ in range(15))]
    assert newest_marks(readers) == [MemoryStore.newest(reader) for reader in readers]


def test_overlay_waits_for_live_host_when_host_list_is_outdated() -> None:
    clock = Clock()
    fleet = Fleet(clock)
    fleet.add("a", 10), fleet.add("b", 10)
    compared = overlay(fleet)
    listed = fleet.hosts()
    clock.now += 3
    fleet.come()
    fleet.hosts = lambda: listed  # type: ignore[method-assign]
    clock.now += 1
    fleet.come(["a"])
    assert compared.newest().time_ms == 1000 * (NOW + 3), "b is a little late, and waited for"
