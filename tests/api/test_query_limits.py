"""Query limits: an invalid query gets one error message and takes little work."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from bad_queries import BAD
from effort import calls_of
from hypothesis import given
from hypothesis import strategies as st
from wsgi_client import Answer, ask

from dashapp.api.endpoints import Api
from dashapp.api.params import MAX_CURSOR_LENGTH, MAX_METRICS_PER_QUERY
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore


@pytest.fixture
def api() -> Api:
    store = MemoryStore()
    store.append(Tick(5, 1, {"a": 1}))
    return Api(store)


@pytest.mark.parametrize("query", BAD)
def test_invalid_query_is_rejected_with_little_work(api: Api, query: str) -> None:
    found: list[Answer] = []
    work = calls_of(lambda: found.append(ask(api, f"/api/ticks?{query}")))
    (answer,) = found
    assert answer.status == 400
    assert set(answer.json) == {"error"}
    sentence = answer.json["error"]
    assert 0 < len(sentence) < 220
    assert "Traceback" not in sentence
    assert "\n" not in sentence
    # Most take 100 calls, the longest accepted query some thousand; a million characters are not read.
    assert work < 20_000


@pytest.mark.parametrize(
    "query",
    [
        "window=10",
        "window=7200",
        "window=1e2",
        "points=10",
        "points=2000&window=7200",
        "after=" + "x" * MAX_CURSOR_LENGTH,
        "after=",
        "metrics=" + ",".join(["cpu.percent"] * MAX_METRICS_PER_QUERY),
        "metrics=cpu.percent,gone",
        "after=" + quote("é\0'\""),
    ],
)
def test_query_at_limits_is_accepted(api: Api, query: str) -> None:
    assert ask(api, f"/api/ticks?{query}").status == 200


@given(st.text(max_size=200))
def test_random_query_causes_no_server_error(query: str) -> None:
    store = MemoryStore()
    store.append(Tick(5, 1, {"a": 1}))
    api = Api(store)
    for text in (query, f"window={query}", f"after={query}", f"metrics={query}", f"after={quote(query)}"):
        assert ask(api, f"/api/ticks?{text}").status in (200, 400)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"])
def test_ticks_endpoint_rejects_write_methods(api: Api, method: str) -> None:
    answer = ask(api, "/api/ticks", method=method)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert method in answer.json["error"]


@pytest.mark.parametrize("path", ["/api/", "/api/tick", "/api/ticks/", "/api/../x", "/api/\0"])
def test_unknown_api_path_returns_404(api: Api, path: str) -> None:
    answer = ask(api, path)
    assert (answer.status, set(answer.json)) == (404, {"error"})
