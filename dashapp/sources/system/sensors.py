"""Sensors: temperatures, fans and the battery, as far as the machine has any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.slug import Slugs
from dashapp.sources.system.psutil_safe import Ask, ask, by_name, listed, number

BATTERY = Metric("battery.percent", "Battery", "%", "battery", 0.0, 100.0)

# A server's board can have a hundred.
MOST = 16


class SensorSource:
    """May block for as long as a chip on a slow bus does."""

    def __init__(
        self,
        temperatures: Ask = lambda: psutil.sensors_temperatures(),
        fans: Ask = lambda: psutil.sensors_fans(),
        battery: Ask = lambda: psutil.sensors_battery(),
    ) -> None:
        self._temperatures = temperatures
        self._fans = fans
        self._battery = battery
        self._slugs = {"temperature": Slugs(), "fan": Slugs()}

    def read(self) -> Mapping[Metric, float]:
        """Temperatures in °C, fans in turns a second (psutil's rpm / 60), the battery in percent."""
        values: dict[Metric, float] = {}
        for name, label, degrees in _sensors(ask(self._temperatures)):
            key = f"temperature.{self._slugs['temperature'](name)}"
            values[Metric(key, label, "°C", "temperature")] = round(degrees, 1)
        for name, label, turns in _sensors(ask(self._fans)):
            if turns >= 0:
                key = f"fan.{self._slugs['fan'](name)}"
                values[Metric(key, label, "1/s", "fans", 0.0)] = round(turns / 60, 1)
        charge = number(ask(self._battery), "percent")
        if charge is not None and charge >= 0:
            values[BATTERY] = round(min(100.0, charge), 1)
        return values


def sensors_here(sys: str = "/sys") -> bool:
    """Whether Linux shows a sensor of any kind; asks none of them."""
    return any(any(Path(sys, "class", kind).glob("*")) for kind in ("hwmon", "thermal", "power_supply"))


def _sensors(answer: Any) -> Iterator[tuple[str, str, float]]:
    """Name, label and value of the first MOST. Equal labels of a chip are counted through."""
    told = 0
    for chip, entries in by_name(answer).items():
        seen: dict[str, int] = {}
        for entry in listed(entries):
            label = str(getattr(entry, "label", None) or "")[:24]
            seen[label] = seen.get(label, 0) + 1
            value = number(entry, "current")
            if value is None or told == MOST:
                continue
            told += 1
            again = "" if seen[label] == 1 else f" {seen[label]}"
            yield f"{chip} {label}{again}".strip(), f"{chip[:24]} {label}{again}".strip(), value
