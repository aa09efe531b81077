"""Events of compared hosts: by one clock, with the name of their host."""

from __future__ import annotations

from fake_hosts import NOW, Clock, Fleet
from overlay_of import overlay

from dashapp.model.events import MAX_EVENTS, Event, EventLog
from dashapp.stores.documents import EVENTS

NOW_MS = int(NOW * 1000)


def write(fleet: Fleet, name: str, *events: tuple[int, str]) -> None:
    log = EventLog().with_events(Event(NOW_MS + 1000 * at, text, "user") for at, text in events)
    fleet.machines[name].store.write_document(EVENTS, log)


def test_overlay_has_events_of_all_hosts_in_order() -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 10), fleet.add("b", 10)
    compared = overlay(fleet)
    assert compared.events().events == ()
    write(fleet, "a", (-5, "deploy"), (-1, "rollback"))
    write(fleet, "b", (-3, "deploy"))
    log = compared.events()
    assert [event.text for event in log.events] == ["a: deploy", "b: deploy", "a: rollback"]
    assert compared.events() is log
    number = log.events[-1].number
    write(fleet, "b", (-3, "deploy"), (-8, "earlier"))
    assert compared.events().events[0].text == "b: earlier"
    assert compared.events().events[-1].number > number


def test_overlay_moves_events_of_host_with_wrong_clock() -> None:
    clock = Clock()
    fleet = Fleet(clock)
    fleet.add("a", 10), fleet.add("b", 10, skew=60)
    compared = overlay(fleet)
    for _ in range(8):
        clock.now += 1
        fleet.come()
        compared.newest()
    write(fleet, "b", (60, "deploy"))
    (event,) = compared.events().events
    assert abs(event.time_ms - NOW_MS) < 2000


def test_overlay_keeps_newest_events_of_many() -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 10), fleet.add("b", 10)
    write(fleet, "a", *((-number, "old") for number in range(MAX_EVENTS, 10, -1)))
    write(fleet, "b", *((number - 10, "new") for number in range(10)), *((-9000, str(n)) for n in range(9)))
    events = overlay(fleet).events().events
    assert len(events) == MAX_EVENTS - 10 + 10
    assert (events[0].text[0], events[-1].text) == ("a", "b: new")
