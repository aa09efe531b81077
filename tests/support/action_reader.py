"""Reads actions on alerts from a push queue, as a collector does."""

from __future__ import annotations

from functools import partial

from dashapp.alerts.monitor import AlertMonitor
from dashapp.collector.alert_actions import apply_records
from dashapp.sources.push import PushSource
from dashapp.stores.push_queue import PushReader


class ActionReader:
    def __init__(self, push_queue: PushReader, monitor: AlertMonitor) -> None:
        self._newest = 0
        act = partial(apply_records, monitor)
        self._source = PushSource(push_queue, lambda: self._newest, act=act)

    def read(self, newest: int) -> None:
        """Apply the actions that wait, before the tick after `newest` (epoch milliseconds)."""
        self._newest = newest
        self._source.read()
