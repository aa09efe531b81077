"""The film in the documentation is small and short; the load of the pictures ends with its programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
from processes import ROOT
from waiting import wait_for

from audit import workshop
from audit.load import Phase, phases, run, write_text
from audit.many import REPLAY_OFFSET_S, replay

MAX_FILM_BYTES = 2_000_000


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a WebP file: https://developers.google.com/speed/webp/docs/riff_container"""
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WEBP"
    start = 12
    while start < len(data):
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        yield data[start : start + 4], data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2


def test_film_is_small_and_lasts_ten_seconds() -> None:
    data = (ROOT / "docs" / "film.webp").read_bytes()
    assert len(data) <= MAX_FILM_BYTES
    durations_ms = [int.from_bytes(body[12:15], "little") for name, body in chunks(data) if name == b"ANMF"]
    assert len(durations_ms) > 20
    assert 8000 <= sum(durations_ms) <= 15_000


def test_load_ends_programs_of_phase_with_it(tmp_path: Path) -> None:
    stop = Event()
    phase = Phase("sleep", 3600, ("sleep 3600 & echo $! >> pids; wait",))
    worker = Thread(target=run, args=([phase], tmp_path, stop))
    worker.start()
    try:
        pids = tmp_path / "pids"
        wait_for(lambda: pids.exists() and pids.read_text().endswith("\n"))
    finally:
        stop.set()
        worker.join()
    for pid in map(int, pids.read_text().split()):
        wait_for(partial(is_ended, pid))


def is_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_load_has_calm_and_each_program() -> None:
    rounds = phases("http://127.0.0.1:1/", 4)
    commands = " ".join(command for phase in rounds for command in phase.commands)
    assert not rounds[0].commands
    assert all(f"{program} " in commands for program in workshop.PROGRAMS)


def test_text_of_load_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_text(tmp_path / name, 50)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert len(set((tmp_path / "one").read_text().splitlines())) == 50


def test_replay_has_recorded_values_from_another_moment_for_each_host() -> None:
    recording = [{"cpu.percent": float(second)} for second in range(100)]
    values = replay(recording)
    assert values(0, 250) == recording[50]
    assert values(2, 250) == recording[(50 + 2 * REPLAY_OFFSET_S) % 100]


def test_workshop_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("PATH", "")
    assert workshop.missing() == (
        "The pictures need ip, unshare, xz, sort, dd, curl: install your system's packages"
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert workshop.missing().startswith("The pictures need Linux and root")
