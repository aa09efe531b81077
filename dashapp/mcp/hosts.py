"""The host that a tool reads: its store, clock, time zone, and the age of its newest point."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashapp.mcp.times import Times
from dashapp.model.text import format_span, quote_value, suggest
from dashapp.model.ticks import BadRequestError, BusyError, is_stale, tick_age
from dashapp.query.host_reader import ClockSkews, HostReader
from dashapp.query.time_zones import zone_of
from dashapp.stores.base import Reader
from dashapp.stores.documents import ZONE
from dashapp.stores.factory import StoreBackend
from dashapp.stores.hosts import default_host, sorted_hosts

# Seconds to wait for the first data of a Redis, and between two looks.
LOAD_TIMEOUT_S, LOOK_S = 10.0, 0.05
UNREADABLE = "the store does not answer; retry in a moment"
NO_HOST = "no host has written to this store yet"


@dataclass(frozen=True)
class HostView:
    """One host at one moment. `name` is empty if the store has only one; `store` describes that."""

    name: str
    reader: Reader
    times: Times
    store: str

    def header(self) -> dict[str, Any]:
        """Return what each result begins with: the host, its time, and the age of its newest point."""
        snapshot = self.reader.snapshot()
        newest = snapshot.newest
        header: dict[str, Any] = {"host": self.name} if self.name else {}
        now_ms = self.times.now_ms // 1000 * 1000
        header["now"] = f"{self.times.iso(now_ms)} ({self.times.local(now_ms)})"
        if newest is None:
            return header | {"note": f"the store {self.store} has no points yet"}
        age = tick_age(newest.time, self.times.now_ms / 1000)
        header |= {"newest": self.times.iso(round(1000 * newest.time))}
        if age < 0:
            header["note"] = f"the newest point is {format_span(-age)} in the future: a clock was wrong"
        elif is_stale(age, newest.step):
            header["note"] = f"the newest point is {format_span(age)} old: no newer values have arrived"
        return header


class HostChoice:
    """The hosts of a store. `own`: the host to read if a call names none."""

    def __init__(self, backend: StoreBackend, own: str, clock: Callable[[], float] = time.time) -> None:
        self._hosts = backend.hosts()
        self._reader = backend.reader() if self._hosts is None else None
        self._skews = None if self._hosts is None else ClockSkews(self._hosts)
        self._own = own
        self._label = backend.label
        self._clock = clock
        self._readers: dict[str, HostReader] = {}

    def names(self) -> list[str]:
        """Return the names of all hosts; none if the store has only one."""
        if self._hosts is None:
            return []
        _wait_until(lambda: self._hosts is None or bool(self._hosts.hosts()))
        return [*sorted_hosts(self._hosts)]

    def view(self, name: str | None) -> HostView:
        """Return a host; BadRequestError if it is unknown, BusyError if its store does not answer."""
        if self._hosts is None or self._skews is None:
            if name:
                raise BadRequestError(f"host is {quote_value(name)}; leave it out: this store has one host")
            assert self._reader is not None
            return self._loaded("", self._reader, self._clock())
        names = self.names()
        chosen = name or default_host(sorted_hosts(self._hosts), self._own, self._hosts.now_ms())
        if chosen not in names:
            if not names:
                raise BusyError(UNREADABLE if self._hosts.notices() else NO_HOST)
            listed = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
            hint = suggest(chosen, names, f"expected one of {listed}")
            raise BadRequestError(f"host is {quote_value(chosen)}, which is unknown{hint}")
        reader = self._readers.get(chosen)
        if reader is None:
            inner = self._hosts.reader(chosen)
            if inner is None:
                raise BusyError(UNREADABLE)
            reader = self._readers[chosen] = HostReader(chosen, inner, self._hosts, self._skews)
        return self._loaded(chosen, reader, reader.now())

    def _loaded(self, name: str, reader: Reader, now: float) -> HostView:
        reader.newest()  # a remote reader requests its data now
        if not _wait_until(lambda: reader.is_loaded):
            raise BusyError(UNREADABLE)
        return HostView(name, reader, Times(zone_of(reader.read_document(ZONE)), now), self._label)


def _wait_until(is_done: Callable[[], bool]) -> bool:
    end = time.monotonic() + LOAD_TIMEOUT_S
    while not is_done():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_S)
    return True
