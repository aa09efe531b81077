"""The members of an overlay: asked together where that takes time, and judged by the newest that is known."""

from __future__ import annotations

import time

from fleet import NOW, Clock, Fleet
from test_overlay import overlay

from dashapp.model.ticks import Cursor
from dashapp.query.overlay_sync import newest_of
from dashapp.stores.memory import MemoryStore


class Slow(MemoryStore):
    """As a store that is asked the first time: whoever asks waits."""

    def newest(self) -> Cursor:
        time.sleep(0.2)
        return super().newest()


def test_hosts_that_make_one_wait_do_so_together() -> None:
    start = time.monotonic()
    assert len(newest_of([Slow() for _ in range(16)])) == 16
    assert time.monotonic() - start < 1.5


def test_a_list_that_is_older_than_the_points_makes_no_host_stop() -> None:
    clock = Clock()
    fleet = Fleet(clock)
    fleet.add("a", 10), fleet.add("b", 10)
    laid = overlay(fleet)
    listed = fleet.hosts()
    clock.now += 3
    fleet.come()
    fleet.hosts = lambda: listed  # type: ignore[method-assign]
    clock.now += 1
    fleet.come(["a"])
    assert laid.newest().time_ms == 1000 * (NOW + 3), "b is a little late, and waited for"
