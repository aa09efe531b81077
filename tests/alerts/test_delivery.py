"""Alert delivery: each target gets each change once, despite failures, and no caller waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from threading import Event, Lock
from types import SimpleNamespace

import psutil
import pytest
from effort import calls_of
from waiting import PATIENCE_S, wait_for
from webhook_server import webhook

from dashapp.alerts import delivery
from dashapp.alerts.delivery import BURST_WINDOW_S, GROUP_WINDOW_S, MAX_BURST, AlertDelivery, target_id
from dashapp.alerts.message import Message, compose_message
from dashapp.model.thresholds import REMINDER, TEST, AlertChange, AlertState, Threshold
from dashapp.stores.memory import MemoryStore

HOT = Threshold.parse("cpu.percent > 90 for 30s")
HERE, THERE = "json://me:c4nary@here", "slack://c4nary/there"


class FakeSender:
    """Accepts messages as the apprise worker does, or returns the error `reason` if it is set."""

    def __init__(self, reason: str = "") -> None:
        self.given: list[tuple[str, Message]] = []
        self.tried: list[str] = []
        self.reason = reason
        self.open = {HERE: Event(), THERE: Event()}
        self.release()
        self._lock = Lock()

    def release(self) -> None:
        for event in self.open.values():
            event.set()

    def __call__(self, address: str, message: Message) -> str:
        self.tried.append(address)
        self.open[address].wait(60)
        with self._lock:
            if not self.reason:
                self.given.append((address, message))
        return self.reason

    def titles(self, address: str = HERE) -> list[str]:
        return [message.title for whom, message in self.given if whom == address]


def change(number: int, broken: bool = True, of: Threshold = HOT) -> AlertChange:
    return AlertChange(of, broken, 1_795_218_000.0 + number, 97.25, number)


class Harness:
    """A store and its delivery, which gets changes as from the monitor and the collector."""

    def __init__(self, store: MemoryStore, hand: FakeSender, *addresses: str) -> None:
        self.store = store
        self.alert_delivery = AlertDelivery(
            addresses, store, store.notice_sink("outbox"), "lab", hand, group_window=0
        )

    def put(self, *changes: AlertChange) -> None:
        self.store.set_changes([*self.store.changes(), *changes])
        self.alert_delivery.put(changes)


@contextmanager
def harness(hand: FakeSender, *addresses: str, store: MemoryStore | None = None) -> Iterator[Harness]:
    post = Harness(store or MemoryStore(), hand, *(addresses or (HERE,)))
    try:
        yield post
    finally:
        hand.release()
        post.alert_delivery.close()


@pytest.fixture
def fast_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make delivery retry almost at once."""
    monkeypatch.setattr(delivery, "BACKOFF_INITIAL_S", 0.01)
    monkeypatch.setattr(delivery, "BACKOFF_MAX_S", 0.02)


def test_delivery_sends_each_change_once_per_target() -> None:
    hand = FakeSender()
    with harness(hand, HERE, THERE) as post:
        post.put(change(1))
        wait_for(lambda: len(hand.given) == 2)
        post.put(change(2, broken=False))
        wait_for(lambda: len(hand.given) == 4)
    wanted = [
        "lab: cpu.percent > 90 for 30s: firing, at 97.25",
        "lab: cpu.percent > 90 for 30s: resolved, at 97.25",
    ]
    assert hand.titles(HERE) == hand.titles(THERE) == wanted
    assert [message.all_resolved for whom, message in hand.given if whom == HERE] == [False, True]
    assert "2026-11-20 23:40:01 UTC" in hand.given[0][1].body


def test_delivery_neither_repeats_nor_loses_changes_after_restart(fast_retries: None) -> None:
    store, hand = MemoryStore(), FakeSender()
    with harness(hand, store=store) as post:
        post.put(change(1))
        wait_for(lambda: store.deliveries() == {target_id(HERE): 1})
    store.set_changes([change(1), change(2, broken=False)])
    with harness(hand, HERE, THERE, store=store) as post:
        wait_for(lambda: len(hand.titles()) == 2)
        post.put(change(3))
        # A new address gets only later changes.
        wait_for(lambda: store.deliveries() == {target_id(HERE): 3, target_id(THERE): 3})
        assert (len(hand.titles()), len(hand.titles(THERE))) == (3, 1)
    with harness(hand, store=store):
        pass
    assert store.deliveries() == {target_id(HERE): 3}
    assert len(hand.given) == 4


def test_delivery_starts_over_when_change_log_is_lost() -> None:
    store, hand = MemoryStore(), FakeSender()
    store.set_deliveries({target_id(HERE): 57})
    with harness(hand, store=store) as post:
        post.put(change(1))
        wait_for(lambda: len(hand.given) == 1)


