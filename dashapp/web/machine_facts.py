"""Facts about the machine that serves the page: name, system, kernel and addresses.

The numbers of cores and bytes come from metrics, so that they are those of the machine on screen.
"""

from __future__ import annotations

import platform
import re
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from dashapp.sources.spec import OWN_MACHINE, MachineFiles

MAX_ADDRESSES = 3


@cache
def machine_facts(name: str, with_addresses: bool, machine: MachineFiles = OWN_MACHINE) -> tuple[str, ...]:
    """Return the facts that are known, as text for people, the host's `name` first.

    Without a name from the settings the machine's own is used. In a container the addresses of the machine
    in `machine` are not known.
    """
    facts = [name or machine.host_name, _operating_system(machine), _kernel()]
    with_addresses = with_addresses and machine.is_own
    return tuple(fact for fact in (*facts, *(_addresses() if with_addresses else ())) if fact)


def _operating_system(machine: MachineFiles) -> str:
    if machine.is_own:
        with suppress(OSError):
            return platform.freedesktop_os_release().get("PRETTY_NAME", "")
        return f"{platform.system()} {platform.release()}".strip()
    for path in ("etc/os-release", "usr/lib/os-release"):
        with suppress(OSError, UnicodeDecodeError):
            text = Path(machine.root, path).read_text("utf-8")
            return next(iter(re.findall(r'^PRETTY_NAME="?([^"\n]*)', text, re.MULTILINE)), "")
    return ""


def _kernel() -> str:
    return f"Linux {platform.release()}" if platform.system() == "Linux" else ""


def _addresses() -> list[str]:
    """Return addresses at which other machines may reach this one."""
    with suppress(OSError):
        found = [
            address.address
            for name, addresses in sorted(psutil.net_if_addrs().items())
            for address in addresses
            if address.family == socket.AF_INET and not address.address.startswith(("127.", "169.254."))
        ]
        return found[:MAX_ADDRESSES]
    return []
