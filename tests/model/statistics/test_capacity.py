"""Which metrics fill up."""

from __future__ import annotations

import pytest

from dashapp.model.statistics.capacity import capacity
from dashapp.model.ticks import Metric

METRICS = [
    (Metric("filesystem.root.percent", "/", "%", "filesystem", 0, 100), 100),
    (Metric("web-1/filesystem.root.percent", "/", "%", "filesystem", 0, 100), 100),
    (Metric("memory.percent", "Memory", "%", "memory", 0, 100), 100),
    (Metric("container.memory.percent", "Memory", "%", "memory", 0, 100), 100),
    (Metric("container.db.memory", "db", "B", "containermemory", 0, 5e8), 5e8),
    (Metric("container.db.memory", "db", "B", "containermemory", 0, None), None),
    (Metric("gpu.0.memory.percent", "GPU", "%", "gpu", 0, 100), 100),
    (Metric("gpu.0.percent", "GPU", "%", "gpu", 0, 100), None),
    (Metric("cpu.percent", "CPU", "%", "cpu", 0, 100), None),
    (Metric("container.cpu.percent", "CPU", "%", "cpu", 0, 100), None),
    (Metric("container.memory.cpu", "memory", "%", "containers", 0, 100), None),
    (Metric("disk.sda.busy", "sda", "%", "diskbusy", 0, 100), None),
    (Metric("battery.percent", "Battery", "%", "battery", 0, 100), None),
    (Metric("mail.quota", "Quota", "GB", "mail", 0, 50), 50),
    (Metric("mail.quota", "Quota", "MiB", "mail", 0, 50), 50),
    (Metric("mail.quota", "Quota", "%", "mail", 0, 100), 100),
    (Metric("mail.quota", "Quota", "GB", "mail"), None),
    (Metric("room.humidity", "Room", "°C", "room", 0, 40), None),
    (Metric("empty", "Empty", "B", "mail", 0, 0), None),
]


@pytest.mark.parametrize(("metric", "limit"), METRICS)
def test_capacity_is_the_declared_limit_of_what_fills_up(metric: Metric, limit: float | None) -> None:
    assert capacity(metric) == limit
