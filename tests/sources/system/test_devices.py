"""Disks, file systems, networks and sensors: metrics per device, and totals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_machine import FakeMachine, size_of_disk

from dashapp.model.ticks import Metric
from dashapp.sources.system import disk, filesystem, network, topology
from dashapp.sources.system.disk import DiskSource, ProcDisks
from dashapp.sources.system.filesystem import FilesystemSource, Mount, ProcMounts, shown_mounts
from dashapp.sources.system.network import NetworkSource, ProcNetwork
from dashapp.sources.system.sensors import SensorSource, has_sensors


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def by_key(values: Mapping[Metric, float]) -> dict[str, float]:
    return {metric.key: value for metric, value in values.items()}


def test_disk_source_reports_whole_disks_without_partitions(machine: FakeMachine) -> None:
    machine.disks = {"sda": 512_000, "sda1": 512_000, "loop0": 512_000, "dm-0": 512_000}
    machine.write()
    source = DiskSource(ProcDisks(machine.proc), machine.now)
    machine.disks = dict.fromkeys(machine.disks, 1_024_000)
    machine.time += 2.0
    machine.write()
    assert by_key(source.read()) == {
        "disk.read": 256_000,
        "disk.write": 512_000,
        "disk.sda.read": 256_000,
        "disk.sda.write": 512_000,
        "disk.sda.reads": 256,
        "disk.sda.writes": 512,
        "disk.sda.busy": 100.0,
    }


@pytest.mark.parametrize(
    "name", ["sda1", "nvme0n1p3", "mmcblk0p1", "loop3", "ram0", "zram0", "dm-2", "md127", "sr0", "nvme0c0n1"]
)
def test_is_whole_disk_rejects_partitions_and_stacked_devices(name: str) -> None:
    assert not topology.is_whole_disk(name, {"sda": 0, "nvme0n1": 0, "mmcblk0": 0, name: 0})


@pytest.mark.parametrize(
    "name", ["sda", "vdb", "xvda1", "nvme0n1", "nvme10n2", "mmcblk0", "PhysicalDrive0", "disk0"]
)
def test_is_whole_disk_accepts_disks(name: str) -> None:
    assert topology.is_whole_disk(name, {name: 0})


def test_disk_and_network_report_only_totals_with_many_devices(machine: FakeMachine) -> None:
    machine.disks = {f"sd{chr(97 + n)}": 1000 for n in range(disk.MAX_DISKS + 1)}
    machine.links = {f"eth{n}": 1000 for n in range(network.MAX_INTERFACES + 1)}
    machine.write()
    disks = DiskSource(ProcDisks(machine.proc), machine.now)
    links = NetworkSource(ProcNetwork(machine.proc), machine.now)
    machine.pass_time()
    assert set(by_key(disks.read())) == {"disk.read", "disk.write"}
    assert set(by_key(links.read())) == {"network.received", "network.sent"}


def test_network_total_excludes_loopback_and_virtual_interfaces(
    machine: FakeMachine,
) -> None:
    inner = ("lo", "docker0", "br-1f2e", "veth12", "virbr0", "tun0", "wg0", "bond0", "eth0.100", "cni0")
    machine.links = dict.fromkeys((*inner, "eth0", "wlp3s0"), 10_000)
    machine.write()
    source = NetworkSource(ProcNetwork(machine.proc), machine.now)
    machine.pass_time()
    found = by_key(source.read())
    assert found["network.received"] == 2000
    assert found["network.sent"] == 4000
    assert found["network.docker0.received"] == 1000
    assert found["network.eth0-100.received"] == 1000
    assert not [key for key in found if "veth" in key]


def test_network_interface_appears_when_it_has_traffic(machine: FakeMachine) -> None:
    source = NetworkSource(ProcNetwork(machine.proc), machine.now)
    machine.pass_time()
    assert "network.ifb0.received" not in by_key(source.read())
    machine.links["ifb0"] = 500
    machine.pass_time()
    assert by_key(source.read())["network.ifb0.received"] == 1500


def test_filesystem_source_reads_each_local_mount_once(machine: FakeMachine) -> None:
    asked = []

    def size(point: str) -> filesystem.StatvfsResult:
        asked.append(point)
        return size_of_disk(point)  # type: ignore[no-any-return]

    found = by_key(FilesystemSource(ProcMounts(f"{machine.proc}/self/mounts"), size).read())
    assert found == {"filesystem.root.percent": 44.4, "filesystem.mnt-a-b.percent": 44.4}
    assert asked == ["/", "/mnt/a b"]


@pytest.mark.parametrize(
    ("kind", "point", "is_shown"),
    [
        ("overlay", "/", True),
        ("overlay", "/var/lib/docker/overlay2/x/merged", False),
        ("ext4", "/etc/hosts", False),
        ("squashfs", "/snap/x", False),
        ("tmpfs", "/run", False),
        ("nfs4", "/home", False),
        ("cifs", "/mnt", False),
        ("fuse.sshfs", "/mnt", False),
        ("9p", "/mnt", False),
        ("btrfs", "/home", True),
        ("vfat", "/boot/efi", True),
        ("apfs", "/", True),
    ],
)
def test_shown_mounts_selects_real_file_systems(kind: str, point: str, is_shown: bool) -> None:
    assert bool(shown_mounts([Mount("/dev/x", point, kind)])) == is_shown


def test_filesystem_source_skips_missing_or_empty_mount() -> None:
    mounts = [Mount(f"/dev/{name}", f"/{name}", "ext4") for name in ("gone", "empty", "full")]

    def size(point: str) -> filesystem.StatvfsResult:
        if point == "/gone":
            raise FileNotFoundError(point)
        return SimpleNamespace(f_blocks=0 if point == "/empty" else 10, f_bfree=0, f_bavail=0)

    assert by_key(FilesystemSource(lambda: mounts, size).read()) == {"filesystem.full.percent": 100.0}


def test_filesystem_keys_are_unique_for_similar_mount_points() -> None:
    mounts = [
        Mount(f"/dev/{n}", point, "xfs") for n, point in enumerate(("/a b", "/a-b", "/A/b", "/root", "/"))
    ]
    found = by_key(FilesystemSource(lambda: mounts, size_of_disk).read())
    assert len(found) == 5


def test_sensor_keys_are_numbered_when_labels_are_equal(machine: FakeMachine) -> None:
    source = SensorSource(
        machine.call("sensors_temperatures"), machine.call("sensors_fans"), machine.call("sensors_battery")
    )
    assert by_key(source.read()) == {
        "temperature.coretemp-core-0": 41.5,
        "temperature.coretemp-core-1": 41.5,
        "temperature.coretemp": 41.5,
        "temperature.coretemp-2": 41.5,
        "fan.dell_smm": 30.0,
        "battery.percent": 93.0,
    }


def test_has_sensors_checks_directory_without_reading_sensors(tmp_path: Path) -> None:
    assert not has_sensors(str(tmp_path))
    (tmp_path / "class/hwmon/hwmon0").mkdir(parents=True)
    assert has_sensors(str(tmp_path))
