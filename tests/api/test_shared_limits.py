"""Limits that all pages of a process share: cached bytes, queries, waiting requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from authenticated_app import filled
from fake_hosts import Fleet
from host_pages import served
from waiting import PATIENCE_S, wait_for
from wsgi_client import Answer, ask

from dashapp.api.endpoints import (
    MAX_CACHED_BYTES,
    MAX_CONCURRENT_BUILDS,
    MAX_QUERIES_PER_CLIENT,
    MAX_WAITING_REQUESTS,
    Api,
    ApiLimits,
)
from dashapp.config.settings import parse_settings
from dashapp.http.concurrency import CLIENT_KEY
from dashapp.http.middleware.rate_limit import RATE_WINDOW_S, request_cost
from dashapp.http.responses import CacheBudget, CachedResponse, ResponseCache
from dashapp.model.ticks import Cursor
from dashapp.stores.base import Snapshot
from dashapp.stores.memory import MemoryStore
from dashapp.stores.proxy import ReaderProxy
from dashapp.web.host_routes import MAX_COMPARED_HOSTS
from dashapp.web.worker import MIN_THREADS


def response(size: int) -> CachedResponse:
    return CachedResponse("200 OK", bytes(size), None, "", (), ())


def test_cache_budget_empties_oldest_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashapp.http.responses.RESPONSE_OVERHEAD_BYTES", -1)  # the length of the key
    budget = CacheBudget(100)
    caches = [ResponseCache(Cursor("", 0), 0) for _ in range(4)]
    for cache in caches:
        budget.add(cache, ("a",), response(20))
        budget.add(cache, ("b",), response(20))
    assert [len(cache.responses) for cache in caches] == [0, 0, 2, 2]
    assert budget._size == sum(cache.size for cache in caches) == 80
    budget.add(caches[0], ("big",), response(101))
    assert not caches[0].responses
    budget.discard(caches[2])
    budget.discard(caches[2])
    assert budget._size == caches[3].size == 40


def test_cache_budget_counts_queries() -> None:
    """A client can send long queries, each of which gets a short error."""
    api = Api(filled(), limits=(limits := ApiLimits()))
    for number in range(20):
        assert ask(api, f"/api/ticks?x{number}=" + "a" * 60_000).status == 400
    assert limits.cache._size > 20 * 60_000
    for number in range(400):
        assert ask(api, f"/api/ticks?y{number}=" + "a" * 60_000).status == 400
    kept = [*api._cache.responses, *api._cache.building]
    assert sum(len(str(key[1])) for key in kept) < 2 * MAX_CACHED_BYTES + 120_000


class Slow(ReaderProxy):
    """A store whose snapshots wait until `go` is set; `entered` counts them."""

    def __init__(self) -> None:
        self._store = filled()
        self.go, self.entered = Event(), 0

    def reader(self) -> MemoryStore:
        return self._store

    def snapshot(self) -> Snapshot:
        self.entered += 1
        assert self.go.wait(PATIENCE_S)
        return self._store.snapshot()


def test_slow_responses_leave_threads_free() -> None:
    """However many requests there are for slow responses, the same or different ones."""
    for window in ("60", None):
        store = Slow()
        api = Api(store)
        with ThreadPoolExecutor(MIN_THREADS) as threads:
            sent = [
                threads.submit(ask, api, f"/api/ticks?window={window or 10 + number}") for number in range(40)
            ]
            # All but a few are rejected while the slow ones still run.
            few = MAX_CONCURRENT_BUILDS + MAX_WAITING_REQUESTS
            wait_for(lambda sent=sent, few=few: sum(not each.done() for each in sent) <= few)  # type: ignore[misc]
            assert store.entered <= MAX_CONCURRENT_BUILDS
            assert threads.submit(ask, api, "/api/metrics").result(PATIENCE_S).status == 200
            store.go.set()
            answers = [each.result() for each in sent]
        assert {answer.status for answer in answers} == {200, 503}
        busy = next(answer for answer in answers if answer.status == 503)
        assert (busy.headers["retry-after"], set(busy.json)) == ("1", {"error"})
        assert ask(api, "/api/ticks").status == 200


def ask_as(api: Api, client: str, path: str) -> Answer:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        return api({**environ, CLIENT_KEY: client}, start_response)

    return ask(app, path)


def test_client_has_few_queries_at_a_time() -> None:
    store = Slow()
    api = Api(store, limits=ApiLimits())
    frames = "/api/frames?" + "&".join(["q=window%3D60"] * 16)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(ask_as, api, "a", frames)
        wait_for(lambda: store.entered)
        assert ask_as(api, "a", f"{frames}&").status == 429, MAX_QUERIES_PER_CLIENT
        assert ask_as(api, "a", "/api/metrics").status == 200
        other = threads.submit(ask_as, api, "b", frames)
        store.go.set()
        assert (first.result().status, other.result().status) == (200, 200)
    assert ask_as(api, "a", frames).status == 200


def test_page_of_32_hosts_stays_below_default_limit() -> None:
    """One viewer of the largest comparison polls once a second, and loads the page now and then."""
    names = [f"web-{number}" for number in range(MAX_COMPARED_HOSTS)]
    fleet = Fleet()
    for name in names:
        fleet.add(name, past=3)
    app = served(fleet, names[0], public=True)
    page = f"/host/{','.join(names)}"
    paths = ["/", "/_dash-layout", "/_dash-dependencies", "/api/metrics", "/api/hosts", "/api/alerts"]
    paths += ["/api/ticks?window=100"] * round(RATE_WINDOW_S) * 5  # five viewers behind one address
    for path in paths:
        assert ask(app, page + path, peer="8.8.8.8").status == 200, path
    cost = request_cost({"PATH_INFO": f"{page}/api/frames", "QUERY_STRING": "q=1&" * 15 + "q=1"})
    assert cost == 16 * MAX_COMPARED_HOSTS
    limit = parse_settings(["--store", "memory:"], {}).limit * RATE_WINDOW_S
    assert 5 < limit / cost < 10, "an attacker can send a few of the most expensive requests"
