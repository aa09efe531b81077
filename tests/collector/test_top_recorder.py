"""The recorder of top processes: when it scans, what it stores, and how it explains alerts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Event

import pytest
from clocks import FakeClock
from waiting import PATIENCE_S, wait_for

from dashapp.alerts.message import compose_message
from dashapp.alerts.monitor import AlertMonitor
from dashapp.collector.service import collect, top_recorder
from dashapp.collector.top_recorder import MAX_CPU_SHARE, TopRecorder
from dashapp.config.settings import parse_settings
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Tick
from dashapp.model.top import TopEntry, TopRecord
from dashapp.sources.system.top.ranking import TopRanking, Usage
from dashapp.sources.system.top.scan import process_scanner
from dashapp.stores.memory import MemoryStore

START = 1_790_000_000


class _Machine(TopRanking):
    """Each reading returns the next of `readings`, or raises it; `waits` holds the scans back."""

    def __init__(self, *readings: Usage | Exception | None) -> None:
        self.readings = list(readings)
        self.count = 0
        self.waits = Event()
        self.waits.set()

    def read(self) -> Usage | None:
        assert self.waits.wait(PATIENCE_S)
        self.count += 1
        reading = self.readings.pop(0) if self.readings else usage("idle", 1)
        if isinstance(reading, Exception):
            raise reading
        return reading


def usage(name: str, percent: float, seconds: float = 10) -> Usage:
    rankings = {"cpu": [TopEntry(name, percent, 1)], "memory": [TopEntry("java", 5e9, 1)]}
    return Usage(rankings, 100 - percent, seconds)


class _Bench:
    """A recorder whose scans end before the next step."""

    def __init__(self, machine: _Machine, **options: object) -> None:
        self.machine = machine
        self.store = MemoryStore()
        self.recorder = TopRecorder(machine, self.store, max_wait=PATIENCE_S, **options)  # type: ignore[arg-type]

    def step(self, second: float) -> None:
        self.recorder.step(START + second)
        wait_for(lambda: self.recorder._request is None)

    def records(self) -> list[TopRecord]:
        return list(self.store.top_levels()[0].records(0, 1 << 60))

    def times(self) -> list[float]:
        return [record.time_ms / 1000 - START for record in self.records()]


@pytest.fixture
def bench() -> Iterator[_Bench]:
    made = _Bench(_Machine(None))
    with closing(made.recorder):
        yield made


def test_recorder_stores_a_record_every_ten_seconds(bench: _Bench) -> None:
    for second in range(35):
        bench.step(second)
    assert bench.times() == [10, 20, 30]
    assert bench.machine.count == 4
    record = bench.records()[0]
    assert (record.step, record.unknown, record.rankings["cpu"]) == (10, 99, (TopEntry("idle", 1, 1),))


@pytest.mark.parametrize("interval", [0.5, 7, 30])
def test_recorder_follows_the_ticks_of_any_interval(bench: _Bench, interval: float) -> None:
    for number in range(int(130 / interval) + 1):
        bench.step(number * interval)
    gaps = [later - earlier for earlier, later in zip(bench.times(), bench.times()[1:], strict=False)]
    assert gaps
    assert all(abs(gap - max(interval, 10)) < interval for gap in gaps)


def test_scan_of_very_many_processes_is_rarer() -> None:
    cpu = iter([value for number in range(100) for value in (0.0, 100 * MAX_CPU_SHARE)])
    bench = _Bench(_Machine(None), cpu_clock=lambda: next(cpu))
    with closing(bench.recorder):
        for second in range(350):
            bench.step(second)
        assert bench.machine.count == 4
        assert [later - 100 for later in bench.times()[1:]] == bench.times()[:-1]


def test_slow_scan_delays_no_step_and_is_not_repeated(bench: _Bench) -> None:
    bench.machine.waits.clear()
    for second in range(100):
        bench.recorder.step(START + second)  # returns although the scan does not end
    bench.machine.waits.set()
    wait_for(lambda: bench.recorder._request is None)
    assert bench.machine.count == 1


def test_failed_scan_costs_only_its_record(bench: _Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.machine.readings = [None, OSError("no list"), OSError("no list"), RuntimeError("x")]
    for second in range(65):
        bench.step(second)
    assert bench.times() == [40, 50, 60]
    assert len([entry for entry in caplog.records if "processes cannot be read" in entry.message]) == 1


def test_clock_step_back_forgets_later_records(bench: _Bench) -> None:
    for second in range(35):
        bench.step(second)
    bench.recorder.follow_clock(START + 15)
    assert [record.time_ms for record in bench.recorder._recent] == [1000 * (START + 10)]
    bench.step(16)
    bench.step(17)
    assert bench.times()[-1] == 16


def alert(bench: _Bench, rule: str, ticks: dict[float, float]) -> AlertMonitor:
    """Evaluate `rule` for the ticks, by second, and step the recorder."""
    monitor = AlertMonitor([Threshold.parse(rule)], bench.store, None, bench.recorder.explain)
    key = rule.split()[0]
    for second, value in ticks.items():
        tick = Tick(START + second, 1, {key: value})
        bench.store.append(tick)
        monitor.observe(tick)
        bench.step(second)
    return monitor


def test_alert_records_at_once_and_names_what_used_the_cpu_while_it_waited(bench: _Bench) -> None:
    bench.machine.readings = [None, usage("calm", 90), usage("ffmpeg", 80), usage("ffmpeg", 20, 5)]
    alert(bench, "cpu.percent > 90 for 15s", {second: 50 if second < 10 else 99 for second in range(32)})
    assert bench.times() == [10, 20, 25, 30]
    found = bench.store.alert_processes()
    # Ten seconds with 80 %, and five with 20 %.
    assert found[1].ranking == [TopEntry("ffmpeg", 60, 1)]
    change = bench.store.changes()[0]
    message = compose_message([change], 1, 1, "dashapp", found)
    assert message.title == "dashapp: cpu.percent > 90 for 15s: firing, at 99 (ffmpeg 60 %)"
    assert "(ffmpeg 60 %)" in message.body


def test_alert_about_memory_names_the_largest(bench: _Bench) -> None:
    bench.step(0)
    alert(bench, "memory.percent >= 80", {1: 85})
    (found,) = bench.store.alert_processes().values()
    assert (found.kind, found.ranking) == ("memory", [TopEntry("java", 5e9, 1)])


@pytest.mark.parametrize(
    ("rule", "value"), [("cpu.percent < 5", 1.0), ("disk.read > 1", 5.0), ("shop.orders > 1", 5.0)]
)
def test_alert_without_a_culprit_names_none(bench: _Bench, rule: str, value: float) -> None:
    bench.step(0)
    alert(bench, rule, {1: value})
    assert len(bench.store.changes()) == 1
    assert bench.store.alert_processes() == {}
    assert bench.times() == [1]


def test_alert_before_the_first_scan_names_none(bench: _Bench) -> None:
    alert(bench, "cpu.percent > 5", {1: 50})
    assert len(bench.store.changes()) == 1
    assert bench.store.alert_processes() == {}


def test_alert_does_not_wait_for_a_scan_that_hangs(bench: _Bench) -> None:
    recorder = TopRecorder(bench.machine, bench.store, max_wait=0.0)
    bench.machine.waits.clear()
    monitor = AlertMonitor([Threshold.parse("cpu.percent > 5")], bench.store, None, recorder.explain)
    with closing(recorder):
        recorder.step(START)
        tick = Tick(START + 1, 1, {"cpu.percent": 50})
        assert len(monitor.observe(tick)) == 1
        bench.machine.waits.set()
    assert bench.store.alert_processes() == {}


def test_alerts_name_no_process_if_names_are_never_shown() -> None:
    bench = _Bench(_Machine(None), explains=False)
    with closing(bench.recorder):
        bench.step(0)
        alert(bench, "cpu.percent > 5", {1: 50})
    assert (bench.times(), bench.store.alert_processes()) == ([1], {})


@pytest.mark.parametrize(
    ("arguments", "is_recorded"),
    [([], True), (["--no-process-history"], False), (["--source", "none", "--source", "demo"], False)],
)
def test_settings_switch_the_recording_off(arguments: list[str], is_recorded: bool) -> None:
    recorder = top_recorder(parse_settings(arguments, {}), MemoryStore())
    assert (recorder is not None) == is_recorded


def test_collector_records_the_processes_of_this_machine() -> None:
    store = MemoryStore()
    recorder = TopRecorder(TopRanking(process_scanner()), store)

    class Clock(FakeClock):
        def wait(self, seconds: float) -> bool:
            wait_for(lambda: recorder._request is None)
            return super().wait(seconds) or bool(store.top_levels()[0].newest())

    with closing(recorder):
        collect(store, Clock(), 1.0, top=recorder)
    (record,) = store.top_levels()[0].records(0, 1 << 60)
    assert record.time_ms % 10_000 == 0
    assert record.rankings["memory"]
