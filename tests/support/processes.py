"""Real processes, started as a user starts them, on their own port; tests end only these."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
from ports import free_port as free_port
from waiting import PATIENCE_S, wait_for

from dashapp.stores.disk.reader import DiskReader

ROOT = Path(__file__).resolve().parents[2]
ALWAYS = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}


class Process:
    """A process whose output, stdout and stderr together, is collected in `lines`."""

    def __init__(self, argv: Sequence[str], *, folder: Path, env: Mapping[str, str], **more: Any) -> None:
        more.setdefault("stdin", subprocess.DEVNULL)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("DASHAPP_")}
        clean = {k: v for k, v in clean.items() if k not in ("PORT", "WEB_CONCURRENCY")}
        self.popen = subprocess.Popen(
            argv,
            cwd=folder,
            env={**clean, **ALWAYS, "HOME": str(folder), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **more,
        )
        self.lines: list[str] = []
        self._family: dict[int, psutil.Process] = {}
        self._reading = Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.decode(errors="replace").rstrip())

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    def family(self) -> list[psutil.Process]:
        """Return all descendants that are alive."""
        with suppress(psutil.NoSuchProcess):
            for each in psutil.Process(self.pid).children(recursive=True):
                self._family.setdefault(each.pid, each)
        return [each for each in self._family.values() if alive(each)]

    def child(self, word: str) -> psutil.Process:
        """Wait for the direct child that runs the module dashapp.`word`, and return it."""

        def find() -> psutil.Process | None:
            with suppress(psutil.Error):
                for each in psutil.Process(self.pid).children():
                    if f"dashapp.{word}" in each.cmdline():
                        self.family()
                        return each
            return None

        found = wait_for(find)
        assert found
        return found

    def wait(self, seconds: float = PATIENCE_S) -> int:
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            # SIGABRT makes faulthandler print the stack of each thread.
            self.popen.send_signal(signal.SIGABRT)
            self._reading.join(PATIENCE_S)
            raise AssertionError(f"not ended after {seconds} s:\n{self.said}") from None
        # Read the rest of the output; a child that lives longer may keep the pipe open for a moment.
        self._reading.join(PATIENCE_S)
        return code

    def end(self) -> None:
        """Kill the process and all its descendants."""
        family = self.family()
        with suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGCONT)
            self.popen.kill()
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.popen.wait(PATIENCE_S)
        self._reading.join(PATIENCE_S)
        assert self.popen.stdout is not None
        self.popen.stdout.close()


def alive(process: psutil.Process) -> bool:
    """Whether any thread is left: another one may read a pipe after the main thread has ended."""
    try:
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        return process.is_running() and (not is_zombie or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


class Dashapp(Process):
    """`python -m dashapp` in its own folder."""

    def __init__(
        self,
        folder: Path,
        *flags: str,
        env: Mapping[str, str] | None = None,
        powerless: bool = False,
        **more: Any,
    ) -> None:
        self.port = free_port()
        self.store = folder / "data"
        program = ["-c", POWERLESS, str(ROOT / "dashapp" / "__main__.py")] if powerless else ["-m", "dashapp"]
        argv = [sys.executable, *program, "--port", str(self.port), *flags]
        super().__init__(argv, folder=folder, env=env or {}, **more)

    def serving(self) -> Dashapp:
        """Wait until it logs its address."""

        def serves() -> bool:
            if "Serving on" in self.said:
                return True
            if self.popen.poll() is not None:
                raise ChildProcessError(self.said)
            raise AssertionError(self.said)

        wait_for(serves)
        self.family()
        return self

    def get(self, path: str, timeout: float = PATIENCE_S, **headers: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def ticks(self, window: int = 100, after: str = "") -> dict[str, Any]:
        status, body = self.get(f"/api/ticks?window={window}&after={after}")
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def shown(self, since: int = 0) -> list[int]:
        """Return the times of all ticks that the page can show, without the times of gaps."""
        answer = self.ticks(7200)
        values = answer["y"].get("cpu.percent", [])
        return [t for t, value in zip(answer["t"], values, strict=True) if value is not None and t >= since]

    def newest(self) -> int:
        """Return the newest tick's time in milliseconds, 0 without a tick or a response."""
        with suppress(OSError, http.client.HTTPException):
            return max(self.ticks()["t"], default=0)
        return 0

    def moves(self) -> None:
        """Wait until another tick arrives."""
        before = self.newest()
        wait_for(lambda: self.newest() > before, every=0.05)

    def notices(self) -> str:
        return " ".join(self.ticks().get("notices", []))


@contextmanager
def dashapp(folder: Path, *flags: str, **more: Any) -> Iterator[Dashapp]:
    process = Dashapp(folder, *flags, **more)
    try:
        yield process
    finally:
        process.end()


# A capability lets root ignore file permissions. Without it, permissions apply to root and to its children
# (28 and 1 are PR_SET_SECUREBITS and SECBIT_NOROOT).
POWERLESS = """
import ctypes, runpy, sys
ctypes.CDLL(None).prctl(28, 1)
version, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capset(version, none) == 0
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@contextmanager
def collector(
    folder: Path, *flags: str, env: Mapping[str, str] | None = None, powerless: bool = False, **more: Any
) -> Iterator[Process]:
    """Run `python collector.py` in `folder`."""
    argv = [sys.executable, *(["-c", POWERLESS] if powerless else []), str(ROOT / "collector.py"), *flags]
    process = Process(argv, folder=folder, env=env or {}, **more)
    try:
        yield process
    finally:
        process.end()


def stored(folder: Path) -> list[int]:
    """Return the times (ms) of all ticks on disk: the archive, then the rows after it."""
    uri = f"file:{folder / 'cache.db'}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
            rows = connection.execute("SELECT value FROM Cache ORDER BY key").fetchall()
    except sqlite3.OperationalError:
        return []  # there is no file yet, or no table in it
    times = [round(1000 * json.loads(row)[0]) for (row,) in rows if isinstance(row, str)]
    # If a process was killed while it archived ticks, the rows may still have them; they are deleted later.
    sealed = DiskReader(folder).levels()[0].columns(-1, times[0] - 1 if times else 1 << 60, None)
    return [*map(int, sealed.t), *times]


def on_grid(times: Sequence[int], step: int) -> bool:
    """Return whether the times are unique, sorted and on the grid; a busy machine may skip some."""
    return list(times) == sorted(set(times)) and all(time % step == 0 for time in times)


def holes(times: Sequence[int], step: int) -> list[tuple[int, int]]:
    """Return each pair of consecutive times whose distance is not `step`."""
    return [(old, new) for old, new in pairwise(times) if new - old != step]
