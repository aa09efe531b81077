"""Alert delivery: sends every change to every address once, however long that takes.

Each address has a thread, which waits for changes, for a free worker and for the next retry. The collector
adds its changes and continues. The store records the last change that each address received, so a restart
repeats none. A new address receives only the changes from then on.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from random import SystemRandom
from threading import Condition, Event, Lock, Semaphore
from types import MappingProxyType

from dashapp.alerts import apprise_worker
from dashapp.alerts.message import Message, compose_message, critical_count
from dashapp.model.notices import NoticeSink
from dashapp.model.thresholds import REMINDER, TEST, AlertChange
from dashapp.process.backoff import Backoff
from dashapp.process.threads import start_thread
from dashapp.stores.base import Store
from dashapp.stores.documents import MAX_CHANGES

log = logging.getLogger("dashapp")

# Messages that an address may receive within so many seconds; later changes share a message.
MAX_BURST, BURST_WINDOW_S = 5, 60.0
# Seconds from a change to its message: those of the next tick join it. A worker starts meanwhile.
GROUP_WINDOW_S = 1.3
# Workers at a time: each needs more memory than the collector.
MAX_WORKERS = 3
# Seconds before the first retry, and before a retry at most.
BACKOFF_INITIAL_S, BACKOFF_MAX_S = 2.0, 300.0
# Seconds that a message waits until the store has its changes.
STORE_TIMEOUT_S = 1.0
# Seconds that `close` waits for messages that are being sent, and then for the end of their workers.
SHUTDOWN_TIMEOUT_S, CANCEL_TIMEOUT_S = 2.0, 1.0

SendFunction = Callable[[str, Message], str]


class AlertDelivery:
    """Delivers changes to `addresses`. `sender` is the start of a message's title.

    `send` sends a message to an address and returns why it failed, empty on success. `url`: the public
    address of the page, for links. `group_window`: seconds in which changes join a message.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        store: Store,
        notice: NoticeSink,
        sender: str = "dashapp",
        send: SendFunction | None = None,
        url: str = "",
        group_window: float = GROUP_WINDOW_S,
    ) -> None:
        self._store = store
        self._notice = notice
        self._sender = sender
        self._url = url
        self._group_window = group_window
        self._group_end = 0.0
        # More workers than slots would need more memory than a notification is worth.
        self._has_spares = send is None and len(addresses) <= MAX_WORKERS
        self._cancelled = Event()
        self._send = send
        self._changes = deque(store.alert_log(), maxlen=MAX_CHANGES)
        self._reasons: Mapping[int, str] = {}
        self._newest = self._changes[-1].number if self._changes else 0
        deliveries = store.deliveries()
        self._deliveries = {
            target_id(address): min(deliveries.get(target_id(address), self._newest), self._newest)
            for address in addresses
        }
        if self._deliveries != deliveries:
            store.set_deliveries(self._deliveries)
        self._condition = Condition()
        self._lock = Lock()
        self._worker_slots = Semaphore(MAX_WORKERS)
        self._problems: dict[int, str] = {}
        self._closed = False
        notice.clear()
        self._threads = [
            start_thread(
                f"alert delivery {position}",
                partial(self._run, position, address),
                partial(self._set_notice, position),
            )
            for position, address in enumerate(addresses, 1)
        ]

    def put(self, changes: Sequence[AlertChange], reasons: Mapping[int, str] = MappingProxyType({})) -> None:
        """Queue changes for every address. Takes microseconds.

        `reasons` are sentences about changes, by their number. After a restart messages do without.
        """
        if changes:
            now = time.monotonic()
            with self._condition:
                if now >= self._group_end:
                    self._group_end = now + self._group_window
                self._changes.extend(changes)
                self._reasons = {
                    number: reason
                    for number, reason in {**self._reasons, **reasons}.items()
                    if number >= self._changes[0].number
                }
                self._newest = changes[-1].number
                self._condition.notify_all()

    def close(self) -> None:
        """Wait briefly for messages that are being sent; the next start sends the rest."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._join(SHUTDOWN_TIMEOUT_S)
        # A worker that went on would send what the next collector sends again.
        self._cancelled.set()
        self._join(CANCEL_TIMEOUT_S)
        with self._lock:
            # From here on another process may own the store.
            self._deliveries.clear()

    def _join(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self, position: int, address: str) -> None:
        send_times: deque[float] = deque(maxlen=MAX_BURST)
        spare = apprise_worker.WorkerSpare()
        with closing(spare):
            self._deliver(position, address, send_times, spare)

    def _deliver(
        self, position: int, address: str, send_times: deque[float], spare: apprise_worker.WorkerSpare
    ) -> None:
        send = self._send or partial(
            apprise_worker.send_notification, is_cancelled=self._cancelled.is_set, spare=spare
        )
        backoff, due = Backoff(BACKOFF_INITIAL_S, BACKOFF_MAX_S), 0.0
        while (batch := self._next_batch(target_id(address), due, spare)) is not None:
            changes, newest, count = batch
            if not changes:
                self._record_delivery(target_id(address), newest)
                continue
            # A collector that is killed after this sends nothing again. An alert does not wait for a store
            # that is down.
            self._store.drain(STORE_TIMEOUT_S)
            states = [state for state in self._store.thresholds() if state.firing]
            with self._worker_slots:
                processes = self._store.alert_processes()
                message = compose_message(
                    *(changes, count, len(states), self._sender, processes, self._url),
                    *(critical_count(states), self._reasons),
                )
                reason = send(address, message)
            now = time.monotonic()
            if not reason:
                # First of all: an exception after it repeats no message.
                self._record_delivery(target_id(address), newest)
                backoff.reset()
                send_times.append(now)
                due = send_times[0] + BURST_WINDOW_S if len(send_times) == MAX_BURST else now
                self._set_notice(position, "")
                continue
            if self._cancelled.is_set():
                return
            max_delay = backoff.next_pause()
            due = now + SystemRandom().uniform(max_delay / 2, max_delay)
            # An address may contain a password, so name it by its position and service.
            label = f"{position} ({address.partition('://')[0]})"
            self._set_notice(
                position, f"Alerts are not delivered to address {label}: {reason}; dashapp retries."
            )

    def _next_batch(
        self, key: str, due: float, spare: apprise_worker.WorkerSpare
    ) -> tuple[list[AlertChange], int, int] | None:
        """Wait until an address is due; return its messages, the last change's number and the count.

        They are the newest of that count, and none if no change has a message. Return None after `close`.
        """
        while True:
            with self._condition:
                if self._closed:
                    return None
                delivered = self._deliveries.get(key, 0)
                remaining = max(due, self._group_end) - time.monotonic()
                is_waiting = self._newest > delivered
                waiting = [change for change in self._changes if change.number > delivered]
                changes = _messages(waiting)
                # Silent changes wait for nothing, and need no worker.
                if is_waiting and (remaining <= 0 or not changes):
                    # The log has dropped changes before its first one, and only reminders after it.
                    dropped = max(0, self._changes[0].number - delivered - 1) if changes else 0
                    return changes, self._newest, len(changes) + dropped
                needs_spare = is_waiting and remaining <= self._group_window and self._has_spares
                if not needs_spare or spare.is_started:
                    self._condition.wait(remaining if is_waiting else None)
                    continue
            # Without the lock: the collector must not wait for a process.
            spare.start()

    def _record_delivery(self, key: str, newest: int) -> None:
        with self._lock:
            if key in self._deliveries:
                self._deliveries[key] = newest
                self._store.set_deliveries(self._deliveries)

    def _set_notice(self, position: int, sentence: str) -> None:
        with self._lock:
            previous = " ".join(self._problems.values())
            self._problems.pop(position, None)
            if sentence:
                self._problems[position] = sentence
            text = " ".join(self._problems.values())
            if text:
                self._notice.set(text)
            elif previous:
                self._notice.clear()


def _messages(changes: Sequence[AlertChange]) -> list[AlertChange]:
    """Return the changes that have a message, without a reminder that a later entry replaces."""
    newest = {change.threshold.condition: change.number for change in changes if change.kind != TEST}
    return [
        change
        for change in changes
        if not change.silence
        and (change.kind != REMINDER or newest[change.threshold.condition] == change.number)
    ]


def target_id(address: str) -> str:
    """Return the store's ID of an address, which itself may contain a password."""
    # Imported only with an address: it loads OpenSSL, 3.5 MB of memory.
    import hashlib

    return hashlib.sha256(address.encode()).hexdigest()[:16]
