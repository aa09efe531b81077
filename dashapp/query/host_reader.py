"""One host of many: its reader, and its clock skew against the store's clock.

A tick that arrives a little late is no skew, and neither is a backlog that arrives at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from dashapp.model.notices import PublicNotice
from dashapp.model.text import format_span
from dashapp.model.ticks import MAX_LEAD_S
from dashapp.stores.base import Reader
from dashapp.stores.hosts import Host, HostStore, sorted_hosts
from dashapp.stores.proxy import ReaderProxy

# Milliseconds that a tick may be late, or a clock wrong, before points are moved and the page shows a notice.
SKEW_TOLERANCE_MS = 2500
# Ticks in a row that must show the same skew before it is believed.
CONFIRMING_TICKS = 5
# Skews in memory of hosts that the store no longer lists.
MAX_FORGOTTEN_HOSTS = 256


@dataclass
class _Skew:
    offset_ms: int
    guess: int
    count: int
    newest: int


class ClockSkews:
    """The clock skews of all hosts. A new skew counts after several ticks, as it moves points."""

    def __init__(self, hosts: HostStore) -> None:
        self._hosts = hosts
        self._lock = Lock()
        self._skews: dict[str, _Skew] = {}

    def offset_ms(self, host: Host) -> int:
        """Return the milliseconds, in whole seconds, by which the host's clock is ahead."""
        if not host.newest_ms:
            return 0
        measured = host.newest_ms - host.arrived_ms
        with self._lock:
            skew = self._skews.get(host.name)
            if skew is None:
                self._drop_forgotten()
                skew = self._skews[host.name] = _Skew(
                    _whole_seconds_ms(measured), measured, 0, host.newest_ms
                )
            elif abs(measured - skew.offset_ms) <= SKEW_TOLERANCE_MS:
                skew.count = 0
            elif host.newest_ms != skew.newest:
                # Compare with the first of them: in a backlog, each tick shows another skew.
                if skew.count and abs(measured - skew.guess) <= SKEW_TOLERANCE_MS:
                    skew.count += 1
                else:
                    skew.count, skew.guess = 1, measured
                if skew.count >= CONFIRMING_TICKS:
                    skew.offset_ms, skew.count = _whole_seconds_ms(measured), 0
            skew.newest = host.newest_ms
            return skew.offset_ms

    def now(self, name: str) -> float:
        """Return the time by the host's clock in seconds UTC; by the store's if it is unknown."""
        host = sorted_hosts(self._hosts).get(name)
        now = self._hosts.now_ms()
        if host is None:
            return now / 1000
        own_now = now + self.offset_ms(host)
        # A clock that was just set forward is no skew yet, but its tick is not from the future.
        if host.newest_ms - own_now > 1000 * MAX_LEAD_S:
            own_now = host.newest_ms + host.silence_ms(now)
        return own_now / 1000

    def describe_skew(self, name: str) -> str:
        """Return the host's skew as half a sentence; empty if it has none."""
        host = sorted_hosts(self._hosts).get(name)
        offset = self.offset_ms(host) if host else 0
        if not offset:
            return ""
        side = "ahead" if offset > 0 else "behind"
        return f"the clock of {name} is {format_span(abs(offset) // 1000)} {side}"

    def _drop_forgotten(self) -> None:
        hosts = sorted_hosts(self._hosts)
        if len(self._skews) > len(hosts) + MAX_FORGOTTEN_HOSTS:
            self._skews = {name: skew for name, skew in self._skews.items() if name in hosts}


def _whole_seconds_ms(measured: int) -> int:
    # Whole seconds, so that the ticks of hosts on the same grid still have the same times.
    return 0 if abs(measured) <= SKEW_TOLERANCE_MS else round(measured / 1000) * 1000


class HostReader(ReaderProxy):
    """The reader of one host, by the host's clock. The store of many hosts closes it."""

    def __init__(self, name: str, reader: Reader, hosts: HostStore, skews: ClockSkews) -> None:
        self._name = name
        self._reader = reader
        self._hosts = hosts
        self._skews = skews

    def reader(self) -> Reader:
        return self._reader

    def now(self) -> float:
        """Return the time by the host's clock in seconds UTC, for the age of its newest tick."""
        return self._skews.now(self._name)

    def notices(self) -> list[str]:
        skew = self._skews.describe_skew(self._name)
        own = [PublicNotice(f"{skew[0].upper()}{skew[1:]}; this page shows its own times.")] if skew else []
        return list(dict.fromkeys([*self._hosts.notices(), *self._reader.notices(), *own]))
