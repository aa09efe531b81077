"""One host's history as the page of it reads it: its own reader, and what must be said of its clock."""

from __future__ import annotations

from dashapp.model.notices import Harmless
from dashapp.query.clock_skew import Skews
from dashapp.stores.base import Reader
from dashapp.stores.hosts import Hosts
from dashapp.stores.proxy import Relay


class HostReader(Relay):
    """Answers as `reader` does, which the store of many closes itself. Times are by the host's own clock."""

    def __init__(self, name: str, reader: Reader, hosts: Hosts, skews: Skews) -> None:
        self._name = name
        self._reader = reader
        self._hosts = hosts
        self._skews = skews

    def reader(self) -> Reader:
        return self._reader

    def now(self) -> float:
        """Seconds UTC by the host's clock, from which its newest tick is so old."""
        return self._skews.now(self._name)

    def notices(self) -> list[str]:
        skew = self._skews.said(self._name)
        own = [Harmless(f"{skew[0].upper()}{skew[1:]}; the times here are its own.")] if skew else []
        return list(dict.fromkeys([*self._hosts.notices(), *self._reader.notices(), *own]))
