"""Hosts: the machines that write to one store, each by its name, as the page and the API ask for them.

A protocol alone; who keeps them says how. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dashapp.stores import Reader


@dataclass(frozen=True)
class Host:
    """`newest_ms`: its newest tick's time, by its own clock (0: none yet). `arrived_ms`: when that came,
    by the store's clock. `step`: seconds between its ticks. `values`: its headline values, by metric."""

    name: str
    newest_ms: int
    arrived_ms: int
    step: float
    values: Mapping[str, float]


class Hosts(Protocol):
    def hosts(self) -> list[Host]:
        """Every known host, by name; from memory."""

    def now_ms(self) -> int:
        """The store's own clock, against which `arrived_ms` is old."""

    def reader(self, name: str) -> Reader | None:
        """What a host has; None for an unknown one."""

    def notices(self) -> list[str]: ...
