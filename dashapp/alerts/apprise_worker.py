"""Worker process: sends one message to one address through apprise, and exits.

This needs a process of its own, because apprise needs more memory than the collector, and an address may
never respond. The address goes through a pipe, because other users can list a process's arguments.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Timer
from typing import Any, NoReturn

from dashapp.alerts.message import Message
from dashapp.process.signals import when_parent_exits

APPRISE_MISSING = "expected the package apprise to be installed: pip install 'apprise>=1.9,<3'"
UNKNOWN_SERVICE = "expected a service that apprise supports; see https://github.com/caronc/apprise"
NO_RESPONSE = "it is unreachable, or did not respond"
# The directory of this package, so that the worker finds it from any working directory.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from dashapp.alerts.apprise_worker import main; main()"
# Timeout of a worker in seconds, including its start, and seconds between two looks at it.
SEND_TIMEOUT_S, POLL_INTERVAL_S = 20.0, 0.1

_HTTP_STATUS = re.compile(r"\berror=(\d{3})\b")


class WorkerSpare:
    """A worker that starts while its message waits for further changes. For one thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self.is_started = False

    def start(self) -> None:
        """Start a worker. If that fails, `send_notification` tries it again and returns the reason."""
        self.is_started = True
        with suppress(OSError):
            self._child = _start_worker()

    def take(self) -> subprocess.Popen[bytes] | None:
        child, self._child = self._child, None
        self.is_started = False
        return child

    def close(self) -> None:
        if (child := self.take()) is not None:
            with child:
                child.kill()


def send_notification(
    address: str,
    message: Message,
    timeout: float = SEND_TIMEOUT_S,
    is_cancelled: Callable[[], bool] = lambda: False,
    spare: WorkerSpare | None = None,
) -> str:
    """Return why sending failed, in a few words without the address; empty on success.

    `is_cancelled`: becomes true when the worker must end, whatever it does. `spare`: may have a worker.
    """
    child = spare.take() if spare is not None else None
    (reason,) = _run_worker([address], asdict(message), timeout, is_cancelled, child) or [NO_RESPONSE]
    return reason


def invalid_targets(addresses: Sequence[str], timeout: float = SEND_TIMEOUT_S) -> list[str]:
    """Return the problem of each address, empty for a valid one. Sends nothing."""
    return _run_worker(addresses, None, timeout) or ["apprise failed to start"] * len(addresses)


def _run_worker(
    addresses: Sequence[str],
    message: dict[str, Any] | None,
    timeout: float,
    is_cancelled: Callable[[], bool] = lambda: False,
    child: subprocess.Popen[bytes] | None = None,
) -> list[str]:
    """Return the worker's result for each address; an empty list if it failed or timed out."""
    request = json.dumps({"addresses": addresses, "message": message, "timeout": timeout}).encode() + b"\n"
    try:
        child = child or _start_worker()
    except OSError as error:
        return [f"a process failed to start ({error.strerror})"] * len(addresses)
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(OSError):
            # Leave the pipe open until the worker has exited: the worker stops when this end closes.
            child.stdin.write(request)
            child.stdin.flush()
        end = time.monotonic() + timeout
        while not _has_exited(child, end):
            if time.monotonic() >= end or is_cancelled():
                child.kill()
                return []
        with suppress(ValueError, OSError):
            results = json.loads(child.stdout.read())
            if isinstance(results, list) and len(results) == len(addresses):
                return [str(result) for result in results]
    return []


def _start_worker() -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", _PROGRAM, str(Path(__file__).resolve().parents[2])]
    devnull = subprocess.DEVNULL
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=devnull)


def _has_exited(child: subprocess.Popen[bytes], end: float) -> bool:
    """Wait for a child, but not for long and not longer than `end`."""
    try:
        child.wait(min(POLL_INTERVAL_S, max(0.0, end - time.monotonic())))
    except subprocess.TimeoutExpired:
        return False
    return True


def main() -> NoReturn:
    # A worker can start before its message is there.
    with suppress(ImportError):
        import apprise
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(0)
    request = json.loads(line)
    when_parent_exits(lambda: os._exit(1))
    timer = Timer(request["timeout"], os._exit, (1,))
    timer.daemon = True
    timer.start()
    addresses = request["addresses"]
    try:
        import apprise
    except ImportError:
        results = [APPRISE_MISSING] * len(addresses)
    else:
        results = [_try_target(apprise, address, request["message"]) for address in addresses]
    os.write(1, json.dumps(results).encode())
    # A thread that a service started could keep this process alive.
    os._exit(0)


def _try_target(apprise: Any, address: str, message: dict[str, Any] | None) -> str:
    """Send `message`, or only check the address if it is None; return the problem, if any."""
    warnings: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("apprise").addHandler(handler)
    try:
        # Store nothing on disk between two messages.
        asset = apprise.AppriseAsset(async_mode=False, storage_mode="memory")
        service = apprise.Apprise(asset=asset)
        if not service.add(address):
            return UNKNOWN_SERVICE
        if message is None:
            return ""
        notify_type = (
            apprise.NotifyType.SUCCESS
            if message["all_resolved"]
            else apprise.NotifyType.FAILURE
            if message["is_critical"]
            else apprise.NotifyType.WARNING
        )
        text = apprise.NotifyFormat.TEXT
        if service.notify(message["body"], message["title"], notify_type=notify_type, body_format=text):
            return ""
    except Exception as error:
        # Third-party code, one of over a hundred services; its error text may contain the address.
        return type(error).__name__
    status = next((match[1] for warning in warnings if (match := _HTTP_STATUS.search(warning))), None)
    return f"it responded with status {status}" if status else NO_RESPONSE
