"""One contract for every source: well-formed metrics, real first values, and nothing negative,
whatever is reset, wraps, stands still or is unplugged.
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

each = pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


@each
def test_the_first_reading_is_real_and_well_formed(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    machine.pass_time(0.5)
    values = source.read()
    assert values
    check(values)


@each
def test_the_same_machine_gives_the_same_metrics_each_time(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    machine.pass_time()
    first = source.read()
    machine.pass_time()
    assert set(first) == set(source.read())


@each
def test_counters_that_step_back_are_never_negative_nor_a_spike(machine: FakeMachine, make: Make) -> None:
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


@each
def test_a_counter_that_wraps_is_left_out_once(machine: FakeMachine, make: Make) -> None:
    machine.links["eth0"] = machine.disks["sda"] = 2**32 - 10
    source = make(machine)
    machine.links["eth0"], machine.disks["sda"] = 90, 90
    machine.pass_time()
    values = source.read()
    check(values)
    assert not [metric.key for metric in values if re.search(r"eth0|sda", metric.key)]


@each
def test_a_clock_that_stands_still_divides_by_nothing(machine: FakeMachine, make: Make) -> None:
    source = make(machine)
    check(source.read())
    check(source.read())


@each
def test_cores_and_devices_come_and_go(machine: FakeMachine, make: Make) -> None:
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


def test_keys_are_unique_and_panels_of_one_unit_over_all_sources(machine: FakeMachine) -> None:
    sources = [make(machine) for make in LINUX.values()] + [PSUTIL["sensors"](machine)]
    machine.pass_time()
    metrics = [metric for source in sources for metric in source.read()]
    assert len({metric.key for metric in metrics}) == len(metrics)
    units: dict[str, set[str]] = {}
    for metric in metrics:
        units.setdefault(metric.panel, set()).add(metric.unit)
    assert [panel for panel, found in units.items() if len(found) > 1] == []


def test_linux_and_psutil_agree_on_the_keys_of_a_source(machine: FakeMachine) -> None:
    for name in ("frequency", "load", "memory", "uptime"):
        sources = [LINUX[name](machine), PSUTIL[name](machine)]
        machine.pass_time()
        linux, elsewhere = ({metric.key for metric in source.read()} for source in sources)
        assert linux == elsewhere


def test_a_function_that_gives_nonsense_gives_what_is_sound_in_it(machine: FakeMachine) -> None:
    store = MemoryStore()
    sources = [FunctionSource("sample_functions:nonsense", {}), LINUX["cpu"](machine)]
    for _ in range(3):
        machine.pass_time()
        tick = Sampler(sources, store, 1.0).tick(machine.time)
        assert tick is not None
        assert tick.values["nonsense.fine"] == 7
        metrics = {metric.key: metric for metric in store.metrics()}
        check({metrics[key]: value for key, value in tick.values.items()})
        # The names whose values are none count too: they may have one the next time.
        assert len([key for key in tick.values if key.startswith("nonsense.")]) == 1000 - 4
