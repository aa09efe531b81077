"""Limits on what occupies threads: in total and for each client, and waiting for others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import wait_for

from dashapp.http.concurrency import ConcurrencyLimit, Queue
from dashapp.model.ticks import BusyError


def test_limit_counts_all_clients_and_each() -> None:
    limit = ConcurrencyLimit(3, 2)
    assert [limit.acquire("a") for _ in range(3)] == [True, True, False]
    assert [limit.acquire("b") for _ in range(2)] == [True, False]
    limit.release("a")
    assert limit.acquire("b")
    assert not limit.acquire("a")


def test_limit_allows_all_places_to_unknown_client() -> None:
    limit = ConcurrencyLimit(3, 1)
    assert [limit.acquire() for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.integers(1, 4)), max_size=30))
def test_limit_is_empty_after_all_places_are_released(requests: list[tuple[str, int]]) -> None:
    limit = ConcurrencyLimit(9, 5)
    held = [(client, places) for client, places in requests if limit.acquire(client, places)]
    assert sum(places for _, places in held) <= 9
    for client in ("a", "b"):
        assert sum(places for holder, places in held if holder == client) <= 5
    for client, places in held:
        limit.release(client, places)
    assert limit._counts == {}
    assert limit.acquire("", 9)


def test_queue_lets_few_wait_while_a_lock_is_held() -> None:
    queue, lock = Queue(2), Lock()

    def enter() -> str:
        try:
            with queue.hold(lock):
                return "held"
        except BusyError as error:
            return str(error)

    with ThreadPoolExecutor(10) as crowd:
        with queue.hold(lock):
            waiting = [crowd.submit(enter) for _ in range(10)]
            # Only two stay; the others give up, and later ones at once.
            wait_for(lambda: sum(each.done() for each in waiting) == 8)
            assert enter() == "the server is busy; retry in 1 second"
        found = [each.result() for each in waiting]
    assert found.count("held") == 2
    assert enter() == "held"


def test_queue_releases_lock_after_error() -> None:
    queue, lock = Queue(1), Lock()
    with pytest.raises(ZeroDivisionError), queue.hold(lock):
        _ = 1 / 0
    assert not lock.locked()
