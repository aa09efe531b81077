"""A page whose feeder evaluates alert rules and applies actions, as a collector does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from action_reader import ActionReader
from authenticated_app import PASSWORD
from fake_collector import Feeder
from faulty_server import Served

from dashapp.alerts.monitor import AlertMonitor
from dashapp.config.settings import parse_settings
from dashapp.model.alerts.rules import parse_rule
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue
from dashapp.web.app import create_app


class AlertFeeder(Feeder):
    def __init__(self, step: float, rules: Iterable[str], queue: MemoryPushQueue) -> None:
        super().__init__(MemoryStore(), step)
        self._monitor = AlertMonitor([parse_rule(rule) for rule in rules], self.store)
        self._actions = ActionReader(queue, self._monitor)

    def catch_up(self) -> None:
        before = self.store.newest().time_ms
        self._actions.read(before)
        super().catch_up()
        for tick in self.store.since(before / 1000, 1000):
            self._monitor.observe(tick)


@dataclass
class AlertSite:
    """Two servers of one store: one with a login, and one without."""

    feeder: AlertFeeder
    server: Served
    public: Served


@contextmanager
def alert_site(*rules: str, step: float = 0.5) -> Iterator[AlertSite]:
    """Serve a page with these rules of the settings."""
    queue = MemoryPushQueue()
    feeder = AlertFeeder(step, rules, queue)
    feeder.backfill(100)
    feeder.start(gapless=True)
    flags = ["--store", "memory:", "--interval", f"{step:g}"]
    with_login = parse_settings(flags, {"DASHAPP_PASSWORD": PASSWORD})
    server = Served(create_app(feeder.store, with_login, queue))
    public = Served(create_app(feeder.store, parse_settings(flags, {})))
    yield AlertSite(feeder, server, public)
    feeder.stop()
    server.close()
    public.close()
