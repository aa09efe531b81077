"""Events that the collector records: starts, gaps with their reason, and marks of people."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from clocks import START, FakeClock, SteppingClock
from redis_server import needs_redis
from store_variants import Links, kept, links_by_kind

from dashapp.collector.events import EventRecorder, Machine, read_machine
from dashapp.collector.service import collect
from dashapp.model.events import MAX_EVENTS, Event, EventLog
from dashapp.model.ticks import Metric, Tick
from dashapp.sources.push import PushSource, event_record, removal_record
from dashapp.sources.spec import MachineFiles
from dashapp.stores.base import Store
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue

links = pytest.fixture(scope="module")(links_by_kind)
HOUR = 3600.0
UP_S = 500.0


class Recording:
    """A recorder with a fake clock, and a machine that started UP_S before the clock."""

    def __init__(self, store: Store | None = None, retention: float = 1e9) -> None:
        self.clock = FakeClock(START)
        self.store = store or MemoryStore()
        self.retention = retention
        self.machine = Machine("boot-1", "web1", UP_S)
        self.asleep = 0.0

    def open(self) -> EventRecorder:
        """Start a collector now."""
        recorder = EventRecorder(
            self.store,
            self.clock,
            1.0,
            self.retention,
            lambda: self.machine,
            lambda: self.clock.monotonic() - self.asleep,
        )
        recorder.start(self.clock.wall())
        return recorder

    def tick(self, recorder: EventRecorder, *, is_empty: bool = False) -> None:
        self.clock.pass_time(1)
        if not is_empty:
            self.store.append(Tick(self.clock.wall(), 1, {"a": 1.0}))
        recorder.observe(self.clock.wall(), not is_empty)

    def events(self) -> list[tuple[float, str, str]]:
        """Return the events with their seconds since START."""
        return [
            (event.time_ms / 1000 - START, event.kind, event.text) for event in self.store.events().events
        ]


def test_first_start_records_machine_and_collector() -> None:
    recording = Recording()
    recording.open()
    assert recording.events() == [
        (-UP_S, "boot", "The machine started"),
        (0, "start", "The collector started"),
    ]


def test_restart_after_pause_records_gap_and_start() -> None:
    recording = Recording()
    recording.tick(recording.open())
    recording.clock.pass_time(HOUR)
    recording.open()
    assert recording.events()[2:] == [
        (1, "gap", "No data for 60 min: the collector was not running"),
        (HOUR + 1, "start", "The collector started"),
    ]


def test_restart_of_machine_is_reason_of_gap() -> None:
    recording = Recording()
    recording.tick(recording.open())
    recording.clock.pass_time(HOUR)
    recording.machine = Machine("boot-2", "web1", 60)
    recording.open()
    assert recording.events()[2:] == [
        (HOUR + 1 - 60, "boot", "The machine started"),
        (1, "gap", "No data for 60 min: the machine was off"),
        (HOUR + 1, "start", "The collector started"),
    ]


def test_collector_that_crashes_again_and_again_is_one_event_an_hour() -> None:
    recording = Recording()
    for _ in range(200):
        recording.tick(recording.open())
    assert [kind for _, kind, _ in recording.events()] == ["boot", "start"]
    for _ in range(int(HOUR)):
        recording.tick(recording.open())
    assert [kind for _, kind, _ in recording.events()] == ["boot", "start", "start"]


def test_changed_host_name_is_event() -> None:
    recording = Recording()
    recording.tick(recording.open())
    recording.machine = Machine("boot-1", "web2", 60)
    recording.open()
    recording.open()
    assert recording.events()[2:] == [(1, "start", "The host name changed from web1 to web2")]


def _suspend(recording: Recording) -> None:
    recording.clock.pass_time(HOUR)
    recording.asleep += HOUR - 1


@pytest.mark.parametrize(
    ("happen", "reason"),
    [
        (_suspend, "the machine was suspended"),
        (lambda recording: recording.clock.pass_time(HOUR), "the collector was stopped"),
        (lambda recording: recording.clock.jump(HOUR), "the clock was set forward"),
    ],
)
def test_gap_while_collector_runs_has_reason(happen: Callable[[Recording], None], reason: str) -> None:
    recording = Recording()
    recorder = recording.open()
    for _ in range(5):
        recording.tick(recorder)
    happen(recording)
    recording.tick(recorder)
    recording.tick(recorder)
    assert recording.events()[2:] == [(5, "gap", f"No data for 60 min: {reason}")]


def test_sources_without_values_are_reason_of_gap() -> None:
    recording = Recording()
    recorder = recording.open()
    recording.tick(recorder)
    for _ in range(60):
        recording.tick(recorder, is_empty=True)
    recording.tick(recorder)
    assert recording.events()[2:] == [(1, "gap", "No data for 61 s: no source returned a value")]


def test_late_tick_is_no_event() -> None:
    recording = Recording()
    recorder = recording.open()
    for _ in range(5):
        recording.clock.pass_time(8)
        recording.tick(recorder)
    assert len(recording.events()) == 2


class Steady:
    """A source with one value."""

    def read(self) -> dict[Metric, float]:
        return {Metric("a", "a", "", "a"): 1.0}


@pytest.mark.parametrize(
    ("steps", "texts"),
    [
        ([(600, -HOUR)], ["The clock was set back by 60 min"]),
        ([(600, -HOUR), (1200, HOUR)], ["The clock was set back", "The clock was set forward"]),
        ([(600, 3 * HOUR)], ["No data for 3 h"]),
        ([(600, -5), (900, 5)], []),
    ],
)
def test_step_of_clock_is_event(steps: list[tuple[float, float]], texts: list[str]) -> None:
    store = MemoryStore()
    collect(store, SteppingClock(steps, 2000), 10.0, extra_sources=[Steady()])
    gaps = [event.text for event in store.events().events if event.kind == "gap"]
    assert len(gaps) == len(texts), gaps
    for gap, text in zip(gaps, texts, strict=True):
        assert gap.startswith(text)


def test_step_back_moves_marks_and_removes_wrong_observations() -> None:
    """Somebody marks a deployment, and the collector a gap, while the clock is a day ahead."""
    recording = Recording()
    recorder = recording.open()
    recorder.add([(int((START + 86_400) * 1000), "deploy")], START)
    recording.tick(recorder)
    log = recording.store.events()
    clock = SteppingClock([(5, 86_400), (300, -86_400)], 600)
    queue = MemoryPushQueue()

    class Marking(Steady):
        def read(self) -> dict[Metric, float]:
            if 100 < clock.true() - START < 111:
                queue.put(event_record([(int(clock.wall() * 1000), "deploy")]))
            return super().read()

    store = MemoryStore()
    collect(store, clock, 10.0, push_queue=queue, extra_sources=[Marking()])
    assert log.events
    times = {event.text: event.time_ms / 1000 - START for event in store.events().events}
    assert times["deploy"] == pytest.approx(300, abs=15)
    assert max(times.values()) < 1000


@pytest.mark.parametrize("kind", ["memory", "disk", pytest.param("redis", marks=needs_redis)])
def test_pushed_event_is_stored_once_in_every_store(kind: str, links: Links, tmp_path: Path) -> None:
    found = kept(kind, tmp_path, link=links(kind))
    recorder = EventRecorder(found.store, FakeClock(START), 1.0)
    queue = MemoryPushQueue()
    source = PushSource(queue, lambda: 0)
    mark = (int(START * 1000), "deploy 1.4")
    for _ in range(2):
        queue.put(event_record([mark]))
        source.read()
        recorder.add(source.take_events(), START)
    assert source.take_events() == []
    found.store.drain(30)
    found.reopen()
    found.reader.newest()
    assert [(event.time_ms, event.text, event.kind) for event in found.reader.events().events] == [
        (*mark, "user")
    ]
    found.close()


@pytest.mark.parametrize(
    "record",
    [b"[", b"[1]", b"[[1]]", b'[[1,"a",2]]', b'[["1","a"]]', b'[[-1,"a"]]', b'[[1,""]]', b"[[" * 99],
)
def test_invalid_event_record_is_left_out(record: bytes) -> None:
    queue = MemoryPushQueue()
    source = PushSource(queue, lambda: 0)
    queue.put(record)
    queue.put(b'{"loss": 1}')
    assert list(source.read().values()) == [1.0]
    assert source.take_events() == []


def test_oldest_events_leave_after_limit_and_retention() -> None:
    recording = Recording(retention=HOUR)
    recorder = recording.open()
    recorder.add([(int(START * 1000) + number, f"mark {number}") for number in range(MAX_EVENTS + 10)], START)
    events = recording.store.events().events
    assert (len(events), events[0].text, events[-1].text) == (MAX_EVENTS, "mark 10", f"mark {MAX_EVENTS + 9}")
    numbers = [event.number for event in events]
    assert numbers == [*range(numbers[0], numbers[0] + MAX_EVENTS)]
    later = START + HOUR + 4
    recorder.add([(int(later * 1000), "later")], later)
    assert all(event.time_ms >= START * 1000 + 4000 for event in recording.store.events().events)


def test_same_event_is_in_log_once() -> None:
    log = EventLog().with_events([Event(1, "a", "user"), Event(1, "a", "user"), Event(1, "a", "gap")])
    assert [event.number for event in log.events] == [1, 2]
    assert log.with_events([Event(1, "a", "user")]) is log


@pytest.fixture
def boot_id(tmp_path: Path) -> Path:
    path = MachineFiles(str(tmp_path)).boot_id
    path.parent.mkdir(parents=True)
    path.write_text("d5e1-77\n")
    return path


@pytest.mark.usefixtures("boot_id")
def test_machine_is_read_from_kernel(tmp_path: Path) -> None:
    machine = read_machine(MachineFiles(str(tmp_path)))
    assert (machine.boot, bool(machine.host)) == ("d5e1-77", True)
    assert machine.since > 0
    assert read_machine(MachineFiles(str(tmp_path / "none"))).boot.isdecimal()


MARK = (int(START * 1000), "deploy 1.4")


@pytest.mark.parametrize(
    ("records", "texts"),
    [
        ([event_record([MARK]), removal_record(*MARK)], []),
        ([removal_record(*MARK)], ["other"]),
        ([removal_record(*MARK), event_record([MARK])], ["deploy 1.4", "other"]),
        ([removal_record(MARK[0] + 1, MARK[1])], ["deploy 1.4", "other"]),
        ([removal_record(MARK[0], "The collector started")], ["deploy 1.4", "other"]),
        ([b'[[1,"a","gone"]]', b'[[1,"a","removed",2]]'], ["deploy 1.4", "other"]),
    ],
)
def test_removed_mark_leaves_log_and_changes_its_number(records: list[bytes], texts: list[str]) -> None:
    recording = Recording()
    recorder = recording.open()
    if texts:
        recorder.add([MARK, (MARK[0] + 5, "other")], START)
    before = recording.store.events()
    queue = MemoryPushQueue()
    source = PushSource(queue, lambda: 0)
    for record in records:
        queue.put(record)
    source.read()
    recorder.add(source.take_events(), START, source.take_removed_events())
    after = recording.store.events()
    assert [event.text for event in after.events if event.kind == "user"] == texts
    numbers = [event.number for event in after.events]
    assert numbers == sorted(set(numbers))
    assert (after == before) == (numbers[-1] == before.events[-1].number)


def test_server_without_push_token_takes_marks_and_no_values() -> None:
    store, queue = MemoryStore(), MemoryPushQueue()
    queue.put(b'{"loss": 1}')
    queue.put(event_record([MARK]))
    clock = SteppingClock([], 30)
    collect(store, clock, 10.0, push_queue=queue, extra_sources=[Steady()], accepts_values=False)
    assert [event.text for event in store.events().events if event.kind == "user"] == ["deploy 1.4"]
    assert "loss" not in {key for tick in store.since(0, 100) for key in tick.values}


class Ordered(MemoryStore):
    """Notes which marks it has when a tick arrives.

    After the tick, no collector reads their records again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[list[str]] = []

    def append(self, tick: Tick) -> bool:
        self.marks.append([event.text for event in self.events().events if event.kind == "user"])
        return super().append(tick)


