"""All sources of the machine read the folders of `--proc` and `--sys`."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from fake_machine import FakeMachine
from readings import by_key
from wsgi_client import ask

from dashapp.api.process_table import process_table
from dashapp.config.settings import Settings
from dashapp.model.ticks import SourceError
from dashapp.sources.base import Source
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.spec import OWN_PROC, MachineFiles
from dashapp.sources.system.all import system_sources
from dashapp.sources.system.filesystem import FilesystemSource, ProcMounts
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app
from dashapp.web.machine_facts import machine_facts


@pytest.fixture(autouse=True)
def own_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give psutil its folder back, which the process table changes for the whole process."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", OWN_PROC)


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


@pytest.fixture
def host(machine: FakeMachine) -> MachineFiles:
    """Return the folders of a host that a container without privileges mounts."""
    root = Path(machine.proc).parent / "root"
    for folder in ("etc", "home", "var/lib/docker/overlay2/x/merged"):
        (root / folder).mkdir(parents=True)
    (root / "etc/hostname").write_text("build-7\n")
    (root / "etc/os-release").write_text('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n')
    Path(machine.proc, "1/mounts").write_text(
        "/dev/vda1 / ext4 rw 0 0\n"
        "proc /proc proc rw 0 0\n"
        "/dev/vdb1 /home xfs rw 0 0\n"
        "overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0\n"
        "/dev/vdc1 /unreadable ext4 rw 0 0\n"
    )
    return MachineFiles(machine.proc, machine.sys)


def test_file_systems_of_another_machine_are_those_of_its_first_process(host: MachineFiles) -> None:
    asked = []

    def size(path: str) -> os.statvfs_result:
        asked.append(path.removeprefix(host.root))
        return os.statvfs(path)

    assert host.root.endswith("/root")
    source = FilesystemSource(ProcMounts(host.mounts), size, root=host.root)
    assert list(by_key(source.read())) == ["filesystem.root.percent", "filesystem.home.percent"]
    assert asked == ["/", "/home", "/unreadable"]


def test_system_sources_include_file_systems_of_another_machine(host: MachineFiles) -> None:
    (source,) = [
        source._source
        for source in system_sources(host)
        if isinstance(source, BackgroundSource) and isinstance(source._source, FilesystemSource)
    ]
    assert "filesystem.home.percent" in by_key(source.read())


def test_page_of_a_container_names_the_host(host: MachineFiles) -> None:
    assert host.host_name == "build-7"
    settings = Settings(proc=host.proc, sys=host.sys)
    assert settings.host_name == "build-7"
    assert replace(settings, name="web.1").host_name == "web.1"
    facts = machine_facts("", with_addresses=True, machine=host)
    assert facts[:2] == ("build-7", "Debian GNU/Linux 13 (trixie)")
    # The addresses would be those of the container.
    assert all(fact.startswith("Linux ") for fact in facts[2:])
    page = ask(create_app(MemoryStore(), settings), "/").body.decode()
    assert "build-7" in page


def test_without_its_root_the_name_of_the_container_remains(machine: FakeMachine) -> None:
    files = MachineFiles(machine.proc, machine.sys)
    assert files.root == f"{machine.proc}/1/root"
    assert files.host_name == socket.gethostname()
    assert machine_facts("", True, files)[0] == socket.gethostname()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_process_table_of_a_container_is_that_of_the_host(machine: FakeMachine) -> None:
    shutil.rmtree(Path(machine.proc, "1"))
    folder = Path(machine.proc, "4242")
    folder.mkdir()
    for name in ("stat", "statm", "status"):
        (folder / name).write_bytes(Path("/proc/self", name).read_bytes())
    table = process_table(machine.proc).newest()
    assert table is not None
    assert [row.pid for row in table.rows] == [4242]
    assert process_table(OWN_PROC) is not None


def test_container_names_of_another_proc_are_in_its_root(tmp_path: Path) -> None:
    files = MachineFiles("/host/proc", "/host/sys")
    assert (files.root, files.network_proc, files.is_own) == ("/host/proc/1/root", "/host/proc/1", False)
    assert MachineFiles().root == "/"
