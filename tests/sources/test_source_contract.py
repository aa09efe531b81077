"""The contract of every source: well-formed metrics, real first values, no negative value.

It holds when counters reset or wrap, when the clock stands still, and when devices disappear.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from all_sources import ALL, LINUX, PSUTIL, Make, check
from fake_machine import FakeMachine

from dashapp.collector.sampler import Sampler
from dashapp.sources.function import FunctionSource
from dashapp.stores.memory import MemoryStore

every_source = pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


@every_source
def test_source_first_reading_is_real_and_well_formed(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    machine.pass_time(0.5)
    values = source.read()
    assert values
    check(values)


@every_source
def test_source_reports_same_metrics_every_time(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    machine.pass_time()
    first = source.read()
    machine.pass_time()
    assert set(first) == set(source.read())


@every_source
def test_source_has_no_negative_or_spike_when_counters_reset(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    machine.pass_time()
    usual = source.read()
    machine.reset()
    machine.pass_time()
    values = source.read()
    check(values)
    for metric, value in values.items():
        if metric.unit in ("B/s", "1/s"):
            assert value <= 2 * usual[metric]
    machine.pass_time()
    after = source.read()
    check(after)
    assert {metric.key for metric in usual} == {metric.key for metric in after}


@every_source
def test_source_drops_counter_once_when_it_wraps(machine: FakeMachine, make: Make) -> None:
    machine.links["eth0"] = machine.disks["sda"] = 2**32 - 10
    source = make(machine)
    machine.links["eth0"], machine.disks["sda"] = 90, 90
    machine.pass_time()
    values = source.read()
    check(values)
    assert not [metric.key for metric in values if re.search(r"eth0|sda", metric.key)]


@every_source
def test_source_does_not_divide_by_zero_when_clock_stands_still(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    check(source.read())
    check(source.read())


@every_source
def test_source_follows_added_and_removed_cores_and_devices(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    for step in range(12):
        if step == 2:
            machine.plug(*range(2, 8))
            machine.disks["nvme0n1"] = machine.links["wlan0"] = 10**9
        if step == 5:
            machine.unplug(1, 2, 3, 4, 5, 6)
            del machine.disks["sda"], machine.links["eth0"]
        if step == 8:
            machine.disks["sda"] = machine.links["eth0"] = 10**12
        machine.pass_time()
        values = source.read()
        check(values)
        for metric, value in values.items():
            assert metric.unit not in ("B/s",) or value < 10**6, metric.key


def test_sources_have_unique_keys_and_one_unit_per_panel(machine: FakeMachine) -> None:
    sources = [make(machine) for make in LINUX.values()] + [PSUTIL["sensors"](machine)]
    machine.pass_time()
    metrics = [metric for source in sources for metric in source.read()]
    assert len({metric.key for metric in metrics}) == len(metrics)
    units: dict[str, set[str]] = {}
    for metric in metrics:
        units.setdefault(metric.panel, set()).add(metric.unit)
    assert [panel for panel, found in units.items() if len(found) > 1] == []


def test_sources_report_same_keys_on_linux_and_psutil(machine: FakeMachine) -> None:
    for name in ("frequency", "load", "memory", "uptime"):
        sources = [LINUX[name](machine), PSUTIL[name](machine)]
        machine.pass_time()
        linux, elsewhere = ({metric.key for metric in source.read()} for source in sources)
        assert linux == elsewhere


def test_function_source_keeps_valid_values_among_nonsense(machine: FakeMachine) -> None:
    store = MemoryStore()
    sources = [FunctionSource("sample_functions:nonsense", {}), LINUX["cpu"](machine)]
    for _ in range(3):
        machine.pass_time()
        tick = Sampler(sources, store, 1.0).tick(machine.time)
        assert tick is not None
        assert tick.values["nonsense.fine"] == 7
        metrics = {metric.key: metric for metric in store.metrics()}
        check({metrics[key]: value for key, value in tick.values.items()})
        # Names with invalid values count too, because the next value may be valid.
        assert len([key for key in tick.values if key.startswith("nonsense.")]) == 1000 - 4
