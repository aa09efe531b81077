"""Overlays: each point once, under the name of its host, with wrong clocks and outages."""

from __future__ import annotations

import random
from typing import Any

from fake_hosts import METRICS, NOW, Clock, Fleet
from hypothesis import given, settings
from hypothesis import strategies as st
from overlay_of import overlay
from thorough import amount

from dashapp.model.ticks import Metric, to_milliseconds
from dashapp.query.frames import live_frame
from dashapp.query.overlay import CATCH_UP_MS, OverlayReader
from dashapp.query.overlay_sync import NEXT_TICK_GRACE_MS


class Viewer:
    """Streams like a page: keeps the cursor of the last frame, and every point so far."""

    def __init__(self, compared: OverlayReader, window: float = 1000) -> None:
        self.laid, self.window = compared, window
        self.cursor = ""
        self.points: dict[tuple[str, int], float] = {}
        self.resets = 0

    def look(self) -> None:
        got = live_frame(self.laid, self.window, self.cursor)
        if got.reset:
            self.points, self.resets = {}, self.resets + 1
        for key, column in got.y.items():
            for at, value in zip(got.t.tolist(), column.tolist(), strict=True):
                if value == value:
                    assert (key, at) not in self.points or got.reset, "a point came twice"
                    self.points[key, at] = value
        self.cursor = got.cursor


def expected(fleet: Fleet, skews: dict[str, float], until: int) -> dict[tuple[str, int], float]:
    """Return every point up to `until`, by the clock of the store."""
    found: dict[tuple[str, int], float] = {}
    carried = [metric.key for metric in METRICS if metric.panel != "cores"]
    for name, machine in fleet.machines.items():
        for tick in machine.store.since(0, 100_000):
            at = to_milliseconds(tick.time) - round(1000 * skews.get(name, 0))
            if at <= until:
                found |= {(f"{name}/{key}", at): round(tick.values[key], 3) for key in carried}
    return found


def pair() -> tuple[Clock, Fleet]:
    """Return a clock, and two live hosts that use it."""
    clock = Clock()
    fleet = Fleet(clock)
    fleet.add("a", 10), fleet.add("b", 10)
    return clock, fleet


def test_overlay_metrics_have_host_in_key_and_label() -> None:
    fleet = Fleet(Clock())
    fleet.add("web-1", 5), fleet.add("db", 5)
    labels = {metric.key: (metric.label, metric.panel) for metric in overlay(fleet).metrics()}
    assert labels["web-1/cpu.percent"] == ("web-1", "cpu")
    assert labels["db/network.sent"] == ("db Sent", "network")
    assert not any("core0" in key for key in labels), "what a host has many of is on its own page"


def test_overlay_merges_points_of_same_time() -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 30), fleet.add("b", 30)
    got = live_frame(overlay(fleet), 100)
    assert len(got.t) == 30
    assert {key.split("/")[0] for key in got.y} == {"a", "b"}
    assert all(len(column) == 30 and (column == column).all() for column in got.y.values())


def test_overlay_aligns_hosts_with_wrong_clocks() -> None:
    fleet = Fleet(Clock())
    skews = {"ahead": 300.0, "behind": -130.0}
    for name in ("ahead", "behind", "right"):
        fleet.add(name, 50, skew=skews.get(name, 0.0))
    compared = overlay(fleet)
    viewer = Viewer(compared)
    viewer.look()
    assert viewer.points == expected(fleet, skews, compared.newest().time_ms)
    assert len({at for _, at in viewer.points}) == 50
    (said,) = compared.notices()
    clock_text = "The clock of ahead is 5 min ahead, the clock of behind is 2 min behind"
    assert said == f"{clock_text}; the points are moved to match."


def test_overlay_waits_for_late_live_host() -> None:
    clock, fleet = pair()
    compared = overlay(fleet)
    viewer = Viewer(compared)
    viewer.look()
    clock.now += 1
    fleet.come(["a"])
    viewer.look()
    assert compared.newest().time_ms == 1000 * NOW
    clock.now += 0.6
    fleet.come(["b"])
    viewer.look()
    assert compared.newest().time_ms == 1000 * (NOW + 1)
    assert viewer.points == expected(fleet, {}, compared.newest().time_ms)
    assert viewer.resets == 1


