"""One host's history as the page of it reads it: its own reader, and what must be said of its clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashapp.hosts import Hosts
from dashapp.model import Cursor, Curves, Metric, Tick
from dashapp.skew import Skews
from dashapp.stores import Points, Reader
from dashapp.thresholds import Change, State


class HostReader:
    """Answers as `reader` does. Times are by the host's own clock."""

    def __init__(self, name: str, reader: Reader, hosts: Hosts, skews: Skews) -> None:
        self._name = name
        self._reader = reader
        self._hosts = hosts
        self._skews = skews

    def now(self) -> float:
        """Seconds UTC by the host's clock, from which its newest tick is so old."""
        return self._skews.now(self._name)

    def notices(self) -> list[str]:
        skew = self._skews.said(self._name)
        own = [f"{skew[0].upper()}{skew[1:]}; the times here are its own."] if skew else []
        return list(dict.fromkeys([*self._hosts.notices(), *self._reader.notices(), *own]))

    @property
    def lag_ms(self) -> int:
        """How far other processes may be ahead of what this one was told: see history."""
        return getattr(self._reader, "lag_ms", 0)

    def newest(self) -> Cursor:
        return self._reader.newest()

    def since(self, time: float, limit: int) -> list[Tick]:
        return self._reader.since(time, limit)

    def levels(self) -> Sequence[Points]:
        return self._reader.levels()

    def metrics(self) -> list[Metric]:
        return self._reader.metrics()

    def looks(self) -> Mapping[str, str]:
        return self._reader.looks()

    def curves(self) -> Mapping[str, Curves]:
        return self._reader.curves()

    def thresholds(self) -> list[State]:
        return self._reader.thresholds()

    def changes(self) -> list[Change]:
        return self._reader.changes()

    def sent(self) -> Mapping[str, int]:
        return self._reader.sent()

    def close(self) -> None:
        """The store of many closes its readers itself."""
