"""TCP connections by state, counted in the kernel's own tables (Linux).

psutil's `net_connections` walks every process and asks for rights; a table tells the states alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dashapp.model.ticks import Metric
from dashapp.sources.system.procfs import ProcFile


class ConnectionState(NamedTuple):
    """A metric, and how the tables write the states that it counts (include/net/tcp_states.h)."""

    metric: Metric
    codes: tuple[bytes, ...]
    always: bool


def _connection_state(name: str, label: str, *codes: bytes, always: bool = False) -> ConnectionState:
    return ConnectionState(Metric(f"tcp.{name}", label, "", "connections", 0.0), codes, always)


ESTABLISHED = _connection_state("established", "Established", b"01", always=True)
TIME_WAIT = _connection_state("time_wait", "Closed, waiting", b"06", always=True)
STATES = (
    ESTABLISHED,
    TIME_WAIT,
    _connection_state("listen", "Listening", b"0A", always=True),
    _connection_state("close_wait", "Closed by the peer", b"08"),
    _connection_state("syn_sent", "Calling", b"02"),
    _connection_state("syn_recv", "Being called", b"03", b"0C"),
    _connection_state("fin_wait", "Closing", b"04", b"05"),
    _connection_state("last_ack", "Closing at last", b"07", b"09", b"0B"),
)

# A row costs about 5 µs: past this many the two states that the kernel counts itself must do.
MAX_ROWS = 2000

_IN_USE = re.compile(rb"^TCP6?: inuse (\d+)(?:.* tw (\d+))?", re.MULTILINE)
_CURRENT = re.compile(rb"^Tcp:((?: \S+)*) CurrEstab.*\nTcp:((?: \S+)*)$", re.MULTILINE)


class ConnectionSource:
    """OSError at construction where there is no table of IPv4. A rare state has a line once it was seen."""

    def __init__(self, proc: str = "/proc") -> None:
        self._tables = [ProcFile(f"{proc}/net/{name}") for name in ("tcp", "tcp6")]
        self._sockets = [ProcFile(f"{proc}/net/{name}") for name in ("sockstat", "sockstat6")]
        self._statistics = ProcFile(f"{proc}/net/snmp")
        self._seen: set[Metric] = set()
        # One row of it: the whole of a long one takes seconds.
        with Path(self._tables[0].path).open("rb") as table:
            table.read(1)

    def read(self) -> Mapping[Metric, float]:
        in_use = waiting = 0
        content = b""
        for sockets, table in zip(self._sockets, self._tables, strict=True):
            found = _IN_USE.search(_read_file(sockets))
            in_use += int(found[1]) if found else 0
            waiting += int(found[2] or 0) if found else 0
            if in_use + waiting > MAX_ROWS:
                return self._counted_by_the_kernel(waiting)
            # However few sockets there are, a table costs a walk through all its buckets: 5 ms on 24 GB.
            if not found or found[1] != b"0" or found[2] not in (None, b"0"):
                content += _read_file(table)
        values: dict[Metric, float] = {}
        for metric, codes, always in STATES:
            # Two digits with a leading zero between blanks: no other column of a table has that.
            count = sum(content.count(b" " + code + b" ") for code in codes)
            if always or count or metric in self._seen:
                self._seen.add(metric)
                values[metric] = count
        return values

    def _counted_by_the_kernel(self, waiting: int) -> Mapping[Metric, float]:
        values: dict[Metric, float] = {TIME_WAIT.metric: waiting}
        if found := _CURRENT.search(_read_file(self._statistics)):
            # CurrEstab counts those that the peer closed as well (RFC 4022).
            values[ESTABLISHED.metric] = int(found[2].split()[len(found[1].split())])
        return values


def _read_file(file: ProcFile) -> bytes:
    try:
        return file.read()
    except OSError:
        return b""  # a kernel without IPv6 has no table of it
