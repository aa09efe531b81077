"""CPU shares are real from the first reading and within 0 to 100 % for any counters."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread

import psutil
import pytest
from jiffies import let_time_pass

from dashapp.sources.system.cpu import TOTAL_METRIC, CpuCounts, CpuSource, core_metric


def counts(*cores: tuple[float, float], numbers: tuple[int, ...] = (), numbered: bool = True) -> CpuCounts:
    """Return counters from the (busy, idle) times of each core."""
    return CpuCounts(
        {
            number: {"user": busy, "idle": idle}
            for number, (busy, idle) in zip(numbers or range(len(cores)), cores, strict=True)
        },
        numbered,
        {},
    )


def shares(*readings: CpuCounts) -> list[dict[str, float]]:
    answers: Iterator[CpuCounts] = iter(readings)
    source = CpuSource(lambda: next(answers))
    return [{metric.key: value for metric, value in source.read().items()} for _ in readings[1:]]


def test_9_cpu_first_reading_is_real() -> None:
    (first,) = shares(counts((0, 0), (0, 0)), counts((10, 30), (20, 20)))
    assert first["cpu.percent"] == 37.5
    assert (first["cpu.core0.percent"], first["cpu.core1.percent"]) == (25, 50)


def test_cpu_shares_are_absent_when_no_time_passed() -> None:
    (found,) = shares(counts((5, 5)), counts((5, 5)))
    assert found == {}


@pytest.mark.parametrize("after", [(5, 100), (100, 5), (0, 0), (90, 90)])
def test_25_cpu_shares_stay_in_range_when_counters_go_back(after: tuple[float, float]) -> None:
    reset, recovered = shares(counts((100, 100)), counts(after), counts((after[0] + 1, after[1] + 3)))
    assert all(0 <= value <= 100 for value in reset.values())
    assert recovered["cpu.percent"] == 25


def test_32_cpu_shares_follow_added_and_removed_cores() -> None:
    four, eight = [(10, 10)] * 4, [(20, 40)] * 8
    found = shares(counts(*four), counts(*eight), counts(*[(21, 41)] * 2))
    assert [len([key for key in each if "core" in key]) for each in found] == [4, 2]
    assert found[0]["cpu.percent"] == 25
    assert found[1]["cpu.percent"] == 50


def test_32_cpu_shares_keep_core_keys_when_middle_core_goes() -> None:
    (found,) = shares(
        counts((10, 10), (1000, 10), (30, 10)),
        counts((20, 20), (40, 10), numbers=(0, 2)),
    )
    assert (found["cpu.core0.percent"], found["cpu.core2.percent"]) == (50, 100)
    assert "cpu.core1.percent" not in found


def test_32_cpu_shares_skip_one_reading_when_unnumbered_core_goes() -> None:
    gone, after = shares(
        counts((10, 10), (99, 99), numbered=False), counts((99, 100), numbered=False), counts((100, 101))
    )
    assert not any("percent" in key for key in gone)
    assert after["cpu.percent"] == 50


def test_9_cpu_shares_are_correct_when_50_threads_call_psutil() -> None:
    stop = Event()

    def ask() -> None:
        while not stop.wait(0.005):
            psutil.cpu_percent()
            psutil.cpu_percent(percpu=True)

    threads = [Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    try:
        source = CpuSource()
        for _ in range(5):
            let_time_pass()
            found = source.read()
            assert 0 < found[TOTAL_METRIC] <= 100, "fifty threads are at work"
            assert all(
                0 <= found[core_metric(n)] <= 100
                for n in range(psutil.cpu_count() or 1)
                if core_metric(n) in found
            )
    finally:
        stop.set()
        for thread in threads:
            thread.join()
