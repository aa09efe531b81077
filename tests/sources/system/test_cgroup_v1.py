"""Fault 8 with cgroup v1: controllers mounted separately or together."""

from __future__ import annotations

from pathlib import Path

import pytest
from cgroup_tree import GIB, Tree
from readings import by_key, labels

NO_LIMIT_V1 = 9223372036854771712


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def v1(
    tree: Tree, co_mounted: bool, path: str = "/docker/abc", root: str = "/docker/abc"
) -> tuple[Path, Path, Path]:
    """Return the groups for cpu, cpuacct and memory of a container with cgroup v1."""
    if co_mounted:
        cpu = account = tree.mount("cpu,cpuacct", "cgroup", "rw,cpu,cpuacct", root)
        tree.path(f"4:cpu,cpuacct:{path}")
    else:
        cpu = tree.mount("cpu", "cgroup", "rw,cpu", root)
        account = tree.mount("cpuacct", "cgroup", "rw,cpuacct", root)
        tree.path(f"4:cpu:{path}")
        tree.path(f"5:cpuacct:{path}")
    memory = tree.mount("memory", "cgroup", "rw,memory", root)
    tree.path(f"6:memory:{path}")
    tree.path("1:name=systemd:/")
    return cpu, account, memory


@pytest.mark.parametrize("co_mounted", [False, True])
@pytest.mark.parametrize(("path", "root"), [("/docker/abc", "/docker/abc"), ("/", "/"), ("/gone", "/")])
def test_cgroup_v1_reports_cpu_and_memory_share(tree: Tree, co_mounted: bool, path: str, root: str) -> None:
    cpu, account, memory = v1(tree, co_mounted, path, root)
    tree.write(cpu / "cpu.cfs_quota_us", 150_000)
    tree.write(cpu / "cpu.cfs_period_us", 100_000)
    tree.write(cpu / "cpu.stat", "nr_periods 10\nnr_throttled 0\nthrottled_time 0")
    tree.write(account / "cpuacct.usage", 1_000_000_000)
    tree.write(memory / "memory.limit_in_bytes", GIB)
    tree.write(memory / "memory.usage_in_bytes", 3 * GIB // 4)
    tree.write(memory / "memory.stat", f"inactive_file 1\ntotal_inactive_file {GIB // 4}")
    tree.write(memory / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1")
    source = tree.source()
    tree.time += 1.0
    tree.write(cpu / "cpu.stat", "nr_periods 20\nnr_throttled 10\nthrottled_time 5")
    tree.write(account / "cpuacct.usage", 1_750_000_000)
    values = source.read()
    assert by_key(values) == {
        "container.cpu.percent": 50.0,
        "container.cpu.throttled": 100.0,
        "container.memory.used": GIB // 2,
        "container.memory.percent": 50.0,
        "container.oom_kills": 1,
    }
    assert labels(values)["container.cpu.percent"] == "Container, of 1.5 cores"


def test_cgroup_v1_uses_affinity_cores_without_quota(tree: Tree) -> None:
    cpu, account, memory = v1(tree, co_mounted=False)
    tree.write(cpu / "cpu.cfs_quota_us", -1)
    tree.write(cpu / "cpu.cfs_period_us", 100_000)
    tree.write(cpu / "cpu.stat", "nr_periods 0\nnr_throttled 0")
    tree.write(account / "cpuacct.usage", 0)
    tree.write(memory / "memory.limit_in_bytes", GIB)
    tree.write(memory / "memory.usage_in_bytes", GIB // 2)
    source = tree.source(cpus=4)
    tree.time += 1.0
    tree.write(account / "cpuacct.usage", 1_000_000_000)
    found = by_key(source.read())
    assert found["container.cpu.percent"] == 25.0
    assert "container.cpu.throttled" not in found


def test_cgroup_v1_reports_nothing_without_limits(tree: Tree) -> None:
    cpu, _, memory = v1(tree, co_mounted=True)
    tree.write(cpu / "cpu.cfs_quota_us", -1)
    tree.write(cpu / "cpu.cfs_period_us", 100_000)
    tree.write(memory / "memory.limit_in_bytes", NO_LIMIT_V1)
    tree.write(memory / "memory.usage_in_bytes", 5)
    assert tree.source().read() == {}
