"""Rules about trends and usual ranges: when they fire, their words, and their states."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from long_series import CPU, DAY, FILESYSTEM, HOUR, NOW, fill_days, rising

from dashapp.alerts.message import describe_change
from dashapp.alerts.monitor import AlertMonitor
from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import Tick
from dashapp.stores.base import Store
from dashapp.stores.disk.store import DiskStore

KEY = FILESYSTEM.key
SOON = Threshold.parse("filesystem.root reaches 95 within 3d")


class Collector:
    """Appends ticks to a store and observes them, as the collector does."""

    def __init__(self, store: Store, *rules: Threshold) -> None:
        self.store = store
        self.monitor = AlertMonitor(rules, store)
        self.time = store.newest().time_ms / 1000
        self.changes: list[AlertChange] = []

    def tick(self, values: Mapping[str, float], seconds: float = 60) -> list[AlertChange]:
        """Return the changes of a tick after the outlook of its time is known."""
        self.time += seconds
        tick = Tick(self.time, 60, values)
        assert self.store.append(tick)
        changes = self.monitor.observe(tick)
        assert self.monitor.wait_for_outlook()
        self.changes += changes
        return changes

    def run(self, value: Callable[[float], float], seconds: float, key: str = KEY, step: float = 60) -> None:
        for _ in range(round(seconds / step)):
            self.tick({key: value(self.time + step)}, step)

    def close(self) -> None:
        self.monitor.close()
        self.store.close()


@pytest.fixture
def collector_of(tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    collectors: list[Collector] = []

    def open_collector(value: Callable[[float], float], *rules: Threshold, days: float = 7.5) -> Collector:
        collectors.append(Collector(fill_days(tmp_path, lambda time: {KEY: value(time)}, days), *rules))
        return collectors[-1]

    yield open_collector
    for collector in collectors:
        collector.close()


def test_reaches_rule_fires_with_the_time_in_words(collector_of: Callable[..., Collector]) -> None:
    collector = collector_of(rising(6), SOON)
    collector.run(rising(6), 120)
    (change,) = collector.changes
    assert change.firing
    assert describe_change(change) == ("filesystem.root reaches 95\u202f% in 2 days, at 80.0083")
    assert collector.store.changes() == [change]


@pytest.mark.parametrize(
    ("per_day", "rule", "fires"),
    [
        (6, "filesystem.root reaches 95 within 3d", True),
        (6, "filesystem.root.percent reaches 95% within 3d", True),
        (6, "filesystem.root reaches 95 within 2d", False),
        (6, "filesystem.root reaches 86 within 36h", True),
        (6, "filesystem.root reaches 100 within 3d", False),
        (0, "filesystem.root reaches 95 within 300d", False),
        (-6, "filesystem.root reaches 95 within 300d", False),
        (0, "filesystem.root reaches 80 within 3d", True),
        (6, "filesystem.other reaches 95 within 3d", False),
    ],
)
def test_reaches_rule_compares_the_forecast_with_its_time(
    collector_of: Callable[..., Collector], per_day: float, rule: str, fires: bool
) -> None:
    collector = collector_of(rising(per_day), Threshold.parse(rule))
    collector.run(rising(per_day), 180)
    assert [change.firing for change in collector.changes] == [True] * fires


def test_reaches_rule_goes_on_while_values_are_around_the_limit(
    collector_of: Callable[..., Collector],
) -> None:
    """The trend is at the limit, and each second value is still below it."""

    def swing(time: float) -> float:
        return rising(6, 95)(time) + (0.5 if time // 60 % 2 else -0.5)

    collector = collector_of(swing, SOON)
    collector.run(swing, 1800)
    assert [change.firing for change in collector.changes] == [True]


def test_reaches_rule_waits_for_its_duration(collector_of: Callable[..., Collector]) -> None:
    collector = collector_of(rising(6), Threshold.parse("filesystem.root reaches 95 within 3d for 10m"))
    collector.run(rising(6), 600)
    assert not collector.changes
    collector.run(rising(6), 300)
    assert [change.firing for change in collector.changes] == [True]


def test_reaches_rule_fires_at_the_limit_without_any_history(collector_of: Callable[..., Collector]) -> None:
    collector = collector_of(lambda _: 96.0, SOON, days=0.1)
    (change,) = collector.tick({KEY: 96.0})
    assert describe_change(change) == "filesystem.root has reached 95\u202f%, at 96"
    collector.tick({KEY: 20.0})
    collector.tick({KEY: 20.0})
    assert [change.firing for change in collector.changes] == [True, False]
    assert describe_change(collector.changes[1]) == "filesystem.root reaches 95 within 3d: resolved, at 20"


def test_reaches_rule_resolves_when_the_forecast_is_gone(collector_of: Callable[..., Collector]) -> None:
    collector = collector_of(rising(6), SOON)
    collector.run(rising(6), 120)
    assert [change.firing for change in collector.changes] == [True]
    # Somebody deletes files. One hour alone could be an outlier.
    collector.run(lambda _: 20.0, 4.5 * HOUR, step=300)
    assert [change.firing for change in collector.changes] == [True, False]


def test_reaches_rule_keeps_its_state_after_a_restart(tmp_path: Path) -> None:
    with closing(Collector(fill_days(tmp_path, lambda time: {KEY: rising(6)(time)}), SOON)) as collector:
        collector.run(rising(6), 120)
        assert collector.monitor.states() == [AlertState(SOON, True, collector.changes[0].time)]
    with closing(Collector(DiskStore(tmp_path), SOON)) as collector:
        collector.run(rising(6), 120)
        assert not collector.changes
        assert [state.firing for state in collector.store.thresholds()] == [True]


def test_outlook_follows_a_rule_that_is_added_later(collector_of: Callable[..., Collector]) -> None:
    from dashapp.model.alerts.controls import CREATE, AlertAction

    collector = collector_of(rising(6))
    collector.run(rising(6), 120)
    collector.monitor.apply(AlertAction("1", CREATE, SOON, collector.time))
    collector.run(rising(6), 120)
    assert [change.firing for change in collector.changes] == [True]


def test_reminder_has_the_current_forecast(collector_of: Callable[..., Collector]) -> None:
    rule = Threshold.parse("filesystem.root reaches 95 within 3d repeat 1d")
    collector = collector_of(rising(6, 78), rule)
    collector.run(rising(6, 78), 1.1 * DAY, step=300)
    assert [describe_change(change).partition(",")[0] for change in collector.changes] == [
        "filesystem.root reaches 95\u202f% in 3 days",
        "filesystem.root still reaches 95\u202f% in 44 hours",
    ]


CHANCE = random.Random(5)


def calm_cpu(time: float) -> float:
    """Return a CPU that works at noon (UTC), with some noise."""
    return (40 if 11 <= time % DAY / HOUR < 15 else 5) + CHANCE.uniform(-2, 2)


@pytest.mark.parametrize(
    ("weeks", "value", "fires"),
    [(4, 60.0, True), (4, 8.0, False), (2, 60.0, True), (1, 60.0, False)],
)
def test_unusual_rule_compares_minutes_with_the_last_weeks(
    tmp_path: Path, weeks: int, value: float, fires: bool
) -> None:
    rule = Threshold.parse("cpu.percent unusual for 5m")

    def values(time: float) -> Mapping[str, float]:
        # The other hours do not matter, and take time.
        is_near = min((NOW - time) % (7 * DAY), (time - NOW) % (7 * DAY)) < HOUR
        return {CPU.key: calm_cpu(time)} if is_near else {}

    store = fill_days(tmp_path, values, 7 * weeks + 0.1, [CPU], minutes=7 * weeks + 0.1)
    with closing(Collector(store, rule)) as collector:
        collector.run(lambda _: value, 1200, CPU.key)
        assert [change.firing for change in collector.changes] == [True] * fires
        if fires:
            text = describe_change(collector.changes[0])
            assert text.startswith("cpu.percent is unusual: at this time usually ")
            assert text.endswith(", at 60")
        collector.run(calm_cpu, 900, CPU.key)
        assert [change.firing for change in collector.changes] == [True, False] * fires


def test_outlook_is_computed_once_an_hour(collector_of: Callable[..., Collector]) -> None:
    collector = collector_of(rising(6), SOON)
    reads: list[object] = []
    original = collector.store.mean_levels

    def counted() -> object:
        reads.append(1)
        return original()

    collector.store.mean_levels = counted  # type: ignore[method-assign, assignment]
    collector.run(rising(6), 2 * HOUR)
    assert len(reads) == 3
