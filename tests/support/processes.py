"""Real processes: started as a user starts them, on a port of their own, and ended, and only they."""

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
    """A process with its output kept as it comes, stderr and stdout together."""

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
        """Every process that it started, and they, as far as they live."""
        with suppress(psutil.NoSuchProcess):
            for each in psutil.Process(self.pid).children(recursive=True):
                self._family.setdefault(each.pid, each)
        return [each for each in self._family.values() if alive(each)]

    def child(self, word: str) -> psutil.Process:
        """The direct child that runs the module `word`."""

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
            # What it dies with tells where each of its threads stands.
            self.popen.send_signal(signal.SIGABRT)
            self._reading.join(PATIENCE_S)
            raise AssertionError(f"not ended after {seconds} s:\n{self.said}") from None
        # All that it said; a child that outlives it may keep the pipe open for a moment.
        self._reading.join(PATIENCE_S)
        return code

    def end(self) -> None:
        """Kill it and all that it ever started."""
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
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Dashapp(Process):
    """`python -m dashapp` in a folder of its own."""

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
        """Wait until it says where it serves."""

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
        """The times of all ticks that the page can show; a hole's is none of a tick."""
        answer = self.ticks(7200)
        values = answer["y"].get("cpu.percent", [])
        return [t for t, value in zip(answer["t"], values, strict=True) if value is not None and t >= since]

    def newest(self) -> int:
        """Milliseconds; 0 where there is no tick, or no answer yet."""
        with suppress(OSError, http.client.HTTPException):
            return max(self.ticks()["t"], default=0)
        return 0

    def moves(self) -> None:
        """Wait until another tick comes."""
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


# Root writes whatever its bits say, by a capability. Without it root is a user like any other, and so are its
# children (28 and 1: PR_SET_SECUREBITS, SECBIT_NOROOT).
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
    """`python collector.py` in a folder of its own."""
    argv = [sys.executable, *(["-c", POWERLESS] if powerless else []), str(ROOT / "collector.py"), *flags]
    process = Process(argv, folder=folder, env=env or {}, **more)
    try:
        yield process
    finally:
        process.end()


def stored(folder: Path) -> list[int]:
    """The times of all ticks on disk, in milliseconds: what is sealed, and the rows after it as they are."""
    uri = f"file:{folder / 'cache.db'}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
            rows = connection.execute("SELECT value FROM Cache ORDER BY key").fetchall()
    except sqlite3.OperationalError:
        return []  # there is none yet, or no table in it
    times = [round(1000 * json.loads(row)[0]) for (row,) in rows if isinstance(row, str)]
    # What was sealed when a process was killed may still stand in the rows; it is dropped from them later.
    sealed = DiskReader(folder).levels()[0].columns(-1, times[0] - 1 if times else 1 << 60, None)
    return [*map(int, sealed.t), *times]


def on_grid(times: Sequence[int], step: int) -> bool:
    """Whether each is there once, in order, on the grid. A starved machine may leave deadlines out."""
    return list(times) == sorted(set(times)) and all(time % step == 0 for time in times)


def holes(times: Sequence[int], step: int) -> list[tuple[int, int]]:
    """Where `times` do not follow each other by `step`."""
    return [(old, new) for old, new in pairwise(times) if new - old != step]
