"""Run a program once, without a shell, within limits, and end all that it started."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from dashapp.model.ticks import SourceError
from dashapp.process.start import start_process
from dashapp.sources.rejection import excerpt

MAX_OUTPUT_BYTES = 1_000_000
# Last bytes of standard error, and characters of its last line in a message.
MAX_ERROR_BYTES, MAX_ERROR_CHARS = 4096, 120
CHUNK_BYTES = 1 << 16
# Seconds until the end of a program is noticed if a process that it started keeps its output open.
POLL_S = 0.2
ENDLESS_HINT = "for a program that never ends use a pipe and --source stdin"
# Of our variables, what a program needs to push. The others are settings of this one, with passwords.
_PASSED_VARIABLES = ("DASHAPP_URL", "DASHAPP_PUSH_TOKEN")


class ProcessGuard:
    """Kills the process group of the running program when this process ends, however it ends.

    A shell waits for the end of the pipe on its standard input, which this process holds. It is in a session
    of its own, so that Ctrl+C does not end it first.
    """

    # `$last` is the group of the running program, or empty.
    SCRIPT = 'last=; while read -r line; do last=$line; done; [ -z "$last" ] || kill -s KILL -- "-$last"'

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def set_group(self, group: int | None) -> None:
        """Set the group to kill; None if no program runs."""
        line = b"\n" if group is None else b"%d\n" % group
        # A program runs also if this system has no shell.
        with suppress(OSError):
            if self._process is None or self._process.poll() is not None:
                self._process = start_process(
                    ["/bin/sh", "-c", self.SCRIPT],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    bufsize=0,
                )
            assert self._process.stdin is not None
            self._process.stdin.write(line)

    def close(self) -> None:
        """End the shell; a program that still runs ends as well."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
            self._process.wait()
            self._process = None


def run_program(argv: Sequence[str], timeout: float, guard: ProcessGuard) -> bytes:
    """Return what a program prints; raises SourceError if it fails, as the end of a sentence."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DASHAPP_") or name in _PASSED_VARIABLES
    }
    guard.set_group(None)  # it runs before the program, which would outlive us until then
    try:
        process = start_process(
            [*argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
            env=environ,
        )
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            raise SourceError("cannot be run: its first line must be such as #!/bin/sh") from None
        raise SourceError(f"cannot be run: {error.strerror or type(error).__name__}") from None
    guard.set_group(process.pid)
    errors = bytearray()
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        output = _read(process, process.stdout, process.stderr, errors, timeout)
    finally:
        _kill_group(process)
        process.stdout.close()
        process.stderr.close()
        status = process.wait()
        guard.set_group(None)
    if status:
        lines = bytes(errors).strip().splitlines()
        reason = f": {excerpt(lines[-1], MAX_ERROR_CHARS)}" if lines else ""
        raise SourceError(f"failed with {_describe_status(status)}{reason}")
    return output


def _read(
    process: subprocess.Popen[bytes],
    stdout: IO[bytes],
    stderr: IO[bytes],
    errors: bytearray,
    timeout: float,
) -> bytes:
    """Return the output once the program has ended; raises SourceError if it goes on."""
    end = time.monotonic() + timeout
    output, count = bytearray(), 0
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ, output)
        selector.register(stderr, selectors.EVENT_READ, errors)
        while True:
            # All output of a program is here once it has ended.
            if has_ended := _has_ended(process):
                _kill_group(process)
            wait = min(POLL_S if selector.get_map() else POLL_S / 10, max(0.0, end - time.monotonic()))
            events = selector.select(0 if has_ended else wait)
            for key, _ in events:
                chunk = os.read(key.fd, CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fileobj)
                count += len(chunk)
                key.data.extend(chunk)
            del errors[:-MAX_ERROR_BYTES]
            if count > MAX_OUTPUT_BYTES:
                size = f"{MAX_OUTPUT_BYTES / 1e6:g} MB"
                raise SourceError(f"printed more than {size} and was stopped; {ENDLESS_HINT}")
            if has_ended and not events:
                return bytes(output)
            if not has_ended and time.monotonic() >= end:
                raise SourceError(f"did not end within {timeout:g} s and was stopped; {ENDLESS_HINT}")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the program and all that it started; `wait` has not released its number yet."""
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the program has ended, without releasing its number."""
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return True


def _describe_status(status: int) -> str:
    if status > 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
