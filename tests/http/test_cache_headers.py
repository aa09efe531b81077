"""Shared caching: all workers return the same bytes and ETag, if a response is public."""

from __future__ import annotations

import time

import pytest
from authenticated_app import filled, guarded
from wsgi_client import Answer, ask

from dashapp.api.endpoints import Api
from dashapp.config.settings import parse_settings
from dashapp.http.responses import NO_STORE, PRIVATE_NO_STORE, SHARED_ONE_SECOND
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

NOW = 1_800_000_000.25


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [NOW]
    monkeypatch.setattr("time.time", lambda: now[0])
    return now


def caching_api(store: MemoryStore) -> Api:
    return Api(store, caching=SHARED_ONE_SECOND)


QUESTIONS = [
    "/api/ticks",
    "/api/ticks?window=60",
    "/api/ticks?metrics=cpu.percent",
    "/api/ticks?like=cpu*",
    "/api/ticks?from=1799999950000&to=1799999990000",
    "/api/frames?q=window%3D60&q=window%3D30",
    "/api/metrics",
    "/api/alerts",
]


@pytest.mark.parametrize("path", QUESTIONS)
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_every_worker_returns_same_bytes_and_etag(clock: list[float], path: str, encoding: str) -> None:
    store = filled(now=NOW)
    answers: list[Answer] = []
    for later in (0.0, 0.1, 0.3, 0.7):
        clock[0] = NOW + later
        answers.append(ask(caching_api(store), path, accept_encoding=encoding))
    assert {each.body for each in answers} == {answers[0].body}
    assert {each.headers["etag"] for each in answers} == {answers[0].headers["etag"]}
    assert {each.headers["cache-control"] for each in answers} == {SHARED_ONE_SECOND}
    assert [each.headers["x-now"] for each in answers] == [f"{NOW + s:.3f}" for s in (0, 0.1, 0.3, 0.7)]


def test_etag_changes_with_new_tick(clock: list[float]) -> None:
    store = filled(now=NOW)
    api = caching_api(store)
    before = ask(api, "/api/ticks")
    store.append(Tick(int(NOW) + 1, 1, {"cpu.percent": 9.0}))
    clock[0] += 1
    assert ask(api, "/api/ticks").headers["etag"] != before.headers["etag"]


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_matching_etag_returns_short_304_response(clock: list[float], encoding: str) -> None:
    api = caching_api(filled(now=clock[0]))
    first = ask(api, "/api/ticks", accept_encoding=encoding)
    for tag in (first.headers["etag"], f'"other", {first.headers["etag"]}', f"W/{first.headers['etag']}"):
        again = ask(api, "/api/ticks", accept_encoding=encoding, if_none_match=tag)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["cache-control"] == SHARED_ONE_SECOND
        assert again.headers["etag"] == first.headers["etag"]
        assert sum(len(name) + len(text) + 4 for name, text in again.headers.items()) < 150
    for tag in ('"other"', "", "*x", first.headers["etag"][:5]):
        assert ask(api, "/api/ticks", accept_encoding=encoding, if_none_match=tag).status == 200
    assert ask(api, "/api/ticks?window=1", if_none_match='"x"').status == 400


def test_compressed_response_has_different_etag(clock: list[float]) -> None:
    api = caching_api(filled(now=clock[0]))
    plain, small = (ask(api, "/api/ticks", accept_encoding=each) for each in ("", "gzip"))
    assert plain.headers["vary"] == small.headers["vary"] == "accept-encoding"
    assert plain.headers["etag"] != small.headers["etag"]


def test_empty_response_is_not_cached_while_collector_is_live(clock: list[float]) -> None:
    store = filled(now=NOW)
    api = caching_api(store)
    cursor = ask(api, "/api/ticks").json["cursor"]
    path = f"/api/ticks?after={cursor}"
    assert ask(api, path).headers["cache-control"] == NO_STORE
    assert ask(api, f"/api/frames?q=after%3D{cursor}&q=window%3D60").headers["cache-control"] == NO_STORE
    # When no new tick comes, one cached empty response serves all viewers.
    clock[0] += 4
    assert ask(api, path).headers["cache-control"] == SHARED_ONE_SECOND
    store.append(Tick(int(NOW) + 4, 1, {"cpu.percent": 9.0}))
    assert ask(api, path).headers["cache-control"] == SHARED_ONE_SECOND


def test_cursor_of_long_window_changes_with_each_tick(clock: list[float]) -> None:
    store = filled(7000, NOW)
    api = Api(store, caching=SHARED_ONE_SECOND, max_window=7200)
    first = ask(api, "/api/ticks?window=6900").json
    assert first["step"] > 1
    path = f"/api/ticks?window=6900&after={first['cursor']}"
    assert ask(api, path).headers["cache-control"] == NO_STORE
    store.append(Tick(int(NOW) + 1, 1, {"cpu.percent": 9.0}))
    clock[0] += 1
    later = ask(api, path)
    assert later.headers["cache-control"] == SHARED_ONE_SECOND
    assert later.json["cursor"] != first["cursor"]
    assert later.json["newest"] == first["newest"] + 1000
    assert len(later.json["cursor"]) <= 64


def test_shared_caching_is_allowed_only_for_public_responses() -> None:
    public = guarded("--public", password="")
    assert ask(public, "/api/ticks").headers["cache-control"] == SHARED_ONE_SECOND
    assert ask(public, "/").headers["cache-control"] == SHARED_ONE_SECOND
    named = guarded("--hosts", "monitor.example", password="")
    assert ask(named, "/api/ticks").headers["cache-control"] == SHARED_ONE_SECOND
    assert ask(guarded(password=""), "/api/ticks").headers["cache-control"] == NO_STORE
    for path in ("/healthz", "/readyz", "/metrics", "/api/csv", "/api/nothing", "/api/ticks?window=1"):
        assert "public" not in ask(public, path).headers["cache-control"], path
    always = guarded("--public", "--processes", "always", password="")
    assert ask(always, "/api/ticks?processes=1").headers["cache-control"] == NO_STORE


def test_mounted_app_responses_are_private() -> None:
    settings = parse_settings(["--store", "memory:", "--public"], {})
    mounted = create_app(filled(), settings, mounted=True)
    assert ask(mounted, "/api/ticks").headers["cache-control"] == PRIVATE_NO_STORE
    assert "public" not in ask(mounted, "/").headers["cache-control"]


def test_response_time_is_at_most_one_second_old() -> None:
    api = caching_api(filled())
    for _ in range(20):
        before = time.time()
        answer = ask(api, "/api/ticks")
        assert before - 1 < answer.json["now"] <= time.time()
        assert before - 0.001 <= float(answer.headers["x-now"]) <= time.time() + 0.001
