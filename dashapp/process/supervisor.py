"""The supervisor: starts the collector and the web as plain children, watches both, ends both.

Imports neither dash nor granian, so that it is small and forks nothing that holds a lock. Each child has a
pipe for its standard input; it closes however this process ends, and the child ends with it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from dashapp.model.notices import NoticeSink
from dashapp.process.start import start_process

log = logging.getLogger("dashapp")

# Seconds to wait before the n-th restart in a row; a child that lived longer than the last begins anew.
RESTART_BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
SHUTDOWN_TIMEOUT_S = 4.0


class ChildProcess:
    """One process, started again whenever it dies, later each time that it dies young."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        notice: NoticeSink | None = None,
        stdin: Sequence[int] = (),
        environ: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        """`stdin`: descriptors of our own standard input, which each start inherits beside its pipe.
        `environ`: its variables, ours where not given. `more`: what else subprocess.Popen is told."""
        self.name = name
        self._stdin = tuple(stdin)
        self.deaths = 0
        self._argv = argv
        self._notice = notice
        self._environ = environ
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._due = 0.0

    def check(self) -> None:
        """Start it where it is due; take note where it has died."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due:
                self._start()
            return
        code = self._process.poll()
        if code is None:
            if self.deaths and now - self._started > RESTART_BACKOFF_S[-1]:
                self.deaths = 0
                if self._notice is not None:
                    self._notice.clear()
            return
        self._close_pipe()
        pause = RESTART_BACKOFF_S[min(self.deaths, len(RESTART_BACKOFF_S) - 1)]
        self.deaths += 1
        self._due = now + pause
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        log.warning("the %s died (%s); starting it again in %g s", self.name, how, pause)
        if self._notice is not None and self.deaths > 1:
            self._notice.set(
                f"The {self.name} has died {self.deaths} times in a row ({how}); "
                f"it is started again in {pause:g} seconds."
            )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_pipe()

    def _start(self) -> None:
        self._started = time.monotonic()
        environ = os.environ if self._environ is None else self._environ
        self._process = start_process(
            [*self._argv],
            stdin=subprocess.PIPE,
            env={**environ, "DASHAPP_CHILD": "1", "DASHAPP_STDIN": ",".join(map(str, self._stdin))},
            pass_fds=self._stdin,
            **self._more,
        )

    def _close_pipe(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process = None


def supervise(children: Sequence[ChildProcess], stop: Event) -> None:
    """Keep the children running until `stop`, then end them, all at once, in seconds."""
    while not stop.is_set():
        for child in children:
            child.check()
        stop.wait(0.1)
    for child in children:
        child.stop()
    deadline = time.monotonic() + SHUTDOWN_TIMEOUT_S
    for child in children:
        child.wait(deadline)


def python_command(module: str, argv: Sequence[str]) -> list[str]:
    return [_python_executable(), "-m", module, *argv]


def _python_executable() -> str:
    """Where a server holds it inside, such as uWSGI, `sys.executable` is that server."""
    if "py" in Path(sys.executable or "").name.lower():
        return sys.executable
    return str(Path(sys.exec_prefix) / "bin" / "python3")
