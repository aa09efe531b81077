"""Fault 8: a container reports its use as a share of its own CPU quota and memory limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from cgroup_tree import GIB, Tree
from readings import by_key, labels

from dashapp.sources.system.cgroup import own_cgroups
from dashapp.sources.system.container import LIMIT_CHECK_INTERVAL_S


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_cgroup_v2_reports_share_of_half_a_core(tree: Tree) -> None:
    group = tree.mount("", "cgroup2", "rw,nsdelegate")
    tree.path("0::/")
    tree.v2(
        group,
        cpu_max="50000 100000",
        cpu_stat="usage_usec 1000000\nuser_usec 1\nnr_periods 100\nnr_throttled 10\nthrottled_usec 5",
        memory_max=512 * 2**20,
        memory_current=300 * 2**20,
        memory_stat=f"anon 1\ninactive_file {44 * 2**20}\nactive_file 7",
        memory_events="low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\noom_group_kill 0",
    )
    source = tree.source()
    tree.time += 2.0
    tree.v2(group, cpu_stat="usage_usec 1430000\nnr_periods 120\nnr_throttled 15")
    values = source.read()
    assert by_key(values) == {
        "container.cpu.percent": 43.0,
        "container.cpu.throttled": 25.0,
        "container.memory.used": 256 * 2**20,
        "container.memory.percent": 50.0,
        "container.oom_kills": 2,
    }
    assert labels(values)["container.cpu.percent"] == "Container, of 0.5 cores"
    assert labels(values)["container.memory.percent"] == "Container, of 512 MiB"


def test_cgroup_v2_uses_smallest_limit_of_all_ancestors(tree: Tree) -> None:
    top = tree.mount("", "cgroup2", "rw")
    tree.path("0::/pod/app/worker")
    tree.v2(top, cpu_stat="usage_usec 0")
    tree.v2(
        top / "pod",
        cpu_max="100000 100000",
        cpu_stat="usage_usec 5000000\nnr_periods 0\nnr_throttled 0",
        memory_max="max",
    )
    tree.v2(
        top / "pod/app",
        cpu_max="400000 100000",
        memory_max=2 * GIB,
        memory_current=GIB,
        memory_stat="inactive_file 0",
    )
    tree.v2(
        top / "pod/app/worker",
        cpu_max="max 100000",
        cpu_stat="usage_usec 7",
        memory_max=8 * GIB,
        memory_current=5,
    )
    source = tree.source()
    tree.time += 1.0
    tree.v2(top / "pod", cpu_stat="usage_usec 5750000\nnr_periods 0\nnr_throttled 0")
    values = source.read()
    assert by_key(values) == {
        "container.cpu.percent": 75.0,
        "container.cpu.throttled": 0.0,
        "container.memory.used": GIB,
        "container.memory.percent": 50.0,
    }
    assert labels(values)["container.cpu.percent"] == "Container, of 1 core"


def test_container_memory_limit_is_capped_at_host_memory(tree: Tree) -> None:
    group = tree.mount("", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, memory_max=64 * GIB, memory_current=4 * GIB, memory_stat="inactive_file 0")
    found = tree.source().read()
    assert by_key(found)["container.memory.percent"] == 25.0
    assert labels(found)["container.memory.percent"] == "Container, of 16 GiB"


def test_container_uses_host_memory_when_only_cpu_is_limited(tree: Tree) -> None:
    group = tree.mount("", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_max="50000 100000", memory_max="max", memory_current=8 * GIB)
    assert by_key(tree.source().read())["container.memory.percent"] == 50.0


def test_cgroup_v2_reports_nothing_without_limits(tree: Tree) -> None:
    group = tree.mount("", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_max="max 100000", cpu_stat="usage_usec 5", memory_max="max", memory_current=5)
    assert tree.source().read() == {}


@pytest.mark.parametrize("content", ["", "max", "garbage", "-5 0", "0 100000", "50000 0", "5" * 40, "1 2 3"])
def test_container_ignores_invalid_limits(tree: Tree, content: str) -> None:
    group = tree.mount("", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_max=content, memory_max=content if len(content) == 40 else f"x{content}")
    assert tree.source().read() == {}


def test_container_drops_only_metrics_of_unreadable_files(tree: Tree) -> None:
    group = tree.mount("", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_max="50000 100000", memory_current=GIB)
    for name in ("cpu.stat", "memory.max", "memory.stat", "memory.events"):
        (group / name).mkdir()
    assert set(by_key(tree.source().read())) == {"container.memory.percent", "container.memory.used"}


def test_container_reports_nothing_outside_any_cgroup(tree: Tree) -> None:
    assert tree.source().read() == {}
    tree.path("0::/")
    assert tree.source().read() == {}
    assert own_cgroups("/nonexistent") == {}


def test_own_cgroups_uses_mount_when_path_is_outside_namespace(tree: Tree) -> None:
    group = tree.mount("", "cgroup2", "rw")
    tree.path("0::/../../elsewhere")
    assert own_cgroups(str(tree.proc)) == {"": [group]}


def test_container_detects_new_limit_within_10_seconds(tree: Tree) -> None:
    group = tree.mount("", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_max="max 100000", cpu_stat="usage_usec 0", memory_max="max")
    source = tree.source()
    assert source.read() == {}
    tree.v2(group, cpu_max="200000 100000")
    tree.time += LIMIT_CHECK_INTERVAL_S
    source.read()
    tree.time += 1.0
    tree.v2(group, cpu_stat="usage_usec 1000000")
    assert by_key(source.read())["container.cpu.percent"] == 50.0
    tree.v2(group, cpu_max="max 100000")
    tree.time += LIMIT_CHECK_INTERVAL_S
    assert source.read() == {}


def test_container_reports_gap_when_usage_decreases(tree: Tree) -> None:
    group = tree.mount("", "cgroup2", "rw")
    tree.path("0::/")
    tree.v2(group, cpu_max="50000 100000", cpu_stat="usage_usec 9000000\nnr_periods 9\nnr_throttled 9")
    source = tree.source()
    tree.time += 1.0
    tree.v2(group, cpu_stat="usage_usec 5\nnr_periods 1\nnr_throttled 1")
    assert source.read() == {}
