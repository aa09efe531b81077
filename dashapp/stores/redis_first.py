"""The host that a page shows first: this machine where it collects, else the first by name that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashapp.hosts import Hosts
from dashapp.model import Cursor, Curves, Metric, Tick
from dashapp.stores import Points, Reader
from dashapp.thresholds import Change, State

# Milliseconds of silence after which a host is not chosen, while there is another.
SILENT = 60_000


class FirstReader:
    """Goes on with the host that it has chosen as long as that is known: its life goes into every cursor."""

    def __init__(self, hosts: Hosts, own: str, collects: bool) -> None:
        self._hosts = hosts
        self._own = own
        self._chosen = own if collects else ""

    @property
    def lag_ms(self) -> int:
        return getattr(self._reader(), "lag_ms", 0)

    def newest(self) -> Cursor:
        return self._reader().newest()

    def since(self, time: float, limit: int) -> list[Tick]:
        return self._reader().since(time, limit)

    def levels(self) -> Sequence[Points]:
        return self._reader().levels()

    def metrics(self) -> list[Metric]:
        return self._reader().metrics()

    def looks(self) -> Mapping[str, str]:
        return self._reader().looks()

    def curves(self) -> Mapping[str, Curves]:
        return self._reader().curves()

    def thresholds(self) -> list[State]:
        return self._reader().thresholds()

    def changes(self) -> list[Change]:
        return self._reader().changes()

    def sent(self) -> Mapping[str, int]:
        return self._reader().sent()

    def notices(self) -> list[str]:
        return self._reader().notices()

    def close(self) -> None: ...

    def _reader(self) -> Reader:
        found = self._hosts.reader(self._chosen) if self._chosen else None
        if found is None:
            self._chosen = self._choose()
            found = self._hosts.reader(self._chosen or self._own)
        assert found is not None, "a host's own name is always known"
        return found

    def _choose(self) -> str:
        """Empty where there is none yet."""
        known = self._hosts.hosts()
        if any(host.name == self._own for host in known):
            return self._own
        now = self._hosts.now_ms()
        awake = [host.name for host in known if now - host.arrived_ms < SILENT]
        return next(iter(awake or [host.name for host in known]), "")
