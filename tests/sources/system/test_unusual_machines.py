"""Kernels with unusual files, such as gVisor: the right numbers, or what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from cgroup_tree import Tree
from readings import by_key

from dashapp.sources.system.container import ContainerSource, GroupCpu
from dashapp.sources.system.cpu import CpuSource, ProcStat, cpu_counts
from dashapp.sources.system.disk import DiskSource, ProcDisks
from dashapp.sources.system.filesystem import FilesystemSource, Mount, shown_mounts
from dashapp.sources.system.load import LoadSource
from dashapp.sources.system.memory import MemorySource, ProcMemory
from dashapp.sources.system.network import NetworkSource, ProcNetwork


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


ZERO = "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 0\nctxt 0\nbtime 1\n"
DEAD = {
    "zeros as in gVisor": ZERO,
    "constant": "cpu  9 9 9 9\ncpu0 9 9 9 9\n",
    "empty": "",
    "short lines": "cpu\ncpu0\ncpu1 5\ncpu2 5 5 5\n",
    "words": "cpu a b c d\ncpu0 1 x 3 4\n",
    "binary": "\x00\x01\n\x00",
    "negative": "cpu -1 -1 -1 -1\n",
    "no idle time": "cpu0 10 20 30\n",
}


def cpu_source(tree: Tree, cpus: int = 4) -> CpuSource:
    proc = str(tree.proc)
    return CpuSource(ProcStat(proc), tree.now, GroupCpu(proc, lambda: cpus, tree.now))


def read_for(tree: Tree, source: CpuSource, seconds: int) -> Mapping[str, float]:
    values: Mapping[str, float] = {}
    for _ in range(seconds):
        tree.time += 1
        values = by_key(source.read())
    return values


@pytest.mark.parametrize("stat", DEAD.values(), ids=DEAD.keys())
def test_cpu_comes_from_control_group_when_counters_do_not_move(tree: Tree, stat: str) -> None:
    (tree.proc / "stat").write_text(stat)
    group = tree.mount("unified", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_stat="usage_usec 1000000", cpu_max="200000 100000")
    source = cpu_source(tree)
    assert "cpu.percent" not in read_for(tree, source, 3), "a counter that stands still counts nothing"
    assert source.status_message
    tree.v2(group, cpu_stat="usage_usec 2000000")
    tree.time += 1
    found = {metric.label: value for metric, value in source.read().items()}
    assert found["CPU of this container"] == 50
    assert not source.status_message


@pytest.mark.parametrize("stat", [*DEAD.values(), None], ids=[*DEAD.keys(), "missing"])
def test_cpu_says_why_it_is_missing_without_control_group(tree: Tree, stat: str | None) -> None:
    if stat is not None:
        (tree.proc / "stat").write_text(stat)
    source = cpu_source(tree)
    assert "cpu.percent" not in read_for(tree, source, 3)
    assert source.status_message.startswith("CPU load is not available: the times in /proc/stat do not pass")


def test_cpu_never_mixes_machine_and_control_group(tree: Tree) -> None:
    group = tree.mount("unified", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_stat="usage_usec 1000000")
    (tree.proc / "stat").write_text("cpu0 10 0 10 80\n")
    source = cpu_source(tree)
    (tree.proc / "stat").write_text("cpu0 60 0 20 120\n")
    assert read_for(tree, source, 1)["cpu.percent"] == 60
    assert read_for(tree, source, 9) == {}, "the machine stands still"
    assert not source.status_message


BUSY = {
    "no line intr": (
        "cpu  10 0 10 80\ncpu0 10 0 10 80\nctxt 1\n",
        "cpu  60 0 20 120\ncpu0 60 0 20 120\nctxt 2\n",
    ),
    "aggregate line alone": ("cpu  10 0 10 80\nintr 1\n", "cpu  60 0 20 120\nintr 2\n"),
    "extra columns": ("cpu0 10 0 10 80 0 0 0 0 0 0 7 x\n", "cpu0 60 0 20 120 0 0 0 0 0 0 9 y\n"),
    "a broken core": ("cpu0 10 0 10 80\ncpu1 x\n", "cpu0 60 0 20 120\ncpu1 5\n"),
}


@pytest.mark.parametrize(("before", "after"), BUSY.values(), ids=BUSY.keys())
def test_cpu_reads_unusual_counters(tree: Tree, before: str, after: str) -> None:
    (tree.proc / "stat").write_text(before)
    source = cpu_source(tree)
    (tree.proc / "stat").write_text(after)
    assert read_for(tree, source, 1)["cpu.percent"] == 60
    (tree.proc / "stat").unlink()
    assert "cpu.percent" not in read_for(tree, source, 1)


def test_cpu_without_stat_file_uses_other_reader(tree: Tree) -> None:
    assert not isinstance(cpu_counts(str(tree.proc)), ProcStat)


@pytest.mark.parametrize("cpus", [0, 1])
def test_container_divides_by_no_zero_cpus(tree: Tree, cpus: int) -> None:
    group = tree.mount("unified", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_stat="usage_usec 1000000", memory_max="1000000", memory_current="500000")
    source = ContainerSource(str(tree.proc), lambda: cpus, tree.now)
    tree.time += 1
    tree.v2(group, cpu_stat="usage_usec 1500000")
    assert by_key(source.read()).get("container.cpu.percent") == (50 if cpus else None)
    assert GroupCpu(str(tree.proc), lambda: cpus, tree.now).percent() is None
    load = LoadSource(str(tree.proc), lambda: (1.0, 1.0, 1.0), lambda: cpus)
    assert ("load.percore" in by_key(load.read())) == bool(cpus)


MEMORY = {
    "available": ("MemTotal: 1000 kB\nMemAvailable: 250 kB\n", 75.0, ""),
    "old kernel": ("MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 300 kB\nShmem: 50 kB\n", 65.0, ""),
    "free alone": ("MemTotal: 1000 kB\nMemFree: 100 kB\n", None, "has no MemAvailable"),
    "no total": ("MemAvailable: 250 kB\n", None, "has no MemTotal"),
    "zeros": ("MemTotal: 0 kB\nMemAvailable: 0 kB\n", None, "has no MemTotal"),
    "empty": ("", None, "has no MemTotal and MemAvailable"),
    "no numbers": ("MemTotal: many\nMemAvailable:\n", None, "has no MemTotal and MemAvailable"),
}


@pytest.mark.parametrize(("text", "percent", "message"), MEMORY.values(), ids=MEMORY.keys())
def test_memory_is_right_or_explained(tree: Tree, text: str, percent: float | None, message: str) -> None:
    (tree.proc / "meminfo").write_text(text)
    source = MemorySource(ProcMemory(str(tree.proc)), tree.now)
    assert by_key(source.read()).get("memory.percent") == percent
    assert message in source.status_message
    assert bool(source.status_message) == (percent is None)


def test_network_skips_lines_that_are_no_interface(tree: Tree) -> None:
    line = "eth0: {0} 1 0 0 0 0 0 0 {0} 1 0 0 0 0 0 0 77 x\n"
    rest = "wlan0: 5 5\nppp0:\nwg0: a b c d e f g h i j k l\n no colon 1 2 3\n"

    def write(count: int) -> None:
        Tree.write(tree.proc / "net/dev", line.format(count) + rest)

    write(1000)
    source = NetworkSource(ProcNetwork(str(tree.proc)), tree.now)
    write(3000)
    tree.time += 1
    assert by_key(source.read())["network.received"] == 2000


def test_disks_skip_lines_that_are_no_disk(tree: Tree) -> None:
    def write(sectors: int) -> None:
        line = f"   8 0 sda 100 0 {sectors} 10 100 0 {sectors} 10 0 10 20 1 1 1 1 z\n"
        Tree.write(tree.proc / "diskstats", f"{line}8 1\n8 16 sdb a b c d e f g h i j k\n")

    write(2000)
    source = DiskSource(ProcDisks(str(tree.proc)), tree.now)
    write(4000)
    tree.time += 1
    assert by_key(source.read())["disk.read"] == 1_024_000


POD = [
    Mount("overlay", "/", "overlay"),
    Mount("/dev/nvme0n1p1", "/dev/termination-log", "ext4"),
    Mount("/dev/nvme0n1p1", "/etc/hosts", "ext4"),
]
PROXMOX = [
    Mount("rpool", "/rpool", "zfs"),
    *(Mount(f"rpool/data/subvol-{n}", f"/rpool/data/subvol-{n}", "zfs") for n in range(100, 120)),
    Mount("/dev/sdz1", "/mnt/backup/nightly/of-the-whole-house", "ext4"),
]
MAC = [
    Mount("/dev/disk3s1s1", "/", "apfs"),
    Mount("/dev/disk3s5", "/System/Volumes/Data", "apfs"),
    Mount("/dev/disk5s1", "/Volumes/Backup", "apfs"),
]


def test_file_that_is_a_mount_point_is_no_file_system() -> None:
    # A folder for temporary files can be below /dev, which is no disk.
    file, folder = Path(__file__), Path(__file__).parent
    assert [mount.point for mount in shown_mounts(POD)] == ["/"]
    assert shown_mounts([Mount("/dev/vda1", str(file), "ext4")]) == []
    assert [mount.point for mount in shown_mounts([*POD, Mount("/dev/vdb", str(folder), "ext4")])] == [
        "/",
        str(folder),
    ]


def test_datasets_of_one_pool_are_one_line() -> None:
    assert [mount.point for mount in shown_mounts(PROXMOX)] == ["/rpool", PROXMOX[-1].point]
    assert [mount.point for mount in shown_mounts(MAC)] == ["/", "/Volumes/Backup"]
    subvolumes = [Mount("/dev/sda2", point, "btrfs") for point in ("/", "/home", "/.snapshots")]
    assert [mount.point for mount in shown_mounts(subvolumes)] == ["/"]


def test_pool_counts_every_dataset_in_its_own_blocks() -> None:
    sizes = {
        "/rpool": SimpleNamespace(f_frsize=512, f_blocks=2000, f_bfree=2000, f_bavail=2000),
        "/rpool/a": SimpleNamespace(f_frsize=1024, f_blocks=3000, f_bfree=1000, f_bavail=1000),
        "/rpool/b": SimpleNamespace(f_frsize=1024, f_blocks=2000, f_bfree=1000, f_bavail=1000),
    }
    mounts = [Mount(point[1:], point, "zfs") for point in sizes]
    # 3,000 of 4,000 blocks of 1,024 bytes.
    found = by_key(FilesystemSource(lambda: mounts, sizes.__getitem__).read())
    assert found == {"filesystem.rpool.percent": 75.0}
