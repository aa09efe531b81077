"""The courier: a process that hands one message to one address, by apprise, and ends.

apprise takes more memory than the collector, and an address that never answers takes its time: neither is
to be the collector's. The address goes in by a pipe, for whoever lists the processes sees their arguments.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Timer
from typing import Any, NoReturn

from dashapp.alerts.message import Message
from dashapp.process.signals import when_parent_exits

APPRISE_MISSING = "expected the package apprise beside it: pip install 'apprise>=1.9,<3'"
UNKNOWN_SERVICE = "no address that apprise knows; https://github.com/caronc/apprise lists them"
NO_RESPONSE = "it cannot be reached, or did not answer"
# Found where this module was, wherever the collector was started from.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from dashapp.alerts.apprise_worker import main; main()"
# Seconds that a courier may take, its start included.
SEND_TIMEOUT_S = 20.0

_HTTP_STATUS = re.compile(r"\berror=(\d{3})\b")


def send_notification(address: str, message: Message, patience: float = SEND_TIMEOUT_S) -> str:
    """Why it could not be handed over, in a few words without the address; empty where it was."""
    (reason,) = _run_worker([address], asdict(message), patience) or [NO_RESPONSE]
    return reason


def invalid_targets(addresses: Sequence[str], patience: float = SEND_TIMEOUT_S) -> list[str]:
    """For each address what it is instead of one; empty where nothing is. Sends nothing."""
    return _run_worker(addresses, None, patience) or ["not to be checked: apprise does not start"] * len(
        addresses
    )


def _run_worker(addresses: Sequence[str], message: dict[str, Any] | None, patience: float) -> list[str]:
    """What a courier says of each address; nothing where it says nothing in time."""
    order = json.dumps({"addresses": addresses, "message": message, "patience": patience}).encode() + b"\n"
    quiet = subprocess.DEVNULL
    argv = [sys.executable, "-c", _PROGRAM, str(Path(__file__).resolve().parents[2])]
    try:
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet)
    except OSError as error:
        return [f"no process can be started ({error.strerror})"] * len(addresses)
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(OSError):
            # Left open until it has ended: it dies with whoever holds the other end.
            child.stdin.write(order)
            child.stdin.flush()
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            child.kill()
            return []
        with suppress(ValueError, OSError):
            said = json.loads(child.stdout.read())
            if isinstance(said, list) and len(said) == len(addresses):
                return [str(each) for each in said]
    return []


def main() -> NoReturn:
    order = json.loads(sys.stdin.buffer.readline())
    when_parent_exits(lambda: os._exit(1))
    late = Timer(order["patience"], os._exit, (1,))
    late.daemon = True
    late.start()
    addresses = order["addresses"]
    try:
        import apprise
    except ImportError:
        found = [APPRISE_MISSING] * len(addresses)
    else:
        found = [_try_target(apprise, each, order["message"]) for each in addresses]
    os.write(1, json.dumps(found).encode())
    # A thread that some service has started would keep this process from its end.
    os._exit(0)


def _try_target(apprise: Any, address: str, message: dict[str, Any] | None) -> str:
    """Send `message`, or only look at the address where there is none."""
    said: list[str] = []
    listener = logging.Handler(logging.WARNING)
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("apprise").addHandler(listener)
    try:
        # Nothing is kept on disk between two messages.
        asset = apprise.AppriseAsset(async_mode=False, storage_mode="memory")
        service = apprise.Apprise(asset=asset)
        if not service.add(address):
            return UNKNOWN_SERVICE
        if message is None:
            return ""
        kind = apprise.NotifyType.SUCCESS if message["all_resolved"] else apprise.NotifyType.WARNING
        text = apprise.NotifyFormat.TEXT
        if service.notify(message["body"], message["title"], notify_type=kind, body_format=text):
            return ""
    except Exception as error:
        # Somebody else's code, a service's among a hundred; what it says may hold the address.
        return type(error).__name__
    status = next((match[1] for each in said if (match := _HTTP_STATUS.search(each))), None)
    return f"it answered with status {status}" if status else NO_RESPONSE
