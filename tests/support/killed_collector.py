"""A collector that ends at a chosen write.

    python killed_collector.py

It reads lines of JSON from its standard input, [STORE, RECORD, START, VALUE, POINT]. For each it forks a
collector, and prints its exit code. So only the first collector has to import dashapp.

STORE is a folder or the URL of a Redis. RECORD is a file to which the address adds a line for each change
that it receives. The collector makes ten ticks from START on, all with VALUE, and waits until the address has
received every change.

POINT is empty, or "FUNCTION DOCUMENT COUNT WHEN": the process ends before or after the call of the function
which is the one of that number for the document, as `kill -9` does.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from dashapp.alerts import delivery
from dashapp.alerts.delivery import AlertDelivery, target_id
from dashapp.alerts.message import Message
from dashapp.alerts.monitor import AlertMonitor
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Tick
from dashapp.stores.base import Store
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.documents import RedisDocuments
from dashapp.stores.redis.lease import WriterLease
from dashapp.stores.redis.store import RedisStore

RULE = "cpu.percent > 90 for 3s"
ADDRESS = "json://here"
KILLED = 9
PATIENCE_S = 120.0

FUNCTIONS: dict[str, tuple[type, Callable[[Any, Any], list[str]]]] = {
    # Each with its class, and the documents that a call writes.
    "write_text": (Path, lambda path, words: [path.stem]),
    "replace": (Path, lambda path, words: [path.stem]),
    "put": (RedisDocuments, lambda documents, words: [words[0]]),
    "run_commands": (WriterLease, lambda lease, words: [str(word) for word in words[0][2::2]]),
}


def end_at(function: str, document: str, number: int, when: str) -> None:
    """Make the process end at a call of a function."""
    owner, documents = FUNCTIONS[function]
    real, count = getattr(owner, function), 0

    def call(self: Any, *words: Any) -> Any:
        nonlocal count
        is_due = False
        if document in documents(self, words):
            count += 1
            is_due = count == number
        if is_due and when == "before":
            os._exit(KILLED)
        result = real(self, *words)
        if is_due:
            os._exit(KILLED)
        return result

    setattr(owner, function, call)


def open_store(store: str) -> Store:
    """Open the store; that of a killed process is free once its lease has expired."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return RedisStore(RedisClient(store), "host") if "://" in store else DiskStore(Path(store))
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def collect(store_name: str, record: str, start: float, value: float, point: str) -> None:
    # A busy machine must not send before the store has the changes.
    delivery.STORE_TIMEOUT_S = PATIENCE_S
    if point:
        function, document, number, when = point.split()
        end_at(function, document, int(number), when)

    def send(_: str, message: Message) -> str:
        with Path(record).open("a") as file:
            file.write(message.body + "\n")
        return ""

    store = open_store(store_name)
    monitor = AlertMonitor([Threshold.parse(RULE)], store)
    with (
        closing(store),
        closing(
            AlertDelivery([ADDRESS], store, store.notice_sink("outbox"), send=send, group_window=0)
        ) as sender,
    ):
        for second in range(10):
            tick = Tick(start + second, 1.0, {"cpu.percent": value})
            assert store.append(tick)
            sender.put(monitor.observe(tick))
        end = time.monotonic() + PATIENCE_S
        while store.deliveries()[target_id(ADDRESS)] != store.changes()[-1].number:
            assert time.monotonic() < end
            time.sleep(0.01)
        store.drain(PATIENCE_S)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                collect(*json.loads(line))
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
