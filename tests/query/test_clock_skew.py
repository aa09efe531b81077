"""Clock skew of hosts: whole seconds, steady, unaffected by backlogs and late ticks."""

from __future__ import annotations

import pytest
from fake_hosts import NOW, Clock, Fleet

from dashapp.query.host_reader import CONFIRMING_TICKS, SKEW_TOLERANCE_MS, ClockSkews


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shift(fleet: Fleet, skews: ClockSkews, name: str) -> int:
    (host,) = [host for host in fleet.hosts() if host.name == name]
    return skews.offset_ms(host)


@pytest.mark.parametrize("ahead", [0.0, 0.3, -1.9, 2.4, -2.4])
def test_offset_is_zero_when_skew_is_within_tolerance(clock: Clock, ahead: float) -> None:
    fleet = Fleet(clock)
    fleet.add("web-1").append(NOW + ahead, NOW)
    skews = ClockSkews(fleet)
    assert shift(fleet, skews, "web-1") == 0
    assert skews.describe_skew("web-1") == ""
    assert skews.now("web-1") == NOW


@pytest.mark.parametrize(
    ("ahead", "moved", "said"),
    [
        (300.2, 300, "the clock of web-1 is 5 min ahead"),
        (-129.6, -130, "the clock of web-1 is 2 min behind"),
        (40, 40, "the clock of web-1 is 40 s ahead"),
        (-86_400, -86_400, "the clock of web-1 is 24 h behind"),
    ],
)
def test_offset_is_rounded_to_whole_seconds(clock: Clock, ahead: float, moved: int, said: str) -> None:
    fleet = Fleet(clock)
    fleet.add("web-1").append(NOW + ahead, NOW)
    skews = ClockSkews(fleet)
    assert shift(fleet, skews, "web-1") == 1000 * moved
    assert skews.describe_skew("web-1") == said
    assert skews.now("web-1") == NOW + moved


def test_offset_is_stable_when_ticks_arrive_late(clock: Clock) -> None:
    fleet = Fleet(clock)
    machine = fleet.add("web-1")
    skews = ClockSkews(fleet)
    for second in range(60):
        machine.append(NOW + second + 300, NOW + second + (0.49, 0.51, 1.9)[second % 3])
        assert shift(fleet, skews, "web-1") == 300_000


def test_offset_stays_zero_when_backlog_arrives(clock: Clock) -> None:
    fleet = Fleet(clock)
    machine = fleet.add("web-1")
    skews = ClockSkews(fleet)
    machine.append(NOW, NOW)
    assert shift(fleet, skews, "web-1") == 0
    # The store is away for a minute, then all ticks arrive within a second, each less late than the last.
    for second in range(1, 60):
        machine.append(NOW + second, NOW + 60 + second / 60)
        assert shift(fleet, skews, "web-1") == 0


def test_offset_changes_after_confirming_ticks_when_clock_is_set(clock: Clock) -> None:
    fleet = Fleet(clock)
    machine = fleet.add("web-1")
    skews = ClockSkews(fleet)
    machine.append(NOW, NOW)
    seen = [shift(fleet, skews, "web-1")]
    for second in range(1, CONFIRMING_TICKS + 1):
        machine.append(NOW + second + 120, NOW + second)
        # Two viewers read the offset; a tick counts once.
        seen += [shift(fleet, skews, "web-1"), shift(fleet, skews, "web-1")]
    assert seen == [0] * (2 * CONFIRMING_TICKS - 1) + [120_000] * 2


def test_offset_is_zero_without_ticks(clock: Clock) -> None:
    fleet = Fleet(clock)
    fleet.add("web-1")
    skews = ClockSkews(fleet)
    assert shift(fleet, skews, "web-1") == 0
    assert skews.describe_skew("nobody") == ""
    assert skews.now("nobody") == NOW


def test_clock_skews_drop_removed_hosts(clock: Clock) -> None:
    fleet = Fleet(clock)
    skews = ClockSkews(fleet)
    for number in range(1000):
        name = f"pod-{number}"
        fleet.add(name).append(NOW + 100, NOW)
        assert shift(fleet, skews, name) == 100_000
        fleet.forget(name)
    assert len(skews._skews) < 300
    assert SKEW_TOLERANCE_MS < 100_000


def test_tick_of_clock_that_was_just_set_forward_is_not_from_future(clock: Clock) -> None:
    """Until the skew is confirmed, the host's own time is that of its newest tick."""
    fleet = Fleet(clock)
    machine = fleet.add("web-1")
    skews = ClockSkews(fleet)
    machine.append(NOW, NOW)
    assert skews.now("web-1") == NOW
    for second in range(1, 2 * CONFIRMING_TICKS):
        clock.now = NOW + second
        machine.append(NOW + second + 3600, NOW + second)
        assert skews.now("web-1") == NOW + second + 3600
    clock.now += 100
    assert skews.now("web-1") == clock.now + 3600, "and a host that stopped gets older"
