"""Actions of people on alerts, from the push queue to the alert monitor."""

from __future__ import annotations

from collections.abc import Iterable

from dashapp.alerts.monitor import AlertMonitor
from dashapp.stores.documents import parse_action_record


def apply_records(monitor: AlertMonitor, records: Iterable[bytes]) -> None:
    """Apply the actions of records. A torn or forged one changes nothing."""
    actions = map(parse_action_record, records)
    monitor.apply(*(action for action in actions if action is not None))
