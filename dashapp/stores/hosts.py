"""Hosts: several machines' histories in one store, each under its own host's name.

The protocol that such a store offers to the web. Knows no store's kind, no HTTP and no page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dashapp.stores.base import Reader

# Milliseconds without a tick after which another host is rather the first.
SILENT_AFTER_MS = 60_000


@dataclass(frozen=True)
class Host:
    """`newest_ms`: its newest tick's time by its own clock, 0 where there is none yet; `arrived_ms`: when
    that came, by the store's; `step`: seconds between its ticks; `values`: some of the newest, by metric
    key."""

    name: str
    newest_ms: int
    arrived_ms: int
    step: float
    values: Mapping[str, float]


class HostStore(Protocol):
    """A store of many. It forgets those that stopped long ago; the readers stay its own to close."""

    def hosts(self) -> list[Host]:
        """Every known host, by name. From memory: asked per request."""

    def now_ms(self) -> int:
        """The store's own clock, by which `arrived_ms` is so old."""

    def reader(self, name: str) -> Reader | None:
        """None for a host that is not known."""

    def notices(self) -> list[str]: ...


def sorted_hosts(hosts: HostStore) -> dict[str, Host]:
    return {host.name: host for host in hosts.hosts()}


def default_host(known: Mapping[str, Host], own: str, now_ms: int) -> str:
    """Whose page is shown where none is named: the `own` one, else the first by name that is awake, else the
    first. Empty where there is none yet."""
    if own in known:
        return own
    awake = [name for name, host in known.items() if now_ms - host.arrived_ms < SILENT_AFTER_MS]
    return min(awake or known, default="")
