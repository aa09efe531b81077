"""Rankings of processes from a /proc in a folder, and from the machine of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from process_tree import KERNEL_THREAD, ProcessTree
from waiting import wait_for

from dashapp.model.top import MAX_NAME_CHARS, RANKING_LENGTH, TopEntry
from dashapp.sources.system.cpu import CpuCounts
from dashapp.sources.system.top.ranking import MAX_SHARED_READS, TopRanking, Usage
from dashapp.sources.system.top.scan import (
    NO_NAME,
    SLICE_PROCESSES,
    ProcScanner,
    PsutilScanner,
    clean_name,
    process_scanner,
)

MB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Ranked:
    """A tree, and the ranking of it after each `pass_time`."""

    def __init__(self, tree: ProcessTree) -> None:
        self.tree = tree
        scanner = ProcScanner(str(tree.proc), tree.uptime, pause=lambda _seconds: None)
        self._ranking = TopRanking(scanner, tree.uptime)
        assert self._ranking.read() is None

    def after(self, seconds: float, busy: float) -> Usage:
        self.tree.pass_time(seconds, busy)
        usage = self._ranking.read()
        assert usage is not None
        return usage


@pytest.fixture
def tree(tmp_path: Path) -> ProcessTree:
    return ProcessTree(tmp_path)


@linux
def test_ranking_groups_processes_by_name_with_their_count(tree: ProcessTree) -> None:
    for pid, name in enumerate([b"ffmpeg", b"python", b"python", b"idle"], 1):
        tree.run(pid, name, cpu=100, memory=8 * MB)
    ranked = Ranked(tree)
    tree.run(1, b"ffmpeg", cpu=106, memory=8 * MB)
    tree.run(2, b"python", cpu=101, memory=8 * MB)
    tree.run(3, b"python", cpu=101.2, memory=12 * MB)
    usage = ranked.after(10, busy=9)
    assert usage.rankings["cpu"] == [TopEntry("ffmpeg", 60, 1), TopEntry("python", 22, 2)]
    assert [(entry.name, entry.processes) for entry in usage.rankings["memory"]] == [
        ("python", 2),
        ("ffmpeg", 1),
        ("idle", 1),
    ]
    assert (usage.unknown, usage.seconds) == (8, 10)


@linux
def test_percent_is_relative_to_all_cores(tmp_path: Path) -> None:
    tree = ProcessTree(tmp_path, cores=4)
    tree.run(1, b"busy")
    ranked = Ranked(tree)
    tree.run(1, b"busy", cpu=20)
    assert ranked.after(10, busy=20).rankings["cpu"] == [TopEntry("busy", 50, 1)]


@linux
def test_cpu_of_processes_that_ended_between_two_scans_is_unknown(tree: ProcessTree) -> None:
    tree.run(1, b"long")
    tree.run(2, b"ends", cpu=50)
    ranked = Ranked(tree)
    tree.run(1, b"long", cpu=2)
    tree.end(2)
    usage = ranked.after(10, busy=5)
    assert (usage.rankings["cpu"], usage.unknown) == ([TopEntry("long", 20, 1)], 30)


@linux
def test_process_that_started_after_the_last_scan_counts_from_its_start(tree: ProcessTree) -> None:
    ranked = Ranked(tree)
    tree.run(7, b"new", cpu=3, started=1004)
    usage = ranked.after(10, busy=3)
    assert (usage.rankings["cpu"], usage.unknown) == ([TopEntry("new", 30, 1)], 0)


@linux
def test_process_that_was_not_readable_before_has_no_cpu_yet(tree: ProcessTree) -> None:
    ranked = Ranked(tree)
    tree.run(7, b"old", cpu=3, started=500)
    assert ranked.after(10, busy=4).rankings["cpu"] == []
    tree.run(7, b"old", cpu=5, started=500)
    assert ranked.after(10, busy=4).rankings["cpu"] == [TopEntry("old", 20, 1)]


@linux
def test_reused_pid_is_another_process(tree: ProcessTree) -> None:
    tree.run(7, b"first", cpu=1)
    ranked = Ranked(tree)
    tree.run(7, b"second", cpu=6, started=1003)
    assert ranked.after(10, busy=6).rankings["cpu"] == [TopEntry("second", 60, 1)]


@linux
def test_unknown_share_is_never_negative_and_the_sum_never_above_100(tree: ProcessTree) -> None:
    for pid in (1, 2):
        tree.run(pid, b"p%d" % pid)
    ranked = Ranked(tree)
    for pid in (1, 2):
        tree.run(pid, b"p%d" % pid, cpu=7)
    usage = ranked.after(10, busy=9)
    assert (usage.unknown, sum(entry.value for entry in usage.rankings["cpu"])) == (0, 100)


@linux
def test_counter_that_steps_back_or_jumps_uses_nothing(tree: ProcessTree) -> None:
    tree.run(1, b"back", cpu=50)
    tree.run(2, b"jump", cpu=50)
    ranked = Ranked(tree)
    tree.run(1, b"back", cpu=49.99)
    tree.run(2, b"jump", cpu=5e6)
    assert ranked.after(10, busy=1).rankings["cpu"] == []


@linux
def test_cpu_is_relative_to_the_time_if_the_counters_of_the_machine_stand_still(tree: ProcessTree) -> None:
    tree.run(1, b"a")
    ranked = Ranked(tree)
    tree.run(1, b"a", cpu=5)
    stat = (tree.proc / "stat").read_text()
    tree.seconds += 10
    assert (tree.proc / "stat").read_text() == stat
    usage = ranked.after(0, busy=0)
    assert usage.rankings["cpu"] == [TopEntry("a", 50, 1)]


@linux
def test_missing_machine_counters_leave_the_unknown_share_unknown(tree: ProcessTree) -> None:
    tree.run(1, b"a")
    ranked = Ranked(tree)
    tree.run(1, b"a", cpu=5)
    tree.pass_time(10)
    (tree.proc / "stat").write_text("")
    usage = ranked._ranking.read()
    assert usage is not None
    assert (usage.rankings["cpu"], usage.unknown) == ([TopEntry("a", 50, 1)], None)


@linux
@pytest.mark.parametrize(
    "stat",
    [
        b"",
        b"\n",
        b"7",
        b"7 (no end S 1 1",
        b"7 (short) S 1 1 1 0 -1 0 0 0",
        b"7 (words) S " + b"x " * 50,
        b"\xff" * 500,
        b"7 (a) S " + b"9" * 3000,
    ],
)
def test_invalid_stat_file_leaves_out_only_its_process(tree: ProcessTree, stat: bytes) -> None:
    tree.run(1, b"good", memory=MB)
    tree.write(7, stat)
    (tree.proc / "8").mkdir()  # hidepid, or a process that ended
    usage = Ranked(tree).after(10, busy=0)
    assert [entry.name for entry in usage.rankings["memory"]] == ["good"]


@linux
@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"Web Content", "Web Content"),
        (b"((sd-pam))", "((sd-pam))"),
        (b") S 1 2 (", ") S 1 2 ("),
        (b"two\nlines", "two\ufffdlines"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("é".encode()[:1], "\ufffd"),
        ("\u202etxt".encode(), "\ufffdtxt"),
        ("名前".encode(), "名前"),
        (b"", NO_NAME),
        (b"  ", NO_NAME),
        (b"<b>x</b>", "<b>x</b>"),
    ],
)
def test_hostile_names_are_one_printable_line(tree: ProcessTree, raw: bytes, shown: str) -> None:
    tree.run(1, raw, memory=MB)
    assert [entry.name for entry in Ranked(tree).after(10, busy=0).rankings["memory"]] == [shown]


@given(st.binary(max_size=200))
def test_clean_name_is_printable_and_bounded(raw: bytes) -> None:
    name = clean_name(raw)
    assert name.isprintable()
    assert 0 < len(name) <= MAX_NAME_CHARS
    name.encode()


@linux
def test_kernel_threads_are_grouped_without_their_core(tree: ProcessTree) -> None:
    for pid, name in enumerate([b"kworker/0:1-events", b"kworker/u8:2", b"user/1"], 1):
        tree.run(pid, name, flags=KERNEL_THREAD if name.startswith(b"k") else 0)
    ranked = Ranked(tree)
    for pid, name in enumerate([b"kworker/1:2", b"kworker/u8:2", b"user/1"], 1):
        tree.run(pid, name, cpu=1, flags=KERNEL_THREAD if name.startswith(b"k") else 0)
    cpu = ranked.after(10, busy=3).rankings["cpu"]
    assert cpu == [TopEntry("kworker", 20, 2), TopEntry("user/1", 10, 1)]


@linux
def test_memory_that_processes_of_a_name_share_counts_once(tree: ProcessTree) -> None:
    for pid in range(1, 11):
        tree.run(pid, b"postgres", memory=100 * MB, shared=80 * MB)
    tree.run(11, b"one", memory=400 * MB, shared=300 * MB)
    memory = Ranked(tree).after(10, busy=0).rankings["memory"]
    assert [entry.name for entry in memory] == ["one", "postgres"]
    assert memory[1].value == pytest.approx(280 * MB, rel=0.001)


@linux
def test_memory_of_very_many_processes_of_a_name_is_estimated_from_some(tree: ProcessTree) -> None:
    count = MAX_SHARED_READS + 20
    for pid in range(1, count + 1):
        tree.run(pid, b"worker", memory=10 * MB, shared=8 * MB)
    memory = Ranked(tree).after(10, busy=0).rankings["memory"]
    assert memory[0].value == pytest.approx((2 * count + 8) * MB, rel=0.001)


@linux
def test_ranking_has_the_highest_names_only(tree: ProcessTree) -> None:
    for pid in range(1, 30):
        tree.run(pid, b"p%02d" % pid, memory=pid * MB)
    ranked = Ranked(tree)
    for pid in range(1, 30):
        tree.run(pid, b"p%02d" % pid, cpu=pid / 100, memory=pid * MB)
    for ranking in ranked.after(10, busy=5).rankings.values():
        assert [entry.name for entry in ranking] == [f"p{29 - place:02}" for place in range(RANKING_LENGTH)]


@linux
def test_scan_pauses_between_slices_of_processes(tree: ProcessTree) -> None:
    for pid in range(1, 2 * SLICE_PROCESSES + 2):
        tree.write(pid, b"")
    pauses: list[float] = []
    ProcScanner(str(tree.proc), tree.uptime, pauses.append)()
    assert len(pauses) == 2


def test_missing_proc_folder_raises_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing"):
        ProcScanner(str(tmp_path / "nothing"), lambda: 1.0)()


class _Process:
    """A process of psutil; `answers` are its values, or the errors that it raises."""

    def __init__(self, pid: int, **answers: Any) -> None:
        self.pid = pid
        self._answers = {"name": "app", "create_time": 5.0, "cpu": 1.0, "rss": MB} | answers

    def oneshot(self) -> Any:
        return psutil.Process().oneshot()

    def name(self) -> Any:
        return self._answer("name")

    def create_time(self) -> Any:
        return self._answer("create_time")

    def cpu_times(self) -> Any:
        return SimpleNamespace(user=self._answer("cpu"), system=0.0)

    def memory_info(self) -> Any:
        return SimpleNamespace(rss=self._answer("rss"))

    def _answer(self, name: str) -> Any:
        answer = self._answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_other_platforms_rank_through_psutil() -> None:
    processes = [
        _Process(1),
        _Process(2, name=psutil.NoSuchProcess(2)),
        _Process(3, cpu=psutil.AccessDenied(3)),
        _Process(4, rss=OSError()),
    ]
    times = {"user": 10.0, "idle": 90.0}
    now = [100.0]
    scanner: Callable[[], Any] = PsutilScanner(
        lambda: iter(processes),  # type: ignore[arg-type]
        lambda: CpuCounts({0: dict(times)}, False, {}),
        lambda: now[0],
        lambda _seconds: None,
    )
    ranking = TopRanking(scanner, lambda: now[0])
    assert ranking.read() is None
    processes[0] = _Process(1, cpu=3.5)
    processes.append(_Process(9, name="new", create_time=104.0, cpu=1.0))
    now[0] += 10
    times |= {"user": 15.0, "idle": 95.0}
    usage = ranking.read()
    assert usage is not None
    assert usage.rankings["cpu"] == [TopEntry("app", 25, 1), TopEntry("new", 10, 1)]
    assert usage.unknown == 15


@pytest.mark.parametrize("scanner", [process_scanner, PsutilScanner])
def test_busy_process_of_this_machine_is_found_by_name(scanner: Callable[[], Any], tmp_path: Path) -> None:
    ranking = TopRanking(scanner())
    ranking.read()
    program = tmp_path / "spinning"
    program.symlink_to(sys.executable)
    busy = subprocess.Popen([program, "-c", "while True: pass"])
    try:

        def is_found() -> bool:
            usage = ranking.read()
            assert usage is not None
            names = {entry.name for entry in usage.rankings["cpu"]}
            return psutil.Process(busy.pid).name()[:15] in {name[:15] for name in names}

        wait_for(is_found)
    finally:
        busy.kill()
        busy.wait()
    scan = scanner()()
    own = [usage for (pid, _start), usage in scan.processes.items() if pid == os.getpid()]
    assert len(own) == 1
    assert own[0].memory > MB
