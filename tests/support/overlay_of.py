"""An overlay of made-up hosts."""

from __future__ import annotations

from fake_hosts import Fleet

from dashapp.query.host_reader import Skews
from dashapp.query.overlay import Overlay


def overlay(fleet: Fleet, *names: str) -> Overlay:
    readers = {name: fleet.machines[name].store for name in names or fleet.machines}
    return Overlay(readers, fleet, Skews(fleet))
