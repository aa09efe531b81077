"""Actions of people on alerts, from the push queue to the alert monitor."""

from __future__ import annotations

from dashapp.alerts.monitor import AlertMonitor
from dashapp.stores.documents import parse_action_record


def apply_record(monitor: AlertMonitor, record: bytes) -> None:
    """Apply the action of a record. A torn or forged one changes nothing."""
    action = parse_action_record(record)
    if action is not None:
        monitor.apply(action)
