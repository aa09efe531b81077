"""The API's contract: frames, cursors, metrics, health, and cached responses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier, Event

import pytest
from fake_hosts import NOW, Clock
from waiting import PATIENCE_S
from wsgi_client import ask

from dashapp.api.endpoints import CACHE_TTL_S, MAX_CACHED_RESPONSES, Api
from dashapp.http.responses import SHARED_ONE_SECOND
from dashapp.model.notices import GENERIC_NOTICE, PublicNotice
from dashapp.model.ticks import Curves, Metric, Tick
from dashapp.stores.memory import MemoryStore
from dashapp.stores.tick_cache import LogSnapshot

METRICS = [
    Metric("cpu.percent", "CPU", "%", "cpu", 0.0, 100.0),
    Metric("cpu.core0.percent", "Core 0", "%", "cores"),
]


# The second of the newest tick.
SECOND = int(NOW)


class CountingStore(MemoryStore):
    """A store that counts its reads; if `holds` is set, one read waits for `go_on`."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.holds = False
        self.entered, self.go_on = Event(), Event()

    def snapshot(self) -> LogSnapshot:
        self.reads += 1
        found = super().snapshot()
        if self.holds:
            self.holds = False
            self.entered.set()
            assert self.go_on.wait(PATIENCE_S)
        return found


@pytest.fixture
def store() -> CountingStore:
    made = CountingStore()
    made.describe(METRICS)
    for at in range(SECOND - 299, SECOND + 1):
        made.append(Tick(at, 1, {"cpu.percent": at % 100, "cpu.core0.percent": at % 50}))
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(store: CountingStore, clock: Clock) -> Api:
    return Api(store, now=clock)


def test_ticks_endpoint_returns_newest_frame(api: Api, store: CountingStore) -> None:
    answer = ask(api, "/api/ticks?window=100")
    body = answer.json
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert set(body) == {"cursor", "reset", "now", "step", "t", "y"}
    assert (body["reset"], body["step"], len(body["t"])) == (True, 1.0, 100)
    # `now` counts whole seconds from the newest tick, so that all viewers get the same response.
    assert body["now"] == SECOND
    assert all(old < new for old, new in pairwise(body["t"]))
    assert set(body["y"]) == {"cpu.percent", "cpu.core0.percent"}
    assert {len(column) for column in body["y"].values()} == {100}
    assert body["t"][-1] == store.newest().time_ms


def test_ticks_endpoint_uses_default_window(store: CountingStore) -> None:
    assert len(ask(Api(store, window=30), "/api/ticks").json["t"]) == 30


def test_ticks_endpoint_returns_only_ticks_after_cursor(api: Api, store: CountingStore) -> None:
    cursor = ask(api, "/api/ticks?window=100").json["cursor"]
    assert ask(api, f"/api/ticks?window=100&after={cursor}").json["t"] == []
    store.append(Tick(SECOND + 1, 1, {"cpu.percent": 7}))
    body = ask(api, f"/api/ticks?window=100&after={cursor}").json
    assert (body["reset"], body["t"], body["y"]["cpu.percent"]) == (False, [1000 * (SECOND + 1)], [7])


def test_ticks_endpoint_resets_when_store_is_cleared(api: Api, store: CountingStore) -> None:
    """Fault 18: the cursors start over, and the page redraws instead of freezing."""
    cursor = ask(api, "/api/ticks?window=100").json["cursor"]
    store.clear()
    store.append(Tick(5, 1, {"cpu.percent": 7}))
    body = ask(api, f"/api/ticks?window=100&after={cursor}").json
    assert (body["reset"], body["t"]) == (True, [5000])


def test_ticks_endpoint_returns_only_requested_metrics(api: Api) -> None:
    assert list(ask(api, "/api/ticks?metrics=cpu.percent,,x").json["y"]) == ["cpu.percent"]


def test_missing_value_is_null(api: Api, store: CountingStore) -> None:
    store.append(Tick(SECOND + 1, 1, {"cpu.percent": 7}))
    assert ask(api, "/api/ticks").json["y"]["cpu.core0.percent"][-1] is None


def test_metrics_endpoint_returns_catalogue(api: Api) -> None:
    body = ask(api, "/api/metrics").json
    assert [set(each) for each in body] == [{"key", "label", "unit", "panel", "low", "high"}] * 2
    assert body[0] == {
        "key": "cpu.percent",
        "label": "CPU",
        "unit": "%",
        "panel": "cpu",
        "low": 0.0,
        "high": 100.0,
    }


def test_ticks_endpoint_contains_notices() -> None:
    api = Api(MemoryStore(notice="kept in memory only"))
    assert ask(api, "/api/ticks").json["notices"] == ["kept in memory only"]


def test_public_responses_contain_only_generic_notice() -> None:
    store = MemoryStore(notice=PublicNotice("kept in memory only"))
    for speaker in ("sources", "supervisor"):
        store.notice_sink(speaker).set("http://10.0.0.5/metrics does not answer")
    assert ask(Api(store, caching=SHARED_ONE_SECOND), "/api/ticks").json["notices"] == [
        "kept in memory only",
        GENERIC_NOTICE,
    ]
    assert len(ask(Api(store), "/api/ticks").json["notices"]) == 3


@pytest.mark.parametrize(
    ("age", "step", "status"),
    [(0.0, 1, "ok"), (3.3, 1, "ok"), (4.0, 1, "stale"), (100, 60, "ok"), (130, 60, "stale"), (1, 0.1, "ok")],
)
def test_health_depends_on_age_of_newest_tick(age: float, step: float, status: str) -> None:
    store = MemoryStore()
    store.append(Tick(SECOND, step, {"a": 1}))
    api = Api(store, now=lambda: SECOND + age)
    health, ready = ask(api, "/healthz"), ask(api, "/readyz")
    assert (health.status, health.json["status"]) == (200, status)
    assert (ready.status, ready.json["status"]) == (200 if status == "ok" else 503, status)
    assert health.json["age"] == pytest.approx(age, abs=0.001)