def test_store_has_marks_before_the_tick_that_ends_their_records() -> None:
    store, queue = Ordered(), MemoryPushQueue()
    queue.put(event_record([MARK]))
    collect(store, SteppingClock([], 30), 10.0, push_queue=queue, extra_sources=[Steady()])
    assert store.marks[0] == ["deploy 1.4"]


class Refusing(MemoryPushQueue):
    """A queue that cannot be read."""

    def take(self, newest: int, accept: Callable[[bytes], bool]) -> None:
        raise PermissionError("denied")


def test_queue_that_cannot_be_read_stops_no_tick() -> None:
    store = MemoryStore()
    clock = SteppingClock([], 30)
    collect(store, clock, 10.0, push_queue=Refusing(), extra_sources=[Steady()], accepts_values=False)
    assert len(store.since(0, 100)) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "The store could not be written for 42 s; no tick is lost"), (6, "")]
)
def test_locked_disk_is_event_when_it_is_written_again(tmp_path: Path, seconds: int, text: str) -> None:
    with closing(DiskStore(tmp_path / "data")) as store:
        recording = Recording(store)
        recorder = recording.open()
        recording.tick(recorder)
        with closing(sqlite3.connect(tmp_path / "data" / "cache.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            for _ in range(seconds // 2):
                recording.clock.pass_time(1)
                recording.tick(recorder)
        recording.clock.pass_time(1)
        recording.tick(recorder)
        gaps = [event for event in recording.events() if event[1] == "gap"]
        assert gaps == ([(1, "gap", text)] if text else [])
        assert store.lost_ticks() is None


def test_lost_ticks_are_event_with_their_number() -> None:
    class Losing(MemoryStore):
        lost: int | None = None

        def lost_ticks(self) -> int | None:
            return self.lost

    store = Losing()
    recording = Recording(store)
    recorder = recording.open()
    for store.lost in (None, 0, 1200, None, None):
        recording.tick(recorder)
    assert recording.events()[2:] == [
        (1, "gap", "1,200 ticks are lost: the store could not be written for 3 s")
    ]
