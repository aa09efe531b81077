"""All sources of the machine read the folders of `--proc` and `--sys`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fake_machine import FakeMachine
from readings import by_key

from dashapp.model.ticks import SourceError
from dashapp.sources.base import Source
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.spec import MachineFiles
from dashapp.sources.system.all import system_sources


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    machine = FakeMachine(tmp_path)
    for path in ("1/net", "self"):
        shutil.copytree(Path(machine.proc, "net"), Path(machine.proc, path), dirs_exist_ok=True)
    return machine


def values_of(sources: list[Source]) -> dict[str, float]:
    values: dict[str, float] = {}
    for source in sources:
        # The file systems are those of this process.
        if not isinstance(source, BackgroundSource):
            try:
                values |= by_key(source.read())
            except SourceError as error:
                pytest.fail(str(error))
    return values


def test_sources_read_folders_of_another_machine(machine: FakeMachine) -> None:
    values = values_of(system_sources(MachineFiles(machine.proc, machine.sys)))
    assert values["load.15"] == 2.0
    assert values["uptime.seconds"] == machine.time
    assert values["memory.percent"] == 25.0
    assert values["processes.count"] == 2
    assert values["tcp.established"] == 3
    assert values["cpu.frequency"] == 2.5e9
    # The limits of this process's own container are not those of that machine.
    assert "container.cpu.percent" not in values
    machine.pass_time(1.0)


def test_network_in_another_proc_is_that_of_first_process(machine: FakeMachine) -> None:
    host = Path(machine.proc, "1/net/dev")
    host.write_text(host.read_text().replace("eth0", "eno1"))
    sources = system_sources(MachineFiles(machine.proc, machine.sys))
    content = host.read_text()
    host.write_text(content.replace("1000000 ", "9000000 "))
    keys = values_of(sources)
    assert "network.eno1.received" in keys
    assert "network.eth0.received" not in keys


def test_container_names_of_another_proc_are_in_its_root(tmp_path: Path) -> None:
    files = MachineFiles("/host/proc", "/host/sys")
    assert (files.root, files.network_proc, files.is_own) == ("/host/proc/1/root", "/host/proc/1", False)
    assert MachineFiles().root == "/"
