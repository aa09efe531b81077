"""A pipe into real processes: collection, restart, and the error without standard input."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pipe_source import VMSTAT
from ports import free_port
from processes import ROOT, alive, collector, dashapp, stored
from waiting import PATIENCE_S, wait_for


@pytest.fixture
def writing() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for each in (reading, writing):
        with suppress(OSError):
            os.close(each)


@pytest.mark.parametrize("more", [(), ("--store", "memory:")], ids=["disk", "memory"])
def test_pipe_into_command_is_collected(
    tmp_path: Path, writing: tuple[int, int], more: tuple[str, ...]
) -> None:
    flags = ("--source", "stdin", "--source", "none", "--interval", "0.2", *more)
    with dashapp(tmp_path, *flags, stdin=writing[0]) as app:
        app.serving()
        os.write(writing[1], VMSTAT.encode())
        wait_for(lambda: 215670 in app.ticks()["y"].get("stdin.free", []))
        os.close(writing[1])
        wait_for(lambda: "standard input ended at" in app.notices())
        assert "failed: " not in app.said
        app.popen.terminate()
        assert app.wait() == 0


def test_pipe_keeps_heading_and_whole_lines_after_collector_restart(
    tmp_path: Path, writing: tuple[int, int]
) -> None:
    with dashapp(tmp_path, "--source", "stdin", "--interval", "0.2", stdin=writing[0]) as app:
        app.serving()
        os.write(writing[1], VMSTAT.encode())
        wait_for(lambda: 215670 in app.ticks()["y"].get("stdin.free", []))
        collecting = app.child("collector")
        os.write(writing[1], b"9 9 9 777")
        wait_for(lambda: not select.select([writing[0]], [], [], 0)[0])
        collecting.kill()
        wait_for(lambda: not alive(collecting))
        os.write(writing[1], b"777 9 9 9 9\n2 1 0 1234 26712 161841 0 0\n")
        wait_for(lambda: 1234 in app.ticks()["y"]["stdin.free"])
        assert not [key for key in app.ticks()["y"] if "column" in key]
        assert 777 not in app.ticks()["y"]["stdin.free"]


def test_collector_reads_its_standard_input(tmp_path: Path, writing: tuple[int, int]) -> None:
    flags = ("--store", "data", "--source", "stdin", "--source", "none", "--interval", "0.2")
    with collector(tmp_path, *flags, stdin=writing[0]):
        os.write(writing[1], b"a=1\n")
        wait_for(lambda: stored(tmp_path / "data"))


def test_missing_standard_input_prints_one_line_error(tmp_path: Path) -> None:
    argv = f'exec "{sys.executable}" -m dashapp --source stdin --port {free_port()} <&-'
    done = subprocess.run(
        ["sh", "-c", argv],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert '--source is "stdin"; expected data on standard input' in done.stderr
