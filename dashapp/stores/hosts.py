"""The interface of a store that holds the histories of several hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dashapp.stores.base import Reader

# Milliseconds without a tick after which a host is not live.
SILENT_AFTER_MS = 60_000


@dataclass(frozen=True)
class Host:
    """A host and its newest tick.

    `newest_ms` is that tick's time by the host's clock, 0 if there is none yet; `arrived_ms` is its arrival
    by the store's clock. `step` is the seconds between its ticks, and `values` are some values of the newest
    tick by metric key.
    """

    name: str
    newest_ms: int
    arrived_ms: int
    step: float
    values: Mapping[str, float]

    def silence_ms(self, now_ms: int) -> int:
        """Return the milliseconds since the newest tick arrived, by the store's clock.

        An arrival in the future shows that this clock was set back since then, by at least as much. A tick
        can also arrive after `now_ms` was read.
        """
        return abs(now_ms - self.arrived_ms)


class HostStore(Protocol):
    """A store of many hosts. It removes those that stopped long ago, and closes its readers."""

    @property
    def is_loaded(self) -> bool:
        """Whether the first list has arrived. Before that, `hosts` may wait for it."""
        return True

    def hosts(self) -> list[Host]:
        """Return every known host, by name. From memory, because it runs in each request."""

    def now_ms(self) -> int:
        """Return the time by the store's clock, to compare with `arrived_ms`."""

    def reader(self, name: str) -> Reader | None:
        """Return the reader of a host; None if the host is not known."""

    def notices(self) -> list[str]: ...


def sorted_hosts(hosts: HostStore) -> dict[str, Host]:
    return {host.name: host for host in hosts.hosts()}


def default_host(hosts: Mapping[str, Host], own: str, now_ms: int) -> str:
    """Return the host to show if a request names none; empty if there is none yet.

    That is `own`, otherwise the first live host by name, otherwise the first host.
    """
    if own in hosts:
        return own
    live = [name for name, host in hosts.items() if host.silence_ms(now_ms) < SILENT_AFTER_MS]
    return min(live or hosts, default="")
