"""The server side of a page in a test: a store, its feeder, and a web server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fake_collector import Feeder
from fake_hosts import Fleet
from faulty_server import Served, Trouble

from dashapp.stores.memory import MemoryStore


@dataclass
class Live:
    """A store, its feeder, and the server of a page."""

    store: MemoryStore
    feeder: Feeder
    server: Served

    @property
    def trouble(self) -> Trouble:
        return self.server.trouble

    @property
    def url(self) -> str:
        return self.server.url


@dataclass
class Many:
    fleet: Fleet
    server: Served

    def url(self, *names: str) -> str:
        return self.server.url + (f"host/{','.join(names)}/" if names else "")

    def asked(self) -> list[str]:
        return [query for query in self.server.trouble.asked if "hosts=1" in query]


Serve = Callable[..., Live]
Serving = Callable[..., Many]
