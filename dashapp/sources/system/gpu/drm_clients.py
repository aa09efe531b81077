"""Processes with a GPU open, from the kernel's files about open files.

https://docs.kernel.org/gpu/drm-usage-stats.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dashapp.sources.system.gpu.processes import ProcessMemory, process_name
from dashapp.sources.system.procfs import read_file

# The namespace of the first process (PROC_PID_INIT_INO in the kernel).
_FIRST_NAMESPACE = "pid:[4026531836]"
_DEVICE_FOLDER = "/dev/dri/"
_SIZES = {"KiB": 1024, "MiB": 2**20, "": 1}
# The first that a driver has is the memory of the GPU that a client uses.
_MEMORY_KEYS = (
    "drm-resident-vram0",
    "drm-memory-vram",
    "drm-resident-vram",
    "drm-total-vram0",
    "drm-total-vram",
)


class Client(NamedTuple):
    """A process that has opened a GPU: its address, memory, and the work of each kind of engine.

    `busy` is in nanoseconds, or in cycles if `total` has the cycles of the engine. `capacity` is the number
    of its engines.
    """

    address: str
    pid: int
    memory: int
    busy: Mapping[str, int]
    total: Mapping[str, int]
    capacity: Mapping[str, int]


class DrmClients:
    """Finds the clients in `proc`, and the load of each GPU between two readings."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._previous: Mapping[str, Client] = {}
        self._last_time = float("-inf")

    def read(self, now: float) -> tuple[Mapping[str, float] | None, ProcessMemory]:
        """Return the load in percent by address, and the memory of each process.

        A GPU without clients has no load of its own, which is 0. The loads are None at first, and without
        the right to read all processes, because they would be too low.
        """
        clients: dict[str, Client] = {}
        is_complete = self._sees_all()
        for pid in _pids(self._proc):
            try:
                clients |= self._clients_of(pid)
            except PermissionError:
                is_complete = False
            except OSError:
                continue  # it has ended
        seconds, previous = now - self._last_time, self._previous
        self._previous, self._last_time = clients, now
        memory: dict[int, int] = {}
        for client in clients.values():
            memory[client.pid] = memory.get(client.pid, 0) + client.memory
        named = [(process_name(pid, self._proc), size) for pid, size in memory.items() if size]
        loads = _loads(clients, previous, seconds) if is_complete and 0 < seconds < float("inf") else None
        return loads, [(name, size) for name, size in named if name]

    def _sees_all(self) -> bool:
        """Return whether this /proc has all processes, not only those of a container."""
        try:
            return os.fspath(Path(self._proc, "1/ns/pid").readlink()) == _FIRST_NAMESPACE
        except PermissionError:
            return False
        except OSError:
            return True  # a kernel without namespaces

    def _clients_of(self, pid: int) -> Mapping[str, Client]:
        """Return the clients by address and id; a process can have one of them open several times."""
        clients = {}
        folder = f"{self._proc}/{pid}"
        with os.scandir(f"{folder}/fd") as entries:
            names = [entry.name for entry in entries if _opens_gpu(entry.path)]
        for name in names:
            client, number = _parse_client(pid, read_file(f"{folder}/fdinfo/{name}"))
            if client is not None:
                clients[f"{client.address} {number}"] = client
        return clients


def _pids(proc: str) -> Iterator[int]:
    try:
        with os.scandir(proc) as entries:
            yield from [int(entry.name) for entry in entries if entry.name.isdecimal()]
    except OSError:
        return


def _opens_gpu(link: str) -> bool:
    try:
        return os.readlink(link).startswith(_DEVICE_FOLDER)  # noqa: PTH115, for each open file
    except OSError:
        return False


def _parse_client(pid: int, content: bytes) -> tuple[Client | None, str]:
    fields: dict[str, str] = {}
    for line in content.decode(errors="replace").splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    address, number = fields.get("drm-pdev", ""), fields.get("drm-client-id", "")
    if not address or not number:
        return None, ""
    numbers = {name: _number(text) for name, text in fields.items()}
    memory = next((numbers[key] for key in _MEMORY_KEYS if key in numbers), 0)
    capacity = _with_prefix(numbers, "drm-engine-capacity-")
    busy = _with_prefix(numbers, "drm-cycles-")
    total = _with_prefix(numbers, "drm-total-cycles-")
    if not total:
        engines = _with_prefix(numbers, "drm-engine-")
        busy = {name: count for name, count in engines.items() if not name.startswith("capacity-")}
    return Client(address, pid, memory, busy, total, capacity), number


def _with_prefix(numbers: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in numbers.items() if name.startswith(prefix)}


def _number(text: str) -> int:
    """Return nanoseconds, cycles, or bytes of `12 KiB`; 0 if there is no number."""
    number, _, unit = text.partition(" ")
    return int(number) * _SIZES.get(unit.strip(), 1) if number.isdecimal() and len(number) < 20 else 0


def _loads(clients: Mapping[str, Client], previous: Mapping[str, Client], seconds: float) -> dict[str, float]:
    """Return the load of the busiest kind of engine. A new client has worked since it appeared."""
    shares: dict[tuple[str, str], float] = {}
    for key, client in clients.items():
        earlier = previous.get(key)
        for engine, count in client.busy.items():
            done = count - (earlier.busy.get(engine, 0) if earlier else 0)
            whole = 1e9 * seconds
            if client.total:
                # Cycles of a client that is new have no earlier total.
                start = earlier.total.get(engine) if earlier else None
                whole = client.total.get(engine, 0) - start if start is not None else 0
            if done > 0 and whole > 0:
                place = (client.address, engine)
                share = 100 * done / whole / max(1, client.capacity.get(engine, 1))
                shares[place] = shares.get(place, 0.0) + share
    loads = {client.address: 0.0 for client in clients.values()}
    for (address, _), share in shares.items():
        loads[address] = max(loads[address], min(100.0, share))
    return loads
