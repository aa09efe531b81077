"""Containers and services: usage, sums, restarts, vanished files and thousands of groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from group_tree import CORES, VERSIONS, GroupTree, container_id, write
from hypothesis import given, settings
from hypothesis import strategies as st
from readings import by_key, labels

from dashapp.collector.sampler import Sampler
from dashapp.sources.system.groups.busiest import LEAD_FACTOR, LEAD_POINTS, Busiest
from dashapp.sources.system.groups.source import (
    GROUPS_PER_SECOND,
    MAX_LINES,
    SCAN_INTERVAL_S,
    GroupSource,
)
from dashapp.stores.memory import MemoryStore

MIB = 2**20
Make = Callable[[str], GroupTree]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda version: GroupTree(tmp_path / version, version)


@pytest.fixture
def tree(make: Make) -> GroupTree:
    return make("v2")


def docker(number: int) -> str:
    return f"system.slice/docker-{container_id(number)}.scope"


def read_after(tree: GroupTree, source: GroupSource, seconds: float = SCAN_INTERVAL_S) -> dict[str, float]:
    tree.time += seconds
    return by_key(source.read())


@pytest.mark.parametrize("version", VERSIONS)
def test_groups_show_containers_and_services(make: Make, version: str) -> None:
    tree = make(version)
    web = f"docker/{container_id(1)}"
    tree.group(web, cpu=10.0, memory=300 * MIB, cache=50 * MIB, disk=(1000, 2000))
    tree.group("system.slice/nginx.service", cpu=5.0, memory=20 * MIB)
    source = tree.source()
    tree.group(web, cpu=10.0 + SCAN_INTERVAL_S, memory=400 * MIB, cache=60 * MIB, disk=(6000, 2000))
    tree.group("system.slice/nginx.service", cpu=5.0 + 2 * SCAN_INTERVAL_S, memory=30 * MIB)
    values = read_after(tree, source)
    disk = (
        {}
        if version == "hybrid"
        else {"container.000000000000.read": 1000, "container.000000000000.write": 0}
    )
    assert values == disk | {
        "container.000000000000.cpu": 100 / CORES,
        "container.000000000000.memory": 400 * MIB,
        "service.nginx.cpu": 200 / CORES,
        "service.nginx.memory": 30 * MIB,
    }


def test_groups_use_name_of_docker(tree: GroupTree) -> None:
    write_docker_name(tree, 1, "web")
    tree.group(docker(1), cpu=1.0)
    tree.group("system.slice/web.service", cpu=1.0)
    source = tree.source()
    tree.group(docker(1), cpu=2.0)
    tree.group("system.slice/web.service", cpu=3.0)
    tree.time += 1
    values = source.read()
    assert by_key(values)["container.web.cpu"] == 100 / CORES
    assert by_key(values)["service.web.cpu"] == 200 / CORES
    assert labels(values)["container.web.cpu"] == "web"


def test_restarted_container_continues_without_negative_or_huge_rate(tree: GroupTree) -> None:
    for number in (1, 2):
        write_docker_name(tree, number, "web")
    tree.group(docker(1), cpu=5000.0)
    source = tree.source()
    tree.group(docker(1), cpu=5001.0)
    assert read_after(tree, source, 1)["container.web.cpu"] == 100 / CORES
    tree.remove(docker(1))
    tree.group(docker(2), cpu=0.5)
    seen = [read_after(tree, source, 1).get("container.web.cpu")]
    for cpu in (1.5, 2.5, 3.5):
        tree.group(docker(2), cpu=cpu)
        seen.append(read_after(tree, source, 1).get("container.web.cpu"))
    assert set(seen) == {None, 100 / CORES}
    assert seen[-1] is not None


def test_container_created_again_at_same_path_has_no_rate_of_both(tree: GroupTree) -> None:
    tree.group(docker(1), cpu=1.0)
    source = tree.source()
    read_after(tree, source)
    tree.remove(docker(1))
    tree.group(docker(1), cpu=900.0)
    assert read_after(tree, source).get("container.000000000000.cpu") is None
    tree.group(docker(1), cpu=901.0)
    assert read_after(tree, source, 1)["container.000000000000.cpu"] == 100 / CORES


@pytest.mark.parametrize("file", ["cpu.stat", "memory.stat", "memory.current", "io.stat"])
@pytest.mark.parametrize(
    "content", [None, "", "garbage", "-5", "usage_usec -3", "8:0 rbytes=x wbytes", "\n \n"]
)
def test_groups_lose_only_values_of_unreadable_file(tree: GroupTree, file: str, content: str | None) -> None:
    for number in (1, 2):
        write_docker_name(tree, number, f"c{number}")
        tree.group(docker(number), cpu=1.0, memory=MIB, disk=(1, 1))
    source = tree.source()
    for number in (1, 2):
        tree.group(docker(number), cpu=2.0, memory=MIB, disk=(2, 2))
    path = tree.top / docker(1) / file
    path.unlink()
    if content is not None:
        path.write_text(content)
    values = read_after(tree, source)
    assert {"container.c2.cpu", "container.c2.memory", "container.c2.read"} <= values.keys()
    quantity = {"cpu.stat": "cpu", "io.stat": "read"}.get(file, "memory")
    if file != "io.stat" or content is None:
        assert f"container.c1.{quantity}" not in values
    for other in {"cpu", "memory", "read"} - {quantity}:
        assert f"container.c1.{other}" in values


def test_groups_end_line_of_removed_container(tree: GroupTree) -> None:
    tree.group(docker(1), cpu=1.0, memory=MIB)
    tree.group(docker(2), cpu=1.0, memory=MIB)
    source = tree.source()
    read_after(tree, source, 1)
    tree.remove(docker(1))
    read_after(tree, source, 1)
    assert sum("cpu" in key for key in read_after(tree, source, 1)) == 1
    assert sum("memory" in key for key in read_after(tree, source, 1)) == 1


def test_nested_groups_count_once(tree: GroupTree) -> None:
    write_docker_name(tree, 1, "outer")
    inner = "user.slice/user-1000.slice/user@1000.service"
    for path in (
        docker(1),
        f"{docker(1)}/system.slice/inner.service",
        f"{docker(1)}/docker/{container_id(2)}",
        "system.slice/big.service",
        "system.slice/big.service/part.service",
        "user.slice/user-1000.slice",
        inner,
        f"{inner}/app.slice/editor.service",
        f"{inner}/user.slice/libpod-{container_id(3)}.scope",
    ):
        tree.group(path, memory=MIB)
    keys = {key.rpartition(".")[0] for key in by_key(tree.source().read())}
    assert keys == {"container.outer", "container.000000000000", "service.big", "service.user-1000"}


def test_others_add_up_with_2000_groups(tree: GroupTree) -> None:
    count = 2000
    for number in range(count):
        tree.group(docker(number), cpu=0.0, memory=number * MIB, disk=(0, 0))
        write_docker_name(tree, number, f"c{number}")
    source = tree.source()
    assert source.every == count / GROUPS_PER_SECOND
    for number in range(count):
        tree.group(docker(number), cpu=number / 1e5, memory=number * MIB, disk=(1000, 0))
    values = read_after(tree, source, 10)
    for quantity, total in (
        ("cpu", sum(range(count)) / 1e5 / 10 / CORES * 100),
        ("memory", sum(range(count)) * MIB),
        ("read", 100 * count),
    ):
        shown = {key: value for key, value in values.items() if key.endswith(f".{quantity}")}
        assert len(shown) == MAX_LINES + 1
        assert sum(shown.values()) == pytest.approx(total, abs=0.005 * len(shown))
        assert list(shown)[-1] == f"container.others.{quantity}"
    assert f"container.c{count - 1}.cpu" in values


def test_container_named_others_has_a_key_of_its_own(tree: GroupTree) -> None:
    for number in range(MAX_LINES + 5):
        write_docker_name(tree, number, "others" if number == MAX_LINES + 4 else f"c{number}")
        tree.group(docker(number), memory=number * MIB)
    values = by_key(tree.source().read())
    assert values["container.others-2.memory"] == (MAX_LINES + 4) * MIB
    assert values["container.others.memory"] == sum(range(5)) * MIB


@pytest.mark.parametrize(
    "name", ["cpu", "memory", "a b", "ü", "x" * 300, "<b>", "-", "..", "A", 'q"\n', "\ud800"]
)
def test_odd_names_make_valid_metrics(tree: GroupTree, name: str) -> None:
    write_docker_name(tree, 1, name)
    tree.group(docker(1), cpu=1.0, memory=MIB)
    source = tree.source()
    tree.group(docker(1), cpu=2.0, memory=MIB)
    tree.time += 1
    tick = Sampler([source], store := MemoryStore(), 1.0).tick(tree.time)
    assert tick is not None
    assert len(tick.values) == 2
    for metric in store.metrics():
        metric.label.encode()
        assert metric.label.isprintable()
        assert 0 < len(metric.label) <= 64


def test_units_with_one_name_after_their_escapes_stay_apart(tree: GroupTree) -> None:
    tree.group(r"system.slice/foo\x2dbar.service", memory=MIB)
    tree.group("system.slice/foo-bar.service", memory=2 * MIB)
    values = tree.source().read()
    assert sorted(by_key(values).values()) == [MIB, 2 * MIB]
    assert len(set(labels(values).values())) == 2


def test_containers_of_two_runtimes_with_one_name_stay_apart(tree: GroupTree) -> None:
    write_docker_name(tree, 1, "web")
    tree.group(docker(1), memory=MIB)
    tree.group("lxc.payload.web", memory=2 * MIB)
    values = tree.source().read()
    assert by_key(values) == {"container.web.memory": MIB, "container.web-lxc.memory": 2 * MIB}
    assert labels(values)["container.web-lxc.memory"] == "web (lxc)"


def test_disk_bytes_of_device_above_another_count_once(tree: GroupTree) -> None:
    (tree.sys / "dev/block/253:0/slaves/sda").mkdir(parents=True)
    tree.group(docker(1), disk=(0, 0))
    source = tree.source()
    io = "8:0 rbytes=5000 wbytes=0\n253:0 rbytes=5000 wbytes=0\n7:1 rbytes=5000 wbytes=0\n8:16\n"
    (tree.top / docker(1) / "io.stat").write_text(io)
    assert read_after(tree, source, 5)["container.000000000000.read"] == 1000


def test_groups_fail_at_construction_without_control_groups(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no control groups"):
        GroupSource(str(tmp_path / "sys"), str(tmp_path / "proc"))


def test_clock_that_stands_still_gives_no_rate(tree: GroupTree) -> None:
    tree.group(docker(1), cpu=1.0, memory=5)
    source = tree.source()
    tree.group(docker(1), cpu=2.0, memory=5)
    assert not [key for key in by_key(source.read()) if key.endswith("cpu")]


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.integers(0, 9), st.floats(0, 200)), max_size=12))
def test_busiest_keeps_limit_and_shows_all_that_fit(readings: list[dict[int, float]]) -> None:
    busiest = Busiest[int](4)
    for loads in readings:
        chosen = busiest.choose(loads)
        assert chosen <= loads.keys()
        assert len(chosen) == min(4, len(loads))


def test_busiest_does_not_flicker_and_follows_clear_change() -> None:
    busiest = Busiest[str](1)
    assert busiest.choose({"a": 10.0, "b": 9.0}) == {"a"}
    for step in range(20):
        assert busiest.choose({"a": 10.0, "b": 9.0 + 4 * (step % 2)}) == {"a"}
    high = LEAD_FACTOR * 10.0 + LEAD_POINTS + 5
    assert [busiest.choose({"a": 10.0, "b": high}) for _ in range(30)][-1] == {"b"}


def write_docker_name(tree: GroupTree, number: int, name: str) -> None:
    path = tree.root / f"var/lib/docker/containers/{container_id(number)}/config.v2.json"
    write(path, json.dumps({"ID": container_id(number), "Name": f"/{name}"}))
