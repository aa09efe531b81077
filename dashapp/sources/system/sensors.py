"""Sensors: temperatures, fans and the battery, if the machine has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.slug import SlugRegistry
from dashapp.sources.system.psutil_safe import PsutilCall, as_list, as_mapping, call_or_none, finite_field

BATTERY = Metric("battery.percent", "Battery", "%", "battery", 0.0, 100.0)

# The board of a server can have a hundred.
MAX_SENSORS = 16


class SensorSource:
    """Reads sensors with psutil; can block as long as a chip on a slow bus."""

    is_optional = True

    def __init__(
        self,
        temperatures: PsutilCall = lambda: psutil.sensors_temperatures(),
        fans: PsutilCall = lambda: psutil.sensors_fans(),
        battery: PsutilCall = lambda: psutil.sensors_battery(),
    ) -> None:
        self._temperatures = temperatures
        self._fans = fans
        self._battery = battery
        self._slugs = {"temperature": SlugRegistry(), "fan": SlugRegistry()}

    def read(self) -> Mapping[Metric, float]:
        """Return temperatures in °C, fans in 1/s (psutil's rpm / 60), the battery in percent."""
        values: dict[Metric, float] = {}
        for name, label, degrees in _iterate_sensors(call_or_none(self._temperatures)):
            key = f"temperature.{self._slugs['temperature'](name)}"
            values[Metric(key, label, "°C", "temperature")] = round(degrees, 1)
        for name, label, turns in _iterate_sensors(call_or_none(self._fans)):
            if turns >= 0:
                key = f"fan.{self._slugs['fan'](name)}"
                values[Metric(key, label, "1/s", "fans", 0.0)] = round(turns / 60, 1)
        charge = finite_field(call_or_none(self._battery), "percent")
        if charge is not None and charge >= 0:
            values[BATTERY] = round(min(100.0, charge), 1)
        return values


def has_sensors(sys: str = "/sys") -> bool:
    """Return whether Linux lists any sensor; this reads none of them."""
    return any(any(Path(sys, "class", kind).glob("*")) for kind in ("hwmon", "thermal", "power_supply"))


def _iterate_sensors(result: Any) -> Iterator[tuple[str, str, float]]:
    """Return name, label and value of the first MAX_SENSORS.

    Equal labels of one chip get a number.
    """
    sensor_count = 0
    for chip, entries in as_mapping(result).items():
        label_counts: dict[str, int] = {}
        for entry in as_list(entries):
            label = str(getattr(entry, "label", None) or "")[:24]
            label_counts[label] = label_counts.get(label, 0) + 1
            value = finite_field(entry, "current")
            if value is None or sensor_count == MAX_SENSORS:
                continue
            sensor_count += 1
            suffix = "" if label_counts[label] == 1 else f" {label_counts[label]}"
            yield f"{chip} {label}{suffix}".strip(), f"{chip[:24]} {label}{suffix}".strip(), value
