"""A store with an hour of ticks, in which a deployment at three o'clock makes an alert fire."""

from __future__ import annotations

from dashapp.model.alerts.controls import AlertControls
from dashapp.model.events import BOOT, USER, Event, EventLog
from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import Metric, Tick, to_milliseconds
from dashapp.model.top import CPU, MEMORY, AlertProcesses, TopEntry, TopRecord
from dashapp.stores.base import Store
from dashapp.stores.documents import ALERT_CONTROLS, ALERT_PROCESSES, EVENTS, ZONE

# 28 November 2026, 15:30:00 in Berlin.
NOW = 1795876200
THREE = NOW - 1800
RULE = Threshold.parse("cpu.percent > 90 for 5s")
CPU_METRIC = Metric("cpu.percent", "CPU", "%", "cpu", 0, 100)
CATALOGUE = [CPU_METRIC, Metric("disk.read", "Read", "B/s", "disk"), Metric("a,b", "Comma", "", "x")]


def cpu(second: int) -> float:
    """Return 10 %, but for ten seconds after three o'clock 95 %."""
    return 95.0 if THREE < second <= THREE + 10 else 10.0


def fill(store: Store, until: int = NOW) -> None:
    """Write an hour of ticks, and what happened at three o'clock."""
    store.describe(CATALOGUE)
    store.write_document(ZONE, "Europe/Berlin")
    for second in range(until - 3600, until + 1):
        if not THREE - 900 < second <= THREE - 600:
            values = {"cpu.percent": cpu(second), "disk.read": float(second - NOW + 3600)}
            store.append(Tick(second, 1, values))
        if second % 10 == 0:
            name = "ffmpeg" if cpu(second) > 90 else "idle"
            rankings = {CPU: [TopEntry(name, 61.0, 2)], MEMORY: [TopEntry("postgres", 2e9, 9)]}
            store.append_top(TopRecord(1000 * second, 10, rankings, 0.5))
    marks = [Event(1000 * THREE, "deploy 1.4", USER, 1), Event(1000 * (NOW - 3600), "Boot", BOOT, 2)]
    store.write_document(EVENTS, EventLog(tuple(sorted(marks, key=lambda event: event.time_ms))))
    changes = [AlertChange(RULE, True, THREE + 5, 95.0, 1), AlertChange(RULE, False, THREE + 12, 10.0, 2)]
    store.set_changes(changes)
    used = AlertProcesses(to_milliseconds(THREE + 5), CPU, [TopEntry("ffmpeg", 61.0, 2)])
    store.write_document(ALERT_PROCESSES, {1: used})
    other = AlertState(Threshold.parse("disk.read > 1"), True, THREE)
    store.set_thresholds([AlertState(RULE, False, THREE + 12), other])
    store.write_document(ALERT_CONTROLS, AlertControls())
