"""A source loses at most its own metrics if a platform lacks, denies or garbles its data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from all_sources import LINUX, PSUTIL, check
from fake_machine import FakeMachine

from dashapp.collector.sampler import Sampler
from dashapp.sources.base import Source
from dashapp.sources.system.all import available_sources
from dashapp.stores.memory import MemoryStore


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def sampled(machine: FakeMachine, sources: list[Source]) -> Mapping[str, float]:
    """Return a tick's values after the sampler has checked them, as in the collector."""
    tick = Sampler(sources, MemoryStore(), 1.0).tick(machine.time)
    return tick.values if tick else {}


CALLS = (
    ("cpu", "cpu_times"),
    ("cpu", "cpu_stats"),
    ("frequency", "cpu_freq"),
    ("load", "getloadavg"),
    ("memory", "virtual_memory"),
    ("memory", "swap_memory"),
    ("disk", "disk_io_counters"),
    ("filesystem", "disk_partitions"),
    ("network", "net_io_counters"),
    ("processes", "pids"),
    ("uptime", "boot_time"),
    ("sensors", "sensors_temperatures"),
    ("sensors", "sensors_fans"),
    ("sensors", "sensors_battery"),
)
HOLLOW = SimpleNamespace(
    user=None, idle=None, current=None, total=None, available=math.nan, used=math.inf, percent=None
)
ANSWERS = {
    "none": None,
    "missing": AttributeError("module 'psutil' has no attribute"),
    "denied": psutil.AccessDenied(),
    "forbidden": PermissionError("no"),
    "unsupported": NotImplementedError("platform not supported"),
    "broken": RuntimeError("no such thing"),
    "empty": (),
    "empty-mapping": {},
    "hollow": HOLLOW,
    "hollow-parts": {"x": HOLLOW, "y": None, "z": [HOLLOW, None]},
    "hollow-list": [HOLLOW, None],
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize(("name", "call"), CALLS, ids=[call for _, call in CALLS])
@pytest.mark.parametrize("when", ["always", "later"])
def test_psutil_source_loses_only_metrics_of_failing_call(
    machine: FakeMachine, name: str, call: str, answer: object, when: str
) -> None:
    whole = PSUTIL[name](machine)
    machine.pass_time()
    usual = {metric.key for metric in whole.read()}
    if when == "always":
        machine.answers[call] = answer
    sources = available_sources([lambda: PSUTIL[name](machine)])
    machine.answers[call] = answer
    machine.pass_time()
    found = set(sampled(machine, sources))
    assert found < usual
    if [of for of, _ in CALLS].count(name) > 1:
        assert found, "the source's other calls still answer"


CONTENTS = {
    "empty": "",
    "blank": "\n\n\n",
    "garbage": "a b c d e f g h i j k l\nx: y z\n",
    "numbers": "1 2 3\n" * 9,
}


@pytest.mark.parametrize("content", [*CONTENTS.values(), None], ids=[*CONTENTS.keys(), "unreadable"])
@pytest.mark.parametrize("when", ["always", "later"])
@pytest.mark.parametrize("name", LINUX)
def test_sampler_survives_invalid_kernel_files(
    machine: FakeMachine, name: str, content: str | None, when: str
) -> None:
    machine.answers = {call: None for _, call in CALLS}
    sources = available_sources([lambda: LINUX[name](machine)]) if when == "later" else []
    for path in [*Path(machine.proc).rglob("*"), *Path(machine.sys).rglob("*")]:
        if path.is_file():
            # Overwrite the file that a source has open, then replace it by a folder, which cannot be read.
            path.write_text(content or "")
            if content is None:
                path.unlink()
                path.mkdir()
    sources = sources or available_sources([lambda: LINUX[name](machine)])
    machine.time += 1
    for source in sources:
        with suppress(OSError, ValueError, LookupError):
            check(source.read())
    sampled(machine, sources)
