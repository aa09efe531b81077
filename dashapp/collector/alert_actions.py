"""Actions of people on alerts, from the push queue to the alert monitor."""

from __future__ import annotations

from dashapp.alerts.monitor import AlertMonitor
from dashapp.sources.push import ACTION_MARK
from dashapp.stores.documents import parse_action_record
from dashapp.stores.push_queue import PushReader


def apply_record(monitor: AlertMonitor, record: bytes) -> None:
    """Apply the action of a record. A torn or forged one changes nothing."""
    action = parse_action_record(record)
    if action is not None:
        monitor.apply(action)


class ActionReader:
    """Reads the push queue of a collector that accepts no values."""

    def __init__(self, push_queue: PushReader, monitor: AlertMonitor | None) -> None:
        self._push_queue = push_queue
        self._monitor = monitor

    def read(self, newest: int) -> None:
        """Apply what waits, before the tick after `newest` (epoch milliseconds)."""
        self._push_queue.take(newest, self._accept)

    def _accept(self, record: bytes) -> bool:
        if self._monitor is not None and record.startswith(ACTION_MARK):
            apply_record(self._monitor, record.removeprefix(ACTION_MARK))
        return True
