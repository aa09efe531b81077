"""The progress of the hosts in an overlay, and the time that all of them have reached."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from dashapp.model.ticks import Cursor, to_milliseconds
from dashapp.query.host_reader import ClockSkews
from dashapp.stores.base import FOREVER_MS, Reader, Snapshot
from dashapp.stores.hosts import Host

# Milliseconds to wait for a host's next tick after it is due.
NEXT_TICK_GRACE_MS = 1250
# Milliseconds behind the first host after which a host is not waited for: it is delivering a backlog.
MAX_LAG_MS = 10_000
# Milliseconds by which a tick may be early.
EARLY_TOLERANCE_MS = 500
# Seconds of sequential reads after which the remaining readers run in parallel.
PARALLEL_AFTER_S = 0.05

Result = TypeVar("Result")


@dataclass(frozen=True)
class HostProgress:
    """A host at one moment.

    `newest` is the time of its newest tick and `offset_ms` its clock skew, both in milliseconds. `writes` is
    True if it sent a tick recently. `snapshot` is None until a read of its ticks.
    """

    name: str
    reader: Reader
    generation: str
    newest: int
    offset_ms: int
    step: int
    writes: bool
    snapshot: Snapshot | None = None

    @property
    def end(self) -> int:
        """The time of its newest tick by the common clock; negative if it has none."""
        return self.newest - self.offset_ms if self.newest else -1


def read_all(readers: Sequence[Reader], read: Callable[[Reader], Result]) -> list[Result]:
    """Return the result of `read` for each reader.

    The store may block the first calls; the remaining ones then run in parallel.
    """
    results: list[Result] = []
    start = time.monotonic()
    while len(results) < len(readers) and time.monotonic() - start < PARALLEL_AFTER_S:
        results.append(read(readers[len(results)]))
    if rest := readers[len(results) :]:
        with ThreadPoolExecutor(len(rest)) as pool:
            results += pool.map(read, rest)
    return results


def newest_marks(readers: Sequence[Reader]) -> list[Cursor]:
    """Return the newest cursor of each reader."""
    return read_all(readers, lambda reader: reader.newest())


def host_progress(
    name: str,
    reader: Reader,
    newest: Cursor,
    host: Host | None,
    now: int,
    skews: ClockSkews,
    snapshot: Snapshot | None = None,
) -> HostProgress:
    step = to_milliseconds(host.step) if host else 1000
    # The list of hosts may be a little older than the reader.
    newer_ms = max(0, newest.time_ms - host.newest_ms) if host else 0
    writes = (
        host is not None
        and newest.time_ms > 0
        and host.silence_ms(now) - newer_ms <= step + NEXT_TICK_GRACE_MS
    )
    offset_ms = skews.offset_ms(host) if host else 0
    return HostProgress(name, reader, newest.generation, newest.time_ms, offset_ms, step, writes, snapshot)


def lagging_hosts(members: Sequence[HostProgress]) -> list[HostProgress]:
    """Return the hosts that will add their next tick in a moment."""
    writing = [member for member in members if member.writes]
    first = max((member.end for member in writing), default=0)
    return [member for member in writing if member.end + member.step + MAX_LAG_MS >= first]


def common_end(members: Sequence[HostProgress]) -> int:
    """Return the time of the newest tick before which no live host will add another."""
    ends = [member.end for member in members if member.newest]
    if not ends:
        return 0
    due_times = [
        member.end + member.step - min(member.step // 2, EARLY_TOLERANCE_MS)
        for member in lagging_hosts(members)
    ]
    limit = min(due_times, default=max(ends) + 1)
    if max(ends) < limit:
        return max(ends)
    reached = [end for end in ends if end < limit]
    for member in members:
        if member.end >= limit:
            snapshot = member.snapshot or member.reader.snapshot()
            start = limit + member.offset_ms
            ticks, _is_complete = snapshot.ticks(start - 3 * member.step, FOREVER_MS, ())
            reached += ticks.between(-FOREVER_MS, start - 1).shifted(-member.offset_ms, {}).t.tolist()
    return max(reached)
