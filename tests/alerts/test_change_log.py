"""The monitor's change log: each change once, with numbers that continue after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from effort import calls_of
from store_variants import KINDS, Kept, kept

from dashapp.alerts.monitor import AlertMonitor
from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import Tick
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.documents import MAX_CHANGES

HOT = Threshold("a", ">", 90)
ABSENT = Threshold.parse("a missing for 5s")


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    found = kept(request.param, tmp_path / "store")
    yield found
    found.close()


def append_and_observe(kept: Kept, monitor: AlertMonitor, at: float, value: float) -> list[tuple[int, bool]]:
    """Store and observe a tick, as the collector does; return (number, firing) of each change."""
    tick = Tick(at, 1, {"a": value})
    assert kept.store.append(tick)
    return [(each.number, each.firing) for each in monitor.observe(tick)]


def test_monitor_returns_changes_that_store_keeps(both: Kept) -> None:
    monitor = AlertMonitor([HOT], both.store)
    changes = [append_and_observe(both, monitor, 1000 + at, value) for at, value in enumerate((5, 95, 95, 5))]
    assert changes == [[], [(1, True)], [], [(2, False)]]
    assert [(each.number, each.time, each.value) for each in both.reader.changes()] == [
        (1, 1001, 95),
        (2, 1003, 5),
    ]


def test_monitor_continues_change_numbers_after_restart(both: Kept) -> None:
    append_and_observe(both, AlertMonitor([HOT], both.store), 1000, 95)
    both.reopen()
    monitor = AlertMonitor([HOT], both.store)
    assert append_and_observe(both, monitor, 1001, 95) == []
    assert append_and_observe(both, monitor, 1002, 5) == [(2, False)]
    assert len(both.reader.changes()) == 2


def test_monitor_logs_gap_between_two_collectors(both: Kept) -> None:
    append_and_observe(both, AlertMonitor([ABSENT], both.store), 1000, 1)
    both.reopen()
    assert append_and_observe(both, AlertMonitor([ABSENT], both.store), 1060, 1) == [(1, True), (2, False)]
    assert [each.time for each in both.reader.changes()] == [1005, 1060]


def test_change_log_keeps_changes_of_removed_threshold(both: Kept) -> None:
    append_and_observe(both, AlertMonitor([HOT], both.store), 1000, 95)
    both.reopen()
    AlertMonitor([], both.store)
    assert [each.threshold for each in both.reader.changes()] == [HOT]


def test_monitor_repairs_states_from_log_after_kill(both: Kept) -> None:
    """The process was killed between the two writes, so the states are older than the log."""
    append_and_observe(both, AlertMonitor([HOT], both.store), 1000, 5)
    before = both.store.thresholds()
    append_and_observe(both, AlertMonitor([HOT], both.store), 1001, 95)
    both.store.set_thresholds(before)
    both.reopen()
    monitor = AlertMonitor([HOT], both.store)
    assert both.reader.thresholds() == [AlertState(HOT, True, 1001)]
    assert append_and_observe(both, monitor, 1002, 95) == []
    assert append_and_observe(both, monitor, 1003, 5) == [(2, False)]


def test_removed_threshold_fires_again_when_it_is_back(both: Kept) -> None:
    """The log still has its last change, which is no state of the new threshold."""
    append_and_observe(both, AlertMonitor([HOT], both.store), 1000, 95)
    for thresholds in ([], [HOT], [HOT]):
        both.reopen()
        monitor = AlertMonitor(thresholds, both.store)
        assert [state.firing for state in both.reader.thresholds()] == [False] * len(thresholds)
    assert append_and_observe(both, monitor, 1002, 95) == [(2, True)]


def test_monitor_observe_is_fast_with_10000_changes(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    monitor = AlertMonitor([Threshold(f"m{number}", ">", 90) for number in range(10_000)], store)
    tick = Tick(1000, 1, {f"m{number}": 95.0 for number in range(10_000)})
    changes: list[AlertChange] = []
    # Each threshold needs about 40 calls.
    assert calls_of(lambda: changes.extend(monitor.observe(tick))) < 100 * 10_000
    assert [each.number for each in changes] == list(range(1, 10_001))
    assert len(store.changes()) == MAX_CHANGES
    store.close()
