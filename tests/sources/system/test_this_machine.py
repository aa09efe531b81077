"""All system sources on this machine: their metrics, their cost, and the required metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from effort import calls_of
from jiffies import let_time_pass

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric, Tick
from dashapp.sources.base import Source
from dashapp.sources.system.all import available_sources, system_sources
from dashapp.stores.memory import MemoryStore

# Metrics on every machine that runs these tests; see issue 3.
ALWAYS = {
    "cpu.percent",
    "cpu.user",
    "memory.percent",
    "memory.used",
    "swap.percent",
    "swap.used",
    "load.1",
    "uptime.seconds",
    "processes.count",
}


def test_system_sources_report_real_values_on_first_tick() -> None:
    store = MemoryStore()
    sampler = Sampler(system_sources(), store, 1.0)
    let_time_pass()
    tick = sampler.tick(1000.0)
    assert tick is not None
    assert set(tick.values) >= ALWAYS
    assert {metric.key for metric in store.metrics()} == set(tick.values)
    panels: dict[str, set[str]] = {}
    for metric in store.metrics():
        panels.setdefault(metric.panel, set()).add(metric.unit)
    assert all(len(units) == 1 for units in panels.values())


def test_system_sources_are_fast_per_tick() -> None:
    sampler = Sampler(system_sources(), MemoryStore(), 1.0)
    sampler.tick(1000.0)
    let_time_pass()
    ticks: list[Tick | None] = []
    work = calls_of(lambda: ticks.append(sampler.tick(1001.0)))
    assert ticks[0] is not None
    # On the author's machine: about 20 calls per metric, and half a millisecond for all.
    assert work < 100 * len(ticks[0].values)


def test_system_sources_encode_to_short_row() -> None:
    sampler = Sampler(system_sources(), MemoryStore(), 1.0)
    let_time_pass()
    tick = sampler.tick(1000.0)
    assert tick is not None
    details = [key for key in tick.values if key.count(".") > 1]
    assert len(json.dumps(tick.values)) / max(1, len(tick.values)) < 32, details


class WorkingSource:
    def read(self) -> Mapping[Metric, float]:
        return {}


class UnsupportedSource:
    def __init__(self) -> None:
        raise OSError("not on this platform")

    def read(self) -> Mapping[Metric, float]:
        raise AssertionError


def test_available_sources_skips_and_logs_unsupported_source(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        found: list[Source] = available_sources([UnsupportedSource, WorkingSource, UnsupportedSource])
    assert [type(source) for source in found] == [WorkingSource]
    assert "not on this platform" in caplog.text
