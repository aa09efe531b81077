"""An overlay of fake hosts."""

from __future__ import annotations

from fake_hosts import Fleet

from dashapp.query.host_reader import ClockSkews
from dashapp.query.overlay import OverlayReader


def overlay(fleet: Fleet, *names: str) -> OverlayReader:
    readers = {name: fleet.machines[name].store for name in names or fleet.machines}
    return OverlayReader(readers, fleet, ClockSkews(fleet))
