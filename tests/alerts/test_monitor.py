"""The alert monitor: its states reach readers and survive restarts and disk errors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from clocks import FakeClock
from effort import calls_of
from store_variants import KINDS, Kept, kept

from dashapp.alerts.message import describe_change
from dashapp.alerts.monitor import FIRST_VALUE_TIMEOUT_S, AlertMonitor
from dashapp.collector.service import collect
from dashapp.model.alerts.controls import CREATE, DELETE, AlertAction
from dashapp.model.thresholds import QUIET, AlertState, Threshold
from dashapp.model.ticks import Tick
from dashapp.stores.base import Rewind
from dashapp.stores.disk.notices import NoticeFile, read_notices
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.memory import MemoryStore

HOT = Threshold("cpu.percent", ">", 90)


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    found = kept(request.param, tmp_path / "store")
    yield found
    found.close()


def append_and_observe(kept: Kept, alert_monitor: AlertMonitor, at: float, **values: float) -> None:
    """Store a tick, then observe it, as the collector does."""
    tick = Tick(at, 1, {key.replace("_", "."): value for key, value in values.items()})
    assert kept.store.append(tick)
    alert_monitor.observe(tick)


def test_monitor_stores_every_state_for_readers(both: Kept) -> None:
    assert both.reader.thresholds() == []
    calm = Threshold("memory.percent", ">=", 1.5e9, 90)
    alert_monitor = AlertMonitor([HOT, calm], both.store)
    assert both.reader.thresholds() == [AlertState(HOT), AlertState(calm)]
    append_and_observe(both, alert_monitor, 1000.001, cpu_percent=95)
    assert both.reader.thresholds() == [AlertState(HOT, True, 1000.001), AlertState(calm)]
    append_and_observe(both, alert_monitor, 1001, cpu_percent=5)
    assert both.reader.thresholds() == [AlertState(HOT, False, 1001), AlertState(calm)]


def test_monitor_continues_states_after_restart(both: Kept) -> None:
    gone = Threshold("gone", ">", 0)
    alert_monitor = AlertMonitor([HOT, gone], both.store)
    append_and_observe(both, alert_monitor, 1000, cpu_percent=95, gone=1)
    both.reopen()
    alert_monitor = AlertMonitor([HOT], both.store)
    assert both.reader.thresholds() == [AlertState(HOT, True, 1000)]
    append_and_observe(both, alert_monitor, 1005, other=1)
    assert both.reader.thresholds() == [AlertState(HOT, True, 1000)]
    append_and_observe(both, alert_monitor, 1006, cpu_percent=5)
    assert both.reader.thresholds() == [AlertState(HOT, False, 1006)]
    both.reopen()
    AlertMonitor([], both.store)
    assert both.reader.thresholds() == []


@pytest.mark.parametrize("ends", ["settings", "page", "killed"])
def test_alert_ends_when_its_rule_is_removed(both: Kept, ends: str) -> None:
    """Otherwise the receivers of the first message wait for another one for ever."""
    rule = Threshold("disk.percent", ">", 80)
    alert_monitor = AlertMonitor([HOT] if ends == "page" else [HOT, rule], both.store)
    if ends == "page":
        alert_monitor.apply(AlertAction("a1", CREATE, rule, 999.0))
    append_and_observe(both, alert_monitor, 1000, cpu_percent=95, disk_percent=85)
    if ends == "page":
        alert_monitor.apply(AlertAction("a2", DELETE, rule, 1000.5))
    else:
        both.reopen()
        alert_monitor = AlertMonitor([HOT], both.store)
    if ends == "killed":  # before the next tick
        both.reopen()
        alert_monitor = AlertMonitor([HOT], both.store)
    tick = Tick(1001, 1, {"cpu.percent": 96.0, "disk.percent": 86.0})
    assert both.store.append(tick)
    (change,) = alert_monitor.observe(tick)
    assert describe_change(change) == "disk.percent > 80: ended, its rule was removed"
    assert (change.silence, change.time) == ("", 1001)
    assert alert_monitor.observe(Tick(1002, 1, {"cpu.percent": 96.0})) == []
    both.reopen()
    assert AlertMonitor([HOT], both.store).observe(Tick(1003, 1, {"cpu.percent": 96.0})) == []


def test_muted_alert_ends_silently_when_its_rule_is_removed() -> None:
    store = MemoryStore()
    rule = Threshold.parse("cpu.percent > 90 except Mon-Sun 00:00-23:59")
    monitor = AlertMonitor([rule], store, zone=UTC)
    assert [change.silence for change in monitor.observe(Tick(1000, 1, {"cpu.percent": 95.0}))] == [QUIET]
    (change,) = AlertMonitor([], store).observe(Tick(1001, 1, {"cpu.percent": 95.0}))
    assert (change.firing, change.silence) == (False, QUIET)


def test_monitor_observe_returns_changes() -> None:
    store = MemoryStore()
    alert_monitor = AlertMonitor([HOT], store)
    batches = [
        alert_monitor.observe(Tick(1000 + at, 1, {"cpu.percent": value}))
        for at, value in enumerate((5, 95, 95, 5))
    ]
    assert [[(each.firing, each.value) for each in changes] for changes in batches] == [
        [],
        [(True, 95)],
        [],
        [(False, 5)],
    ]


def test_monitor_writes_no_file_without_thresholds(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    AlertMonitor([], store).observe(Tick(1000, 1, {"a": 1}))
    store.close()
    assert not list(tmp_path.glob("thresholds*"))


def test_monitor_writes_file_only_on_change(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    alert_monitor = AlertMonitor([HOT], store)
    before = (tmp_path / "thresholds.json").stat().st_ino, (tmp_path / "thresholds.json").stat().st_mtime_ns
    for at in range(100):
        alert_monitor.observe(Tick(1000 + at, 1, {"cpu.percent": 5}))
    after = (tmp_path / "thresholds.json").stat().st_ino, (tmp_path / "thresholds.json").stat().st_mtime_ns
    store.close()
    assert before == after


def test_monitor_states_are_written_when_disk_recovers(tmp_path: Path) -> None:
    """A folder has the name of the temporary file, so that even root cannot write the file."""
    store, reader = DiskStore(tmp_path), DiskReader(tmp_path)
    alert_monitor = AlertMonitor([HOT], store)
    (tmp_path / "thresholds.new").mkdir()
    tick = Tick(1000, 1, {"cpu.percent": 95})
    assert store.append(tick)
    assert alert_monitor.observe(tick)
    assert reader.thresholds() == [AlertState(HOT)]
    (tmp_path / "thresholds.new").rmdir()
    assert store.append(Tick(1001, 1, {"cpu.percent": 95}))
    assert reader.thresholds() == [AlertState(HOT, True, 1000)]
    reader.close()
    store.close()


def test_monitor_states_are_written_again_when_folder_disappears(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store, reader = DiskStore(folder), DiskReader(folder)
    AlertMonitor([HOT], store).observe(Tick(1000, 1, {"cpu.percent": 95}))
    folder.rename(tmp_path / "away")
    assert reader.thresholds() == []
    store.append(Tick(1001, 1, {"cpu.percent": 95}))
    assert reader.thresholds() == [AlertState(HOT, True, 1000)]
    reader.close()
    store.close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}x",
        b"7",
        b"null",
        b"[7]",
        b"[[]]",
        b'[["cpu.percent > 90", true]]',
        b'[["no sentence", true, null]]',
        b"[[7, true, null]]",
        b'[["cpu.percent > 90", true, "x"]]',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_monitor_ignores_corrupt_states_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "thresholds.json").write_bytes(content)
    store = DiskStore(tmp_path)
    assert store.thresholds() == []
    AlertMonitor([HOT], store).observe(Tick(1000, 1, {"cpu.percent": 95}))
    assert store.thresholds() == [AlertState(HOT, True, 1000)]
    store.close()


class NoticeRecorder:
    def __init__(self) -> None:
        self.sentence = ""
        self.count = 0

    def set(self, sentence: str) -> None:
        self.sentence = sentence
        self.count += 1

    def clear(self) -> None:
        self.sentence = ""


def test_monitor_shows_notice_until_unknown_metric_has_value() -> None:
    notice = NoticeRecorder()
    alert_monitor = AlertMonitor([Threshold("cpu.precent", ">", 90), HOT], MemoryStore(), notice)

    values = {"cpu.percent": 5.0, "memory.percent": 5.0}
    for at in range(int(FIRST_VALUE_TIMEOUT_S)):
        alert_monitor.observe(Tick(1000 + at, 1, values))
        assert notice.sentence == ""
    for at in range(100):
        alert_monitor.observe(Tick(1000 + FIRST_VALUE_TIMEOUT_S + at, 1, values))
    assert (
        notice.sentence
        == '--threshold names "cpu.precent", which no source provides; did you mean cpu.percent?'
    )
    assert notice.count == 1
    alert_monitor.observe(Tick(2000, 1, {"cpu.precent": 1.0}))
    assert notice.sentence == ""


def test_monitor_notice_is_short_with_many_unknown_metrics() -> None:
    notice = NoticeRecorder()
    alert_monitor = AlertMonitor(
        [Threshold(f"<b>zz{number}" * 20, ">", 1) for number in range(60)], MemoryStore(), notice
    )
    for at in (0.0, FIRST_VALUE_TIMEOUT_S):
        alert_monitor.observe(Tick(1000 + at, 1, {"cpu.percent": 5}))
    assert notice.sentence.count("--threshold names") == 5
    assert notice.sentence.count("see /api/metrics") == 5
    assert len(notice.sentence) < 1000


@pytest.mark.parametrize("count", [100, 800])
def test_monitor_compares_names_only_when_they_change(count: int) -> None:
    """After one comparison with all names, unknown metrics cost a tick nothing."""
    values = {f"app.service{number}.requests": 1.0 for number in range(count)}
    rules = [Threshold(f"app.servise{number}.request", ">", 5) for number in range(5)]
    alert_monitor = AlertMonitor(rules, MemoryStore(), NoticeRecorder())
    alert_monitor.observe(Tick(1000, 1, values))
    first = calls_of(lambda: alert_monitor.observe(Tick(1000 + FIRST_VALUE_TIMEOUT_S, 1, values)))
    assert first > 5 * count
    for at in range(1, 4):
        tick = Tick(1000 + FIRST_VALUE_TIMEOUT_S + at, 1, dict(list(values.items())[at % 2 :]))
        assert calls_of(lambda: alert_monitor.observe(tick)) < 100  # noqa: B023
    more = Tick(2000, 1, values | {"app.new": 1.0})
    assert calls_of(lambda: alert_monitor.observe(more)) < first / 4


def test_monitor_notice_names_similar_metric_that_appears_later() -> None:
    notice = NoticeRecorder()
    alert_monitor = AlertMonitor([Threshold("cpu.precent", ">", 90)], MemoryStore(), notice)
    for at, name, similar in [
        (0, "memory", ""),
        (40, "cpu.perc", "cpu.perc?"),
        (41, "cpu.percent", "cpu.percent?"),
    ]:
        alert_monitor.observe(Tick(1000 + at, 1, {name: 1.0}))
        assert notice.sentence.partition("did you mean ")[2] == similar
    alert_monitor.observe(Tick(1042, 1, {"other": 1.0}))
    assert notice.sentence.endswith("did you mean cpu.percent?")


def test_monitor_clears_notice_of_earlier_run(tmp_path: Path) -> None:
    NoticeFile(tmp_path, "thresholds").set("old")
    AlertMonitor([], MemoryStore(), NoticeFile(tmp_path, "thresholds"))
    assert read_notices(tmp_path) == []


def test_memory_store_keeps_one_notice_per_sink() -> None:
    store = MemoryStore(notice="in memory only")
    one, two = store.notice_sink("one"), store.notice_sink("two")
    one.set("first")
    one.set("second")
    two.set("third")
    assert store.notices() == ["in memory only", "second", "third"]
    one.clear()
    one.clear()
    assert store.notices() == ["in memory only", "third"]


def test_collect_evaluates_alerts_after_tick_is_stored() -> None:
    store = MemoryStore()
    collect(store, FakeClock(waits=10), 1, monitor=AlertMonitor([Threshold("memory.percent", ">", 0)], store))
    first = store.since(0, 100)[0]
    assert store.thresholds() == [AlertState(Threshold("memory.percent", ">", 0), True, first.time)]


def test_monitor_corrects_times_of_clock_that_was_ahead(both: Kept) -> None:
    monitor = AlertMonitor([HOT], both.store)
    append_and_observe(both, monitor, 1000, cpu_percent=95)
    append_and_observe(both, monitor, 1001, cpu_percent=5)
    monitor.follow_clock(4000, None)
    append_and_observe(both, monitor, 5002, cpu_percent=95)
    monitor.follow_clock(-4000, 1001)
    assert [change.time for change in both.reader.changes()] == [1000, 1001, 1002]
    assert both.reader.thresholds() == [AlertState(HOT, True, 1002)]
    assert AlertMonitor([HOT], both.store).observe(Tick(1004, 1, {"cpu.percent": 5}))[0].time == 1004


def test_monitor_restores_times_if_clock_was_set_back_by_mistake(both: Kept) -> None:
    calm = Threshold("memory.percent", ">", 1)
    monitor = AlertMonitor([HOT, calm], both.store)
    append_and_observe(both, monitor, 900, cpu_percent=5, memory_percent=2)
    append_and_observe(both, monitor, 5000, cpu_percent=95, memory_percent=2)
    both.store.rewind(Rewind(1_000_000))
    monitor.follow_clock(-4000, 1000)
    assert both.reader.thresholds() == [AlertState(HOT, True, 1000), AlertState(calm, True, 900)]
    append_and_observe(both, monitor, 1001, cpu_percent=95, memory_percent=0)
    monitor.follow_clock(4000, 1000, restores=True)
    assert [change.time for change in both.reader.changes()] == [900, 5000, 5001]
    assert both.reader.thresholds() == [AlertState(HOT, True, 5000), AlertState(calm, False, 5001)]


@pytest.mark.parametrize("size", [3600, -3600, 86_400 * 365, -86_400 * 365])
def test_duration_of_alert_goes_on_while_clock_is_set(size: float) -> None:
    monitor = AlertMonitor([Threshold("a", ">", 90, 20)], MemoryStore())
    times = [1_800_000_000.0 + second for second in range(40)]
    fired = []
    for second, time in enumerate(times):
        if second == 10:
            monitor.follow_clock(size, None if size > 0 else time + size - 1)
        now = time + (size if second >= 10 else 0)
        fired += [(second, change.firing) for change in monitor.observe(Tick(now, 1, {"a": 95}))]
    assert fired == [(20, True)]


@pytest.mark.parametrize("size", [3600, -3600, 86_400 * 365])
def test_present_metric_is_not_missing_when_clock_is_set(size: float) -> None:
    monitor = AlertMonitor([Threshold("a", "missing", 0, 10)], MemoryStore())
    for second in range(40):
        if second == 20:
            monitor.follow_clock(size, None if size > 0 else 1_800_000_019 + size)
        time = 1_800_000_000.0 + second + (size if second >= 20 else 0)
        assert monitor.observe(Tick(time, 1, {"a": 1})) == []


@pytest.mark.parametrize("size", [3600, -3600])
def test_missing_metric_is_reported_in_time_after_clock_was_set(size: float) -> None:
    monitor = AlertMonitor([Threshold("a", "missing", 0, 10)], MemoryStore())
    monitor.observe(Tick(5000, 1, {"a": 1}))
    monitor.follow_clock(size, None if size > 0 else 5000 + size)
    times = [5001 + size + second for second in range(20)]
    changes = [change for time in times for change in monitor.observe(Tick(time, 1, {"b": 1}))]
    assert [change.time for change in changes] == [5010 + size]


@pytest.mark.parametrize("size", [3600, -3600])
def test_unknown_metric_is_reported_in_time_after_clock_was_set(size: float) -> None:
    store = MemoryStore()
    monitor = AlertMonitor([Threshold("gone", ">", 1)], store, store.notice_sink("thresholds"))
    monitor.observe(Tick(5000, 1, {"a": 1}))
    monitor.follow_clock(size, None if size > 0 else 5000 + size)
    monitor.observe(Tick(5001 + size, 1, {"a": 1}))
    assert store.notices() == []
    monitor.observe(Tick(5000 + size + FIRST_VALUE_TIMEOUT_S, 1, {"a": 1}))
    assert len(store.notices()) == 1
