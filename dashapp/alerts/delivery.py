"""Alert delivery: sends every change to every address once, however long that takes.

Each address has a thread, which waits for changes, for a free worker and for the next retry. The collector
adds its changes and continues. The store records the last change that each address received, so a restart
repeats none. A new address receives only the changes from then on.
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
from dashapp.stores.base import MAX_CHANGES, Store

log = logging.getLogger("dashapp")

# Messages that an address may receive within so many seconds; later changes share a message.
MAX_BURST, BURST_WINDOW_S = 5, 60.0
# Workers at a time: each needs more memory than the collector.
MAX_WORKERS = 3
# Seconds before the first retry, and before a retry at most.
BACKOFF_INITIAL_S, BACKOFF_MAX_S = 2.0, 300.0
# Seconds that `close` waits for messages that are being sent.
SHUTDOWN_TIMEOUT_S = 2.0

SendFunction = Callable[[str, Message], str]


class AlertDelivery:
    """Delivers changes to `addresses`. `whose` is the start of a message's title.

    `hand` sends a message to an address and returns why it failed, empty on success.
    """

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
        """Queue changes for every address. Takes microseconds."""
        if changes:
            with self._news:
                self._changes.extend(changes)
                self._newest = changes[-1].number
                self._news.notify_all()

    def close(self) -> None:
        """Wait briefly for messages that are being sent; the next start sends the rest."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        end = time.monotonic() + SHUTDOWN_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        with self._marking:
            # From here on another process may own the store.
            self._marks.clear()

    def _run(self, place: int, address: str) -> None:
        lately: deque[float] = deque(maxlen=MAX_BURST)
        failures, due = 0, 0.0
        while (found := self._next_batch(target_id(address), due)) is not None:
            changes, newest, count = found
            broken = sum(state.firing for state in self._store.thresholds())
            with self._places:
                reason = self._hand(address, compose_message(changes, count, broken, self._whose))
            now = time.monotonic()
            if not reason:
                failures = 0
                lately.append(now)
                due = lately[0] + BURST_WINDOW_S if len(lately) == MAX_BURST else now
                self._record_delivery(target_id(address), newest)
                self._set_notice(place, "")
                continue
            failures += 1
            longest = min(BACKOFF_MAX_S, BACKOFF_INITIAL_S * 2 ** min(failures - 1, 10))
            due = now + SystemRandom().uniform(longest / 2, longest)
            # An address may contain a password, so name it by its position and service.
            which = f"{place} ({address.partition('://')[0]})"
            self._set_notice(
                place, f"Alerts do not reach address {which}: {reason}; they wait, and are tried again."
            )

    def _next_batch(self, key: str, due: float) -> tuple[list[AlertChange], int, int] | None:
        """Wait until an address is due; return its changes, the last one's number and the count.

        The changes are the newest of that count. Return None after `close`.
        """
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
    """Return the store's ID of an address, which itself may contain a password."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]