def test_overlay_does_not_wait_for_stopped_host() -> None:
    clock, fleet = pair()
    fleet.machines["b"].running = False
    compared = overlay(fleet)
    behind = []
    for _ in range(20):
        clock.now += 0.5
        fleet.come()
        behind.append(clock.now - compared.newest().time_ms / 1000)
    assert max(behind) <= 1 + NEXT_TICK_GRACE_MS / 1000 + 0.5
    assert max(behind[6:]) < 1
    assert "b stopped sending data." in compared.notices()
    # If the store reports an error, a silent host is not known to have stopped.
    fleet.said = ["Redis does not answer."]
    assert compared.notices() == ["Redis does not answer."]


def test_overlay_includes_ticks_of_host_after_its_outage() -> None:
    """A host loses the store for 20 s, then sends its backlog faster than viewers read."""
    clock, fleet = pair()
    compared = overlay(fleet)
    viewer = Viewer(compared)
    for second in range(60):
        clock.now += 1
        fleet.come(["a"] if 20 <= second < 40 else None)
        viewer.look()
    assert viewer.points == expected(fleet, {}, compared.newest().time_ms)
    assert viewer.resets == 3, "at first, when it came back, and when all it kept is there"
    assert CATCH_UP_MS < 20_000


def test_overlay_stays_current_while_host_sends_backlog() -> None:
    clock, fleet = pair()
    compared = overlay(fleet)
    viewer = Viewer(compared)
    viewer.look()
    clock.now += 600
    fleet.come(["a"])
    viewer.look()
    old = NOW
    while old < clock.now:
        # The host sends two minutes of ticks per second, until it has caught up.
        clock.now += 1
        fleet.come(["a"])
        for _ in range(120):
            old = min(old + 1, clock.now)
            fleet.machines["b"].append(old, clock.now)
        viewer.look()
        assert clock.now - compared.newest().time_ms / 1000 < 1 + 10
    for _ in range(15):
        clock.now += 1
        fleet.come()
        viewer.look()
    assert viewer.points == expected(fleet, {}, compared.newest().time_ms)


@settings(max_examples=amount(10, 200))
@given(st.integers(0, 10_000), st.sampled_from([1.0, 0.5, 2.0, 5.0]))
def test_overlay_streams_every_point_once(seed: int, step: float) -> None:
    """With delays, stops and restarts of hosts a viewer gets every point, each once."""
    chance = random.Random(seed)
    clock = Clock()
    fleet = Fleet(clock)
    skews = {"a": 0.0, "b": chance.choice([0.0, 300.0, -130.0]), "c": 0.0}
    fleet.add("a", 5), fleet.add("b", 5, skew=skews["b"]), fleet.add("c", 5, step=step)
    compared = overlay(fleet)
    viewer = Viewer(compared)
    times = []
    for _ in range(80):
        clock.now += chance.uniform(0.05, 0.9)
        fleet.come([name for name in fleet.machines if chance.random() < 0.7])
        viewer.look()
        times.append(compared.newest().time_ms)
    for _ in range(30):
        clock.now += 0.5
        fleet.come()
        viewer.look()
    assert viewer.points == expected(fleet, skews, compared.newest().time_ms)
    assert clock.now - compared.newest().time_ms / 1000 <= max(step, 1.0) + 0.5


def test_overlay_limits_metrics_with_32_hosts() -> None:
    fleet = Fleet(Clock())
    for number in range(32):
        fleet.add(f"web-{number}", 2)
    metrics = overlay(fleet).metrics()
    assert len(metrics) <= 192
    assert {metric.panel for metric in metrics} == {"cpu", "memory", "network"}
    assert len({metric.key for metric in metrics}) == len(metrics)


def test_overlay_of_empty_hosts_is_empty() -> None:
    fleet = Fleet(Clock())
    fleet.add("a"), fleet.add("b")
    compared = overlay(fleet)
    assert compared.newest().time_ms == 0
    assert live_frame(compared, 100).t.tolist() == []
    assert compared.since(0, 10) == []
    fleet.come()
    assert len(live_frame(compared, 100).t) == 1


def test_overlay_includes_metric_added_later() -> None:
    clock = Clock()
    fleet = Fleet(clock)
    fleet.add("a", 5), fleet.add("b", 5)
    compared = overlay(fleet)
    assert len(compared.metrics()) == 8
    more: list[Any] = [*METRICS, Metric("score.use", "Score", "%", "score", 0, 100)]
    fleet.machines["a"].store.describe(more)
    assert "a/score.use" in {metric.key for metric in compared.metrics()}