@pytest.mark.parametrize(
    ("ahead", "status"), [(0.5, "ok"), (59, "ok"), (61, "stale"), (1500, "stale"), (3e7, "stale")]
)
def test_health_reports_newest_tick_from_future(ahead: float, status: str) -> None:
    store = MemoryStore()
    store.append(Tick(SECOND + ahead, 1, {"a": 1}))
    api = Api(store, now=lambda: SECOND)
    health, ready = ask(api, "/healthz"), ask(api, "/readyz")
    assert (health.status, health.json["status"]) == (200, status)
    assert (ready.status, ready.json) == (200 if status == "ok" else 503, health.json)
    assert health.json["age"] == (0 if status == "ok" else -ahead)
    assert ("in the future" in health.json.get("error", "")) is (status == "stale")


def test_collector_that_died_with_tick_from_future_is_stale_in_time() -> None:
    """A tick that is at most a minute ahead hides a dead collector for no longer than that."""
    clock = Clock()
    store = MemoryStore()
    store.append(Tick(clock.now + 59, 1, {"a": 1}))
    api = Api(store, now=lambda: clock.now)
    clock.now += 59 + 4
    assert ask(api, "/readyz").status == 503


def test_health_of_empty_store_is_stale() -> None:
    api = Api(MemoryStore())
    assert ask(api, "/healthz").json == {"status": "stale", "age": None}
    assert ask(api, "/readyz").status == 503


def test_health_is_stale_when_collector_stops(api: Api, clock: Clock) -> None:
    assert ask(api, "/healthz").json["status"] == "ok"
    clock.now += 10
    assert ask(api, "/healthz").json["status"] == "stale"
    answer = ask(api, "/api/ticks")
    assert answer.json["now"] == SECOND + 10
    assert answer.headers["x-now"] == f"{NOW + 10:.3f}"


def test_response_is_cached_for_same_query_and_tick(api: Api, store: CountingStore) -> None:
    ask(api, "/api/ticks?window=50")
    reads = store.reads
    bodies = {ask(api, "/api/ticks?window=50").body for _ in range(100)}
    assert (store.reads, len(bodies)) == (reads, 1)
    store.append(Tick(SECOND + 5, 1, {"cpu.percent": 1}))
    assert ask(api, "/api/ticks?window=50").body not in bodies
    assert store.reads > reads


def test_concurrent_requests_share_one_store_read(api: Api, store: CountingStore) -> None:
    ask(api, "/api/ticks?window=51")
    once, store.reads = store.reads, 0
    store.holds = True
    barrier = Barrier(8, timeout=PATIENCE_S)

    def go(_: int) -> bytes:
        barrier.wait()
        return ask(api, "/api/ticks?window=50").body

    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(go, range(8))
        assert store.entered.wait(PATIENCE_S)
        store.go_on.set()
        bodies = set(answers)
    assert (len(bodies), store.reads) == (1, once)


def test_slow_response_is_not_cached_for_later_tick(api: Api, store: CountingStore) -> None:
    store.holds = True
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, api, "/api/ticks?window=50")
        assert store.entered.wait(PATIENCE_S)
        store.append(Tick(SECOND + 5, 1, {"cpu.percent": 1}))
        ask(api, "/healthz")
        store.go_on.set()
        slow.result(PATIENCE_S)
    assert ask(api, "/api/ticks?window=50").json["cursor"] == store.newest().encode()


def test_response_cache_is_bounded(api: Api, store: CountingStore) -> None:
    for number in range(MAX_CACHED_RESPONSES + 50):
        ask(api, f"/api/ticks?window={100 + number / 1000}")
    assert len(api._cache.responses) <= MAX_CACHED_RESPONSES


def test_cached_response_expires(api: Api, clock: Clock) -> None:
    first = ask(api, "/api/ticks").json["now"]
    clock.now += CACHE_TTL_S + 0.1
    assert ask(api, "/api/ticks").json["now"] > first
    clock.now -= 3600
    assert ask(api, "/api/ticks").json["now"] < first


def test_ticks_endpoint_contains_curves_on_request(api: Api, store: CountingStore) -> None:
    assert "curves" not in ask(api, "/api/ticks?curves=1").json, "there are none"
    curves = Curves([[0.0, 1.0]], [[1.0, None]], ["growth"], "g", 0.0)
    store.set_curves({"growth": curves})
    store.append(Tick(SECOND + 1, 1, {"cpu.percent": 7}))
    assert "curves" not in ask(api, "/api/ticks").json
    answer = ask(api, "/api/ticks?curves=1")
    said = {"x": [[0, 1]], "y": [[1, None]], "names": ["growth"], "unit": "g", "low": 0, "high": None}
    assert answer.json["curves"] == {"growth": said}
    # All requests for one tick get the same response.
    store.set_curves({})
    assert ask(api, "/api/ticks?curves=1").body == answer.body
    store.append(Tick(SECOND + 2, 1, {"cpu.percent": 7}))
    assert "curves" not in ask(api, "/api/ticks?curves=1").json


def test_metrics_endpoint_contains_panel_kind_of_source(api: Api, store: CountingStore) -> None:
    growth = Metric("growth.points", "growth", "points", "growth")
    store.describe([*METRICS, growth], {"growth": "curve"})
    kinds = {row["key"]: row.get("kind") for row in ask(api, "/api/metrics").json}
    assert kinds == {"cpu.percent": None, "cpu.core0.percent": None, "growth.points": "curve"}