def test_delivery_retries_and_shows_notice_when_target_rejects(fast_retries: None) -> None:
    hand = FakeSender("it responded with status 500")
    with harness(hand, HERE, THERE) as post:
        post.put(change(1))
        wait_for(lambda: len(post.store.notices()) == 1 and "2 (slack)" in post.store.notices()[0])
        (said,) = post.store.notices()
        assert (
            "Alerts are not delivered to address 1 (json): it responded with status 500; dashapp retries."
            in said
        )
        assert "c4nary" not in said
        post.put(change(2, broken=False))
        tried = len(hand.tried)
        wait_for(lambda: len(hand.tried) > tried + 6)
        hand.reason = ""
        wait_for(lambda: len(hand.given) == 2)
        wait_for(lambda: post.store.notices() == [])
    (title,) = hand.titles()
    assert title == "lab: 2 alert changes; 0 firing now"
    assert hand.given[0][1].body.count("\n") == 1


def test_delivery_sends_one_message_for_10000_changes() -> None:
    hand = FakeSender()
    limits = [Threshold(f"m{number}<b>", ">", 90) for number in range(10_000)]
    changes = [change(number, of=each) for number, each in enumerate(limits, 1)]
    with harness(hand) as post:
        post.store.set_thresholds([AlertState(each, True) for each in limits])
        assert calls_of(lambda: post.alert_delivery.put(changes)) < 100, "as many for one"
        wait_for(lambda: post.store.deliveries() == {target_id(HERE): 10_000})
    ((_, message),) = hand.given
    assert message.title == "lab: 10,000 alert changes; 10,000 firing now"
    assert message.body.startswith("9,980 earlier changes: see /api/alerts\n")
    assert len(message.body) < 3000


def test_delivery_limits_messages_when_alert_flaps(monkeypatch: pytest.MonkeyPatch) -> None:
    hand, now = FakeSender(), 1000.0
    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: now))
    with harness(hand) as post:
        for number in range(1, MAX_BURST + 1):
            post.put(change(number, broken=number % 2 == 1))
            wait_for(lambda number=number: len(hand.given) == number)  # type: ignore[misc]
        for number in range(MAX_BURST + 1, 100):
            post.put(change(number, broken=number % 2 == 1))
        with post.alert_delivery._condition:
            now += BURST_WINDOW_S
            post.alert_delivery._condition.notify_all()
        wait_for(lambda: post.store.deliveries() == {target_id(HERE): 99})
    assert hand.titles()[MAX_BURST:] == [f"lab: {99 - MAX_BURST} alert changes; 0 firing now"]


def test_delivery_to_other_targets_continues_when_one_hangs() -> None:
    hand = FakeSender()
    with harness(hand, HERE, THERE) as post:
        hand.open[HERE].clear()
        for number in range(1, 4):
            post.put(change(number))
            wait_for(lambda: HERE in hand.tried and len(hand.titles(THERE)) == number)  # noqa: B023
        assert hand.titles(HERE) == []
        hand.open[HERE].set()
        wait_for(lambda: post.store.deliveries() == {target_id(HERE): 3, target_id(THERE): 3})
    assert hand.titles(HERE)[1:] == ["lab: 2 alert changes; 0 firing now"]


def test_delivery_close_does_not_wait_for_hanging_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SHUTDOWN_TIMEOUT_S", 0.01)
    hand, store = FakeSender(), MemoryStore()
    post = Harness(store, hand, HERE)
    hand.open[HERE].clear()
    post.put(change(1))
    wait_for(lambda: len(hand.tried) == 1)
    post.alert_delivery.close()
    assert hand.given == []
    # Another process may own the store by now.
    hand.release()
    for thread in post.alert_delivery._threads:
        thread.join(PATIENCE_S)
    assert len(hand.given) == 1
    assert store.deliveries() == {target_id(HERE): 0}


