"""The host that a page shows first: this machine where it collects, else the first by name that is known."""

from __future__ import annotations

from dashapp.stores.base import Reader
from dashapp.stores.hosts import Hosts, by_name, first
from dashapp.stores.proxy import Relay


class FirstReader(Relay):
    """Goes on with the host that it has chosen as long as that is known: its life goes into every cursor."""

    def __init__(self, hosts: Hosts, own: str, collects: bool) -> None:
        self._hosts = hosts
        self._own = own
        self._chosen = own if collects else ""

    def reader(self) -> Reader:
        found = self._hosts.reader(self._chosen) if self._chosen else None
        if found is None:
            self._chosen = first(by_name(self._hosts), self._own, self._hosts.now_ms())
            found = self._hosts.reader(self._chosen or self._own)
        assert found is not None, "a host's own name is always known"
        return found
