"""The limit of the memory of a container or service is the upper bound of its metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from group_tree import GroupTree, container_id, write

from dashapp.model.statistics.capacity import capacity
from dashapp.sources.system.groups.source import SCAN_INTERVAL_S, GroupSource

MIB = 2**20
SERVICE = "system.slice/web.service"
UNLIMITED = {"v1": "9223372036854771712", "v2": "max"}


def set_limit(tree: GroupTree, path: str, limit: object) -> None:
    if tree.version == "v1":
        write(tree.top / "memory" / path / "memory.limit_in_bytes", limit)
    else:
        write(tree.top / path / "memory.max", limit)


def limit_of(tree: GroupTree, source: GroupSource, key: str) -> float | None:
    tree.time += SCAN_INTERVAL_S + 1
    (metric,) = [metric for metric in source.read() if metric.key == key]
    assert capacity(metric) == metric.high
    return metric.high


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_limit_of_a_service_is_followed(tmp_path: Path, version: str) -> None:
    tree = GroupTree(tmp_path, version)
    tree.group(SERVICE, memory=10 * MIB)
    source = tree.source()
    key = "service.web.memory"
    assert limit_of(tree, source, key) is None
    for limit, expected in [
        (64 * MIB, 64 * MIB),
        (128 * MIB, 128 * MIB),
        (UNLIMITED[version], None),
        ("", None),
        ("0", None),
        ("much", None),
    ]:
        set_limit(tree, SERVICE, limit)
        assert limit_of(tree, source, key) == expected


def test_limit_of_a_container_is_the_bound_of_its_memory_only(tmp_path: Path) -> None:
    tree = GroupTree(tmp_path)
    path = f"system.slice/docker-{container_id(1)}.scope"
    tree.group(path, memory=10 * MIB, disk=(1, 1))
    set_limit(tree, path, 64 * MIB)
    source = tree.source()
    source.read()
    tree.time += SCAN_INTERVAL_S + 1
    bounds = {metric.unit: metric.high for metric in source.read()}
    assert bounds == {"%": 100, "B": 64 * MIB, "B/s": None}
