"""Supervisor: starts the collector and the web server, restarts them and stops them.

It imports neither dash nor granian, so that it is small and a fork inherits no held lock. Each child has a
pipe as its standard input. The pipe closes however this process ends, and then the child ends as well.
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

# Seconds before the n-th restart in a row. A child that runs longer than the last one starts again with the
# first.
RESTART_BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
# A child that ran for so long starts again after the first delay at any rate: it works, and its starts cost
# little.
WORKED_S = 5.0
SHUTDOWN_TIMEOUT_S = 4.0

# glibc keeps the memory of a large response for the next one, once for each thread (mallopt(3)).
MALLOC_VARIABLES = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "262144"}


class ChildProcess:
    """One process, restarted with increasing delays when it dies soon after its start."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        notice: NoticeSink | None = None,
        stdin: Sequence[int] = (),
        environ: Mapping[str, str] | None = None,
        **popen_options: Any,
    ) -> None:
        """Describe the process; `check` starts it.

        `stdin`: descriptors of our own standard input, which each child inherits in addition to its pipe.
        `environ`: environment variables, ours by default. `popen_options`: other arguments for
        subprocess.Popen.
        """
        self.name = name
        self._stdin = tuple(stdin)
        self.exits = 0
        self._argv = argv
        self._notice = notice
        self._environ = environ
        self._popen_options = popen_options
        self._process: subprocess.Popen[bytes] | None = None
        self._start_time = 0.0
        self._next_start = 0.0

    def check(self) -> None:
        """Start the process if it is due; schedule a restart if it has died."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._next_start:
                self._start()
            return
        code = self._process.poll()
        if code is None:
            if self.exits and now - self._start_time > RESTART_BACKOFF_S[-1]:
                self.exits = 0
                if self._notice is not None:
                    self._notice.clear()
            return
        self._close_pipe()
        in_a_row = 0 if now - self._start_time > WORKED_S else self.exits
        delay = RESTART_BACKOFF_S[min(in_a_row, len(RESTART_BACKOFF_S) - 1)]
        self.exits += 1
        self._next_start = now + delay
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        log.warning("the %s exited (%s); restarting it in %g s", self.name, reason, delay)
        if self._notice is not None and self.exits > 1:
            self._notice.set(
                f"The {self.name} has exited {self.exits} times in a row ({reason}); "
                f"it restarts in {delay:g} seconds."
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
            log.warning("the %s did not end in time and is killed", self.name)
            self._process.kill()
            self._process.wait()
        self._close_pipe()

    def _start(self) -> None:
        self._start_time = time.monotonic()
        environ = os.environ if self._environ is None else self._environ
        self._process = start_process(
            [*self._argv],
            stdin=subprocess.PIPE,
            env={
                **MALLOC_VARIABLES,
                **environ,
                "DASHAPP_CHILD": environ.get("DASHAPP_CHILD", "1"),
                "DASHAPP_STDIN": ",".join(map(str, self._stdin)),
            },
            pass_fds=self._stdin,
            **self._popen_options,
        )

    def _close_pipe(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process = None


def supervise(children: Sequence[ChildProcess], stop: Event) -> None:
    """Keep the children running until `stop` is set; then stop all at once, in seconds."""
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
    """Return the path of the Python interpreter.

    In a server that embeds Python, such as uWSGI, `sys.executable` is the server.
    """
    if "py" in Path(sys.executable or "").name.lower():
        return sys.executable
    return str(Path(sys.exec_prefix) / "bin" / "python3")
