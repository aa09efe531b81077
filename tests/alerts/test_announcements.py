"""Announcements: quiet hours, repeated messages and mutes, with a fake clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from store_variants import KINDS, Kept, kept

from dashapp.alerts.announcements import is_quiet
from dashapp.alerts.monitor import AlertMonitor
from dashapp.model.alerts.controls import ACKNOWLEDGE, CHANGE_RULE, CREATE, DELETE, MUTE, UNMUTE, AlertAction
from dashapp.model.alerts.rules import MAX_RULES, parse_rule
from dashapp.model.thresholds import REMINDER
from dashapp.model.ticks import Tick, to_milliseconds
from dashapp.stores.base import Rewind
from dashapp.stores.memory import MemoryStore

BERLIN = ZoneInfo("Europe/Berlin")
HOT, CALM = 95.0, 5.0


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    found = kept(request.param, tmp_path / "store")
    yield found
    found.close()


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


class Clock:
    """Ticks of one metric, and the messages that they cause: state and kind."""

    def __init__(self, kept: Kept, rule: str) -> None:
        self.kept, self.rule = kept, parse_rule(rule)
        self.restart()

    def restart(self) -> None:
        self.monitor = AlertMonitor([self.rule], self.kept.store, zone=BERLIN)

    def tick(self, time: float, value: float) -> list[str]:
        tick = Tick(time, 1, {"cpu.percent": value})
        assert self.kept.store.append(tick)
        changes = self.monitor.observe(tick)
        return [
            ("still " if each.kind == REMINDER and each.firing else "")
            + ("firing" if each.firing else "resolved")
            for each in changes
            if not each.silence
        ]

    def act(self, kind: str, time: float, until: float | None = None) -> None:
        self.monitor.apply(AlertAction(f"{kind}{time}", kind, self.rule, time, "mia", "known", until))


NIGHT = "cpu.percent > 90 except Sat-Sun 22:00-06:00"


def test_alert_of_quiet_hours_is_sent_at_their_end(both: Kept) -> None:
    clock = Clock(both, NIGHT)
    assert clock.tick(at("2026-11-28 23:00"), HOT) == []
    assert both.reader.thresholds()[0].firing
    clock.restart()
    assert clock.tick(at("2026-11-29 05:59:59"), HOT) == []
    assert clock.tick(at("2026-11-29 06:00"), HOT) == ["still firing"]
    assert clock.tick(at("2026-11-29 06:00:01"), HOT) == []
    assert [each.silence for each in both.reader.changes()] == ["quiet"]


def test_alert_that_begins_and_ends_in_quiet_hours_sends_nothing(both: Kept) -> None:
    clock = Clock(both, NIGHT)
    assert clock.tick(at("2026-11-28 23:00"), HOT) == []
    assert clock.tick(at("2026-11-29 02:00"), CALM) == []
    clock.restart()
    assert clock.tick(at("2026-11-29 12:00"), CALM) == []
    assert [each.firing for each in both.reader.changes()] == [True, False]


def test_alert_that_began_in_quiet_hours_and_was_not_sent_resolves_silently(both: Kept) -> None:
    clock = Clock(both, NIGHT)
    assert clock.tick(at("2026-11-29 05:59:58"), HOT) == []
    clock.act(MUTE, at("2026-11-29 05:59:59"), at("2026-11-29 07:00"))
    assert clock.tick(at("2026-11-29 06:30"), CALM) == []
    assert clock.tick(at("2026-11-29 07:30"), CALM) == []


def test_resolution_in_quiet_hours_is_sent_at_their_end(both: Kept) -> None:
    clock = Clock(both, NIGHT)
    assert clock.tick(at("2026-11-28 21:59"), HOT) == ["firing"]
    assert clock.tick(at("2026-11-28 22:30"), CALM) == []
    clock.restart()
    assert clock.tick(at("2026-11-29 06:00"), CALM) == ["resolved"]
    assert clock.tick(at("2026-11-29 06:01"), CALM) == []


def test_alert_is_repeated_until_resolved_also_after_restart(both: Kept) -> None:
    clock = Clock(both, "cpu.percent > 90 repeat 30m")
    start = at("2026-11-27 12:00")
    assert clock.tick(start, HOT) == ["firing"]
    assert clock.tick(start + 1799, HOT) == []
    clock.restart()
    assert clock.tick(start + 1800, HOT) == ["still firing"]
    clock.restart()
    assert clock.tick(start + 1801, HOT) == []
    assert clock.tick(start + 3600, HOT) == ["still firing"]
    assert clock.tick(start + 3700, CALM) == ["resolved"]
    assert clock.tick(start + 9000, CALM) == []
    # The log has one reminder of an alert, so that reminders displace no changes.
    assert [each.kind for each in both.reader.alert_log()] == ["", REMINDER, ""]
    assert [each.kind for each in both.reader.changes()] == ["", ""]
    numbers = [each.number for each in both.reader.alert_log()]
    assert numbers == sorted(set(numbers))


def test_rule_without_repeat_sends_one_message(both: Kept) -> None:
    clock = Clock(both, "cpu.percent > 90")
    start = at("2026-11-27 12:00")
    sent = [clock.tick(start + 86_400 * day, HOT) for day in range(5)]
    assert sent == [["firing"], [], [], [], []]


def test_mute_for_an_hour_delays_messages_also_after_restart(both: Kept) -> None:
    clock = Clock(both, "cpu.percent > 90 repeat 10m")
    start = at("2026-11-27 12:00")
    assert clock.tick(start, HOT) == ["firing"]
    clock.act(MUTE, start, start + 3600)
    assert clock.tick(start + 1200, HOT) == []
    clock.restart()
    assert clock.tick(start + 1300, CALM) == []
    assert clock.tick(start + 1400, HOT) == []
    assert both.reader.alert_controls().mutes
    assert clock.tick(start + 3600, HOT) == ["still firing"]
    assert not both.reader.alert_controls().mutes


def test_mute_until_resolved_ends_with_alert(both: Kept) -> None:
    clock = Clock(both, "cpu.percent > 90 repeat 10m")
    start = at("2026-11-27 12:00")
    assert clock.tick(start, HOT) == ["firing"]
    clock.act(MUTE, start)
    assert clock.tick(start + 86_400, HOT) == []
    assert clock.tick(start + 86_401, CALM) == ["resolved"]
    assert not both.reader.alert_controls().mutes
    assert clock.tick(start + 86_402, HOT) == ["firing"]


def test_unmute_sends_what_was_not_sent(both: Kept) -> None:
    clock = Clock(both, "cpu.percent > 90")
    start = at("2026-11-27 12:00")
    clock.tick(start, CALM)
    clock.act(MUTE, start, start + 86_400)
    assert clock.tick(start + 1, HOT) == []
    clock.act(UNMUTE, start + 2)
    assert clock.tick(start + 3, HOT) == ["still firing"]


def test_acknowledgement_ends_repeated_messages_until_resolved(both: Kept) -> None:
    clock = Clock(both, "cpu.percent > 90 repeat 10m")
    start = at("2026-11-27 12:00")
    assert clock.tick(start, HOT) == ["firing"]
    clock.act(ACKNOWLEDGE, start + 1)
    clock.restart()
    assert clock.tick(start + 3600, HOT) == []
    assert [each.comment for each in both.reader.alert_controls().acknowledgements.values()] == ["known"]
    assert clock.tick(start + 3601, CALM) == ["resolved"]
    assert not both.reader.alert_controls().acknowledgements
    assert clock.tick(start + 3602, HOT) == ["firing"]
    assert clock.tick(start + 4300, HOT) == ["still firing"]


def test_message_about_missing_data_obeys_quiet_hours(both: Kept) -> None:
    clock = Clock(both, "cpu.percent missing for 1m except Sun")
    start = at("2026-11-28 23:59:30")
    assert clock.tick(start, HOT) == []
    for minute in range(1, 4):
        tick = Tick(start + 60 * minute, 1, {"other": 1})
        assert both.store.append(tick)
        assert all(each.silence == "quiet" for each in clock.monitor.observe(tick))
    assert clock.tick(at("2026-11-29 12:00"), HOT) == []


@pytest.mark.parametrize(
    ("time", "fold", "quiet"),
    [
        # The clock is set back at 03:00 to 02:00: the hour is quiet twice.
        ("2026-10-25 01:59", 0, False),
        ("2026-10-25 02:00", 0, True),
        ("2026-10-25 02:59", 0, True),
        ("2026-10-25 02:00", 1, True),
        ("2026-10-25 02:59", 1, True),
        ("2026-10-25 03:00", 1, False),
        # It is set forward at 02:00 to 03:00: the hour does not exist.
        ("2026-03-29 01:59", 0, False),
        ("2026-03-29 03:00", 0, False),
    ],
)
def test_quiet_hours_follow_clock_on_the_wall_on_dst_days(time: str, fold: int, quiet: bool) -> None:
    rule = parse_rule("a > 1 except Sun 02:00-03:00")
    moment = datetime.fromisoformat(time).replace(tzinfo=BERLIN, fold=fold).timestamp()
    assert is_quiet(rule, moment, BERLIN) is quiet


def test_quiet_hours_use_zone_of_machine_without_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    rule, moment = parse_rule("a > 1 except 22:00-23:00"), at("2026-11-28 22:30")
    found = []
    for zone in ("Europe/Berlin", "UTC"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        found.append(is_quiet(rule, moment, None))
    monkeypatch.undo()
    time.tzset()
    assert found == [True, False]


@pytest.mark.parametrize("size", [-3600, -86_400 * 365, 3600, 86_400 * 365])
def test_rest_of_mute_is_as_long_after_clock_was_set(both: Kept, size: float) -> None:
    clock = Clock(both, "cpu.percent > 90 repeat 10m")
    start = at("2026-11-27 12:00")
    assert clock.tick(start, HOT) == ["firing"]
    clock.act(MUTE, start, start + 3600)
    after = None
    if size < 0:
        after = start + size
        both.store.rewind(Rewind(to_milliseconds(after)))
    clock.monitor.follow_clock(size, after)
    clock.restart()
    assert clock.tick(start + size + 3599, HOT) == []
    assert clock.tick(start + size + 3600, HOT) == ["still firing"]


def test_mute_whose_end_is_by_a_wrong_clock_sends_messages(both: Kept) -> None:
    clock = Clock(both, "cpu.percent > 90")
    start = at("2026-11-27 12:00")
    clock.tick(start, CALM)
    clock.act(MUTE, start, start + 86_400 * 365)
    assert clock.tick(start + 1, CALM) == []
    assert clock.tick(start + 2, HOT) == ["firing"]
    assert not both.reader.alert_controls().mutes


def test_changed_rule_that_is_gone_does_not_exceed_the_limit() -> None:
    monitor = AlertMonitor([parse_rule(f"m{number} > 1") for number in range(MAX_RULES)], MemoryStore())
    gone, changed = parse_rule("a > 1"), parse_rule("a > 2")
    monitor.apply(AlertAction("1", CHANGE_RULE, changed, 1.0, replaces=gone))
    assert len(monitor._all_thresholds()) == MAX_RULES


def test_rule_that_is_created_again_does_not_fire_since_its_earlier_life(both: Kept) -> None:
    clock = Clock(both, "cpu.percent > 90")
    start = at("2026-11-27 12:00")
    rule = parse_rule("cpu.percent > 50")
    monitor = clock.monitor
    monitor.apply(AlertAction("1", CREATE, rule, start))
    assert clock.tick(start, 60) == ["firing"]
    monitor.apply(AlertAction("2", DELETE, rule, start))
    clock.tick(start + 1, CALM)
    monitor.apply(AlertAction("3", CREATE, rule, start + 1))
    clock.tick(start + 2, CALM)
    clock.restart()
    assert [state.firing for state in both.reader.thresholds()] == [False, False]
    assert clock.tick(start + 3, CALM) == []
