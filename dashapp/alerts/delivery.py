"""The outbox: sees to it that each address is told of every change once, however long that takes.

A thread an address, which waits for news, for a courier, and for the next try. The collector leaves its
changes here and goes on. The store remembers what each address was told of, so that a restart tells nothing
twice; an address that is new there is told of what comes from now on.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from random import SystemRandom
from threading import Condition, Lock, Semaphore, Thread

from dashapp.alerts import apprise_worker
from dashapp.alerts.message import Message, compose_message
from dashapp.model.notices import NoticeSink
from dashapp.model.thresholds import AlertChange
from dashapp.process.backoff import Backoff
from dashapp.stores.base import MAX_CHANGES, Store

log = logging.getLogger("dashapp")

# Messages in so many seconds that an address gets at once; what comes after is told together.
MAX_BURST, BURST_WINDOW_S = 5, 60.0
# Couriers at a time: each takes more memory than the collector.
MAX_WORKERS = 3
# Seconds before the first new try, and the longest before another.
BACKOFF_INITIAL_S, BACKOFF_MAX_S = 2.0, 300.0
# Seconds that the end waits for what is just being sent.
SHUTDOWN_TIMEOUT_S = 2.0

SendFunction = Callable[[str, Message], str]


class AlertDelivery:
    """`whose`: what a message begins with. `hand` gives a message to an address, or says why it cannot."""

    def __init__(
        self,
        addresses: Sequence[str],
        store: Store,
        notice: NoticeSink,
        whose: str = "dashapp",
        hand: SendFunction = apprise_worker.send_notification,
    ) -> None:
        self._store = store
        self._notice = notice
        self._whose = whose
        self._hand = hand
        self._changes = deque(store.changes(), maxlen=MAX_CHANGES)
        self._newest = self._changes[-1].number if self._changes else 0
        known = store.deliveries()
        self._marks = {
            target_id(each): min(known.get(target_id(each), self._newest), self._newest) for each in addresses
        }
        if self._marks != known:
            store.set_deliveries(self._marks)
        self._news = Condition()
        self._marking = Lock()
        self._places = Semaphore(MAX_WORKERS)
        self._troubles: dict[int, str] = {}
        self._closed = False
        notice.clear()
        self._threads = [
            Thread(target=self._run, args=(place, each), name=f"outbox {place}", daemon=True)
            for place, each in enumerate(addresses, 1)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, changes: Sequence[AlertChange]) -> None:
        """Have everybody told of them. Takes microseconds."""
        if changes:
            with self._news:
                self._changes.extend(changes)
                self._newest = changes[-1].number
                self._news.notify_all()

    def close(self) -> None:
        """Wait a little for what is just being sent. What is not sent then is after the next start."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        end = time.monotonic() + SHUTDOWN_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        with self._marking:
            # From here on the store may be another's.
            self._marks.clear()

    def _run(self, place: int, address: str) -> None:
        lately: deque[float] = deque(maxlen=MAX_BURST)
        backoff, due = Backoff(BACKOFF_INITIAL_S, BACKOFF_MAX_S), 0.0
        while (found := self._next_batch(target_id(address), due)) is not None:
            changes, newest, count = found
            broken = sum(state.firing for state in self._store.thresholds())
            with self._places:
                reason = self._hand(address, compose_message(changes, count, broken, self._whose))
            now = time.monotonic()
            if not reason:
                backoff.reset()
                lately.append(now)
                due = lately[0] + BURST_WINDOW_S if len(lately) == MAX_BURST else now
                self._record_delivery(target_id(address), newest)
                self._set_notice(place, "")
                continue
            longest = backoff.next_pause()
            due = now + SystemRandom().uniform(longest / 2, longest)
            # An address may hold a password: it is told by its place, and its service.
            which = f"{place} ({address.partition('://')[0]})"
            self._set_notice(
                place, f"Alerts do not reach address {which}: {reason}; they wait, and are tried again."
            )

    def _next_batch(self, key: str, due: float) -> tuple[list[AlertChange], int, int] | None:
        """What an address is to be told, once it is time: the newest changes, the last's number, how many
        there are. None at the end."""
        with self._news:
            while not self._closed:
                told = self._marks.get(key, 0)
                left = due - time.monotonic()
                if self._newest > told and left <= 0:
                    news = [each for each in self._changes if each.number > told]
                    return news, self._newest, self._newest - told
                self._news.wait(left if left > 0 else None)
        return None

    def _record_delivery(self, key: str, newest: int) -> None:
        with self._marking:
            if key in self._marks:
                self._marks[key] = newest
                self._store.set_deliveries(self._marks)

    def _set_notice(self, place: int, sentence: str) -> None:
        with self._marking:
            before = " ".join(self._troubles.values())
            self._troubles.pop(place, None)
            if sentence:
                self._troubles[place] = sentence
            said = " ".join(self._troubles.values())
            if said:
                self._notice.set(said)
            elif before:
                self._notice.clear()


def target_id(address: str) -> str:
    """By what the store knows an address, which may hold a password."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]
