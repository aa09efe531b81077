"""The list of hosts as it goes on the wire: who is there, whether live, and the newest of each.

Knows no page and no history.
"""

from __future__ import annotations

from typing import Any

from dashapp.model.ticks import stale_after
from dashapp.stores.hosts import Host, Hosts


def host_list(hosts: Hosts) -> dict[str, Any]:
    """`now` in seconds by the store's clock, and a row a host, by name."""
    now = hosts.now_ms()
    # Of whom nothing comes while the store is silent may well be fine.
    quiet = "unknown" if hosts.notices() else "stale"
    return {"now": now / 1000, "hosts": [_row(host, now, quiet) for host in hosts.hosts()]}


def _row(host: Host, now: int, quiet: str) -> dict[str, Any]:
    """`newest` in milliseconds by its own clock, `age` and `skew` in seconds; None before its first tick.
    `quiet`: the state of one that nothing new came of."""
    row: dict[str, Any] = {"name": host.name, "state": quiet, "newest": None, "age": None, "skew": None}
    if host.newest_ms:
        # A store's clock that was read a moment ago is no sign of a tick from the future.
        age = max(0, now - host.arrived_ms) / 1000
        skew = (host.newest_ms - host.arrived_ms) / 1000
        row |= {"state": "live" if age <= stale_after(host.step) else quiet}
        row |= {"newest": host.newest_ms, "age": round(age, 1), "skew": round(skew, 1) + 0.0}
    return row | {"values": dict(host.values)}
