"""The registry of hosts in Redis, as it is read: a hash from names to when a host's newest tick came, and
to what is shown of it in a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from dashapp.model.ticks import finite
from dashapp.stores.hosts import Host


def hosts_of(said: Sequence[bytes]) -> dict[str, Host]:
    """Names and what is said of each, by turns. What is none of ours is left out."""
    found = {}
    for name, text in zip(said[::2], said[1::2], strict=False):
        try:
            host = _host(name.decode(), text)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            continue
        found[host.name] = host
    return found


def _host(name: str, text: bytes) -> Host:
    arrived, _, rest = text.partition(b" ")
    newest_ms, step, values = json.loads(rest)
    numbers: Mapping[str, float] = finite(values)
    return Host(name, int(newest_ms), int(arrived), float(step), numbers)


def milliseconds_of(clock: Sequence[bytes]) -> int:
    """Redis' TIME: seconds, and millionths."""
    seconds, millionths = clock
    return int(seconds) * 1000 + int(millionths) // 1000