def test_closed_delivery_leaves_no_worker_that_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next collector sends the change, so a worker that went on would send it a second time."""
    monkeypatch.setattr(delivery, "SHUTDOWN_TIMEOUT_S", 0.01)
    monkeypatch.setattr(delivery, "CANCEL_TIMEOUT_S", PATIENCE_S)
    with webhook() as hook:
        hook.hanging = True
        store = MemoryStore()
        before = psutil.Process().children()
        box = AlertDelivery([hook.address], store, store.notice_sink("outbox"))
        box.put([change(1)])
        wait_for(lambda: bool(hook.tried))
        box.close()
        assert not any(thread.is_alive() for thread in box._threads)
        assert psutil.Process().children() == before
        assert store.deliveries() == {target_id(hook.address): 0}


def test_delivery_starts_no_thread_without_targets() -> None:
    store = MemoryStore()
    box = AlertDelivery((), store, store.notice_sink("outbox"))
    box.put([change(1)])
    box.close()
    assert box._threads == []
    assert store.deliveries() == {}


def test_delivery_groups_changes_of_consecutive_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    hand, now = FakeSender(), 1000.0
    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: now))
    store = MemoryStore()
    box = AlertDelivery([HERE], store, store.notice_sink("outbox"), "lab", hand)
    changes = [change(number, of=Threshold(f"m{number}", ">", 1)) for number in range(1, 501)]
    box.put(changes[:300])
    now += 1
    box.put(changes[300:])
    assert hand.tried == []
    with box._condition:
        now += GROUP_WINDOW_S
        box._condition.notify_all()
    wait_for(lambda: store.deliveries() == {target_id(HERE): 500})
    box.close()
    assert hand.titles() == ["lab: 500 alert changes; 0 firing now"]


def test_delivery_sends_nothing_for_silent_changes() -> None:
    hand = FakeSender()
    with harness(hand) as post:
        post.put(replace(change(1), silence="quiet"))
        wait_for(lambda: post.store.deliveries() == {target_id(HERE): 1})
        assert hand.tried == []
        post.put(replace(change(2, broken=False), silence="muted"), change(3))
        wait_for(lambda: post.store.deliveries() == {target_id(HERE): 3})
    assert hand.titles() == ["lab: cpu.percent > 90 for 30s: firing, at 97.25"]


def test_silent_change_starts_no_worker() -> None:
    """A worker would wait for the next message, and needs more memory than the collector."""
    store, before = MemoryStore(), psutil.Process().children()
    box = AlertDelivery([HERE], store, store.notice_sink("outbox"))
    try:
        box.put([replace(change(1), silence="quiet")])
        wait_for(lambda: store.deliveries() == {target_id(HERE): 1})
        assert psutil.Process().children() == before
    finally:
        box.close()


def test_replaced_reminders_are_no_earlier_changes() -> None:
    """After a restart the log has only the newest reminder."""
    hand, store = FakeSender(), MemoryStore()
    store.set_changes([change(1), replace(change(5), kind=REMINDER)])
    store.set_deliveries({target_id(HERE): 1})
    with harness(hand, store=store):
        wait_for(lambda: store.deliveries() == {target_id(HERE): 5})
    assert hand.titles() == ["lab: cpu.percent > 90 for 30s: still firing, at 97.25"]


def test_delivery_sends_newest_reminder_only(fast_retries: None) -> None:
    hand = FakeSender("it responded with status 500")
    with harness(hand) as post:
        post.put(change(1))
        for number in range(2, 6):
            post.put(replace(change(number), kind=REMINDER))
        wait_for(lambda: len(hand.tried) > 1)
        hand.reason = ""
        wait_for(lambda: post.store.deliveries() == {target_id(HERE): 5})
    ((_, message),) = hand.given
    assert message.title == "lab: 2 alert changes; 0 firing now"
    assert message.body.count(": still firing, at 97.25") == 1


def test_message_names_level_and_links_to_moment() -> None:
    critical = Threshold.parse("cpu.percent > 95 repeat 30m except Sat critical")
    changes = [change(1), change(2, of=critical)]
    message = compose_message(changes[1:], 1, 1, "lab", url="https://monitor.example/lab/")
    assert message.title == "lab: cpu.percent > 95: firing (critical), at 97.25"
    assert message.is_critical
    assert message.body.splitlines()[1] == "https://monitor.example/lab/?window=600&end=1795218302000"
    message = compose_message(changes, 2, 2, "lab", critical_count=1)
    assert message.title == "lab: 2 alert changes; 2 firing now, 1 critical"
    resolved = compose_message([change(3, broken=False, of=critical)], 1, 0, "lab")
    assert (resolved.title, resolved.is_critical) == ("lab: cpu.percent > 95: resolved, at 97.25", False)
    test = compose_message([replace(change(4, of=critical), kind=TEST)], 1, 0, "lab")
    assert test.title == "lab: cpu.percent > 95: test of this rule, at 97.25"


def test_message_has_reason_of_the_source() -> None:
    """The message of an alert on a check contains why the check fails."""
    down = Threshold.parse("check.shop.up below 1 for 30s")
    store, sender = MemoryStore(), FakeSender()
    with closing(
        AlertDelivery([HERE], store, SimpleNamespace(set=print, clear=print), send=sender)
    ) as sending:
        sending.put([change(1, of=down)], {1: "check shop failed: connection refused"})
        wait_for(lambda: sender.titles())
    assert sender.titles() == [
        "dashapp: check.shop.up < 1 for 30s: firing, at 97.25 (check shop failed: connection refused)"
    ]
