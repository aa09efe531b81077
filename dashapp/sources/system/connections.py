"""TCP connections by state, counted in the kernel's tables (Linux).

psutil's `net_connections` reads every process and needs privileges; these tables contain only the states.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dashapp.model.ticks import Metric
from dashapp.sources.system.procfs import ProcFile


class ConnectionState(NamedTuple):
    """A metric, and the codes of its states in the tables (include/net/tcp_states.h)."""

    metric: Metric
    codes: tuple[bytes, ...]
    is_permanent: bool


def _connection_state(name: str, label: str, *codes: bytes, is_permanent: bool = False) -> ConnectionState:
    return ConnectionState(Metric(f"tcp.{name}", label, "", "connections", 0.0), codes, is_permanent)


ESTABLISHED = _connection_state("established", "Established", b"01", is_permanent=True)
TIME_WAIT = _connection_state("time_wait", "Closed, waiting", b"06", is_permanent=True)
STATES = (
    ESTABLISHED,
    TIME_WAIT,
    _connection_state("listen", "Listening", b"0A", is_permanent=True),
    _connection_state("close_wait", "Closed by the peer", b"08"),
    _connection_state("syn_sent", "Calling", b"02"),
    _connection_state("syn_recv", "Being called", b"03", b"0C"),
    _connection_state("fin_wait", "Closing", b"04", b"05"),
    _connection_state("last_ack", "Closing at last", b"07", b"09", b"0B"),
)

# A row takes about 5 µs. Above this limit, use only the two states that the kernel counts.
MAX_ROWS = 2000

_IN_USE = re.compile(rb"^TCP6?: inuse (\d+)(?:.* tw (\d+))?", re.MULTILINE)
_CURRENT = re.compile(rb"^Tcp:((?: \S+)*) CurrEstab.*\nTcp:((?: \S+)*)$", re.MULTILINE)


class ConnectionSource:
    """Counts connections; a rare state has a line once it has occurred.

    Raises OSError at construction if there is no table for IPv4.
    """

    is_optional = True

    def __init__(self, proc: str = "/proc") -> None:
        self._tables = [ProcFile(f"{proc}/net/{name}") for name in ("tcp", "tcp6")]
        self._sockets = [ProcFile(f"{proc}/net/{name}") for name in ("sockstat", "sockstat6")]
        self._statistics = ProcFile(f"{proc}/net/snmp")
        self._active_metrics: set[Metric] = set()
        # Read one byte only: a long table takes seconds.
        with Path(self._tables[0].path).open("rb") as table:
            table.read(1)

    def read(self) -> Mapping[Metric, float]:
        in_use = time_wait = 0
        content = b""
        for sockets, table in zip(self._sockets, self._tables, strict=True):
            match = _IN_USE.search(_read_file(sockets))
            in_use += int(match[1]) if match else 0
            time_wait += int(match[2] or 0) if match else 0
            if in_use + time_wait > MAX_ROWS:
                return self._kernel_counts(time_wait)
            # Even with few sockets the kernel walks all buckets of a table: 5 ms on 24 GB. Skip a table
            # without sockets.
            if not match or match[1] != b"0" or match[2] not in (None, b"0"):
                content += _read_file(table)
        values: dict[Metric, float] = {}
        for metric, codes, is_permanent in STATES:
            # No other column of a table has two digits with a leading zero between spaces.
            count = sum(content.count(b" " + code + b" ") for code in codes)
            if is_permanent or count or metric in self._active_metrics:
                self._active_metrics.add(metric)
                values[metric] = count
        return values

    def _kernel_counts(self, time_wait: int) -> Mapping[Metric, float]:
        values: dict[Metric, float] = {TIME_WAIT.metric: time_wait}
        if match := _CURRENT.search(_read_file(self._statistics)):
            # CurrEstab includes connections that the peer closed (RFC 4022).
            values[ESTABLISHED.metric] = int(match[2].split()[len(match[1].split())])
        return values


def _read_file(file: ProcFile) -> bytes:
    try:
        return file.read()
    except OSError:
        return b""  # a kernel without IPv6 lacks its table
