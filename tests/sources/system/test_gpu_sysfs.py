"""GPUs of AMD and Intel in a folder: their values, their clients, and files that are missing or invalid."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from gpu_tree import (
    AMD,
    AMD_FILES,
    I915,
    I915_FILES,
    XE,
    XE_FILES,
    GpuTree,
    amd_client,
    i915_client,
    write,
    xe_client,
)
from readings import by_key, labels

from dashapp.sources.system.gpu.reading import GpuMetrics
from dashapp.sources.system.gpu.sysfs import (
    CLIENT_INTERVAL_S,
    SEARCH_INTERVAL_S,
    SysfsReader,
    has_sysfs_gpus,
)


@pytest.fixture
def tree(tmp_path: Path) -> GpuTree:
    return GpuTree(tmp_path)


def reader_of(tree: GpuTree) -> SysfsReader:
    return SysfsReader(str(tree.sys), str(tree.proc), tree.now)


def read(tree: GpuTree, reader: SysfsReader, seconds: float = CLIENT_INTERVAL_S) -> dict[str, float]:
    tree.time += seconds
    values: dict[str, float] = {}
    for number, reading in reader.read().items():
        values |= by_key(GpuMetrics().values(number, reading))
    return values


def test_amd_gpu_has_all_values_but_throttled(tree: GpuTree) -> None:
    tree.card(0, AMD, AMD_FILES)
    reader = reader_of(tree)
    assert read(tree, reader) == {
        "gpu.0.percent": 37,
        "gpu.0.memory": 2e9,
        "gpu.0.memory.percent": 25,
        "gpu.0.temperature": 54,
        "gpu.0.power": 112.5,
        "gpu.0.clock": 1.85e9,
    }
    (reading,) = reader.read().values()
    assert labels(GpuMetrics().values("0", reading))["gpu.0.percent"] == "GPU 0, Radeon Pro W7900"


def test_amd_power_has_second_file(tree: GpuTree) -> None:
    device = tree.card(0, AMD, AMD_FILES)
    (device / "hwmon/hwmon3/power1_average").rename(device / "hwmon/hwmon3/power1_input")
    assert read(tree, reader_of(tree))["gpu.0.power"] == 112.5


def test_sleeping_gpu_has_no_values(tree: GpuTree) -> None:
    tree.card(0, AMD, AMD_FILES | {"power/runtime_status": "suspended"})
    assert read(tree, reader_of(tree)) == {}


@pytest.mark.parametrize("name", [name for name in AMD_FILES if name != "vendor"])
@pytest.mark.parametrize("content", [None, "", "x", "N/A", "1e5", "9" * 30, "-"])
def test_amd_gpu_loses_only_value_of_invalid_file(tree: GpuTree, name: str, content: str | None) -> None:
    device = tree.card(0, AMD, AMD_FILES)
    usual = read(tree, reader_of(tree))
    (device / name).unlink()
    if content is None:
        (device / name).mkdir()
    else:
        write(device / name, content)
    values = read(tree, reader_of(tree))
    assert values.items() <= usual.items()
    assert len(usual) - len(values) <= 2


def test_i915_gpu_has_clock_and_reason(tree: GpuTree) -> None:
    tree.card(0, I915, I915_FILES)
    assert read(tree, reader_of(tree)) == {
        "gpu.0.clock": 1.3e9,
        "gpu.0.throttled": 1,
        "gpu.0.throttled.power": 1,
    }


def test_xe_gpu_has_power_and_temperature(tree: GpuTree) -> None:
    device = tree.card(1, XE, XE_FILES)
    reader = reader_of(tree)
    read(tree, reader)
    write(device / "hwmon/hwmon5/energy1_input", str(1_000_000_000 + 75_000_000))
    values = read(tree, reader, 1)
    assert values["gpu.0.power"] == 75
    assert values["gpu.0.temperature"] == 61
    assert values["gpu.0.clock"] == 2.4e9
    assert values["gpu.0.throttled"] == 0


def test_i915_load_is_that_of_busiest_engine(tree: GpuTree) -> None:
    tree.card(0, I915, I915_FILES)
    reader = reader_of(tree)
    second = 1_000_000_000
    tree.client(10, "Xorg", i915_client(1, render=5 * second, video=0))
    assert "gpu.0.percent" not in read(tree, reader)
    # Two file descriptors of one client count once; a new client has worked since it appeared.
    tree.client(10, "Xorg", *[i915_client(1, render=6 * second, video=2 * second)] * 2)
    tree.client(11, "mpv", i915_client(2, render=1 * second, video=6 * second))
    assert read(tree, reader)["gpu.0.percent"] == 40
    shutil.rmtree(tree.proc / "11")
    tree.client(10, "Xorg", *[i915_client(1, render=11 * second, video=2 * second)] * 2)
    assert read(tree, reader)["gpu.0.percent"] == 50
    shutil.rmtree(tree.proc / "10")
    assert read(tree, reader)["gpu.0.percent"] == 0


def test_xe_load_is_share_of_cycles(tree: GpuTree) -> None:
    tree.card(0, XE, XE_FILES)
    reader = reader_of(tree)
    tree.client(10, "blender", xe_client(1, cycles=100, total=1000, vram=2048))
    read(tree, reader)
    tree.client(10, "blender", xe_client(1, cycles=400, total=2000, vram=2048))
    assert read(tree, reader)["gpu.0.percent"] == 30
    assert reader.processes == [("blender", 2048 * 1024)]


@pytest.mark.parametrize("namespace", ["pid:[4026531836]", "pid:[4026532999]"])
def test_load_is_missing_if_processes_are_hidden(tree: GpuTree, namespace: str) -> None:
    tree.card(0, I915, I915_FILES)
    (tree.proc / "1/ns").mkdir(parents=True)
    (tree.proc / "1/ns/pid").symlink_to(namespace)
    reader = reader_of(tree)
    read(tree, reader)
    assert ("gpu.0.percent" in read(tree, reader)) == (namespace == "pid:[4026531836]")


def test_processes_of_amd_have_memory(tree: GpuTree) -> None:
    tree.card(0, AMD, AMD_FILES)
    tree.client(10, "ollama", amd_client(1, 1000), amd_client(2, 24))
    tree.client(11, "bash")
    tree.client(12, "Xorg", amd_client(3, 0))
    reader = reader_of(tree)
    read(tree, reader)
    assert reader.processes == [("ollama", 1024 * 1024)]


@pytest.mark.parametrize(
    "content", ["", "drm-pdev: x", "drm-pdev:\tx\ndrm-client-id:\t1\ndrm-engine-a: -5 ns\n::", "\0"]
)
def test_invalid_client_is_ignored(tree: GpuTree, content: str) -> None:
    tree.card(0, I915, I915_FILES)
    tree.client(10, "Xorg", content)
    reader = reader_of(tree)
    read(tree, reader)
    assert read(tree, reader)["gpu.0.percent"] == 0


def test_numbers_stay_when_a_gpu_disappears(tree: GpuTree) -> None:
    """The numbers follow those of NVIDIA's GPUs."""
    tree.pci("0000:01:00.0", "0x10de", "0x030200")
    tree.pci("0000:01:00.1", "0x10de", "0x040300")
    first = tree.card(0, I915, I915_FILES)
    tree.card(2, AMD, AMD_FILES)
    reader = reader_of(tree)
    assert {key.split(".")[1] for key in read(tree, reader)} == {"1", "2"}
    shutil.rmtree(first)
    assert {key.split(".")[1] for key in read(tree, reader)} == {"2"}
    shutil.rmtree(tree.sys / "class/drm/card0")
    assert {key.split(".")[1] for key in read(tree, reader, SEARCH_INTERVAL_S)} == {"2"}
    tree.card(7, XE, XE_FILES)
    assert {key.split(".")[1] for key in read(tree, reader, SEARCH_INTERVAL_S)} == {"2", "3"}


@pytest.mark.parametrize("vendor", ["0x1af4", "0x10de", "", "x"])
def test_cards_of_other_vendors_are_ignored(tree: GpuTree, vendor: str) -> None:
    assert not has_sysfs_gpus(str(tree.sys))
    tree.card(0, AMD, {"vendor": vendor})
    assert not has_sysfs_gpus(str(tree.sys))
    assert read(tree, reader_of(tree)) == {}
