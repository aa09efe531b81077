"""Patterns of metrics: the same matches as fnmatch, with little work and no growing cache."""

from __future__ import annotations

import fnmatch
from itertools import count
from urllib.parse import quote

import pytest
from authenticated_app import filled
from effort import calls_of
from hypothesis import example, given
from hypothesis import strategies as st
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.api.frame_builder import MAX_QUERIES_PER_REQUEST
from dashapp.api.params import MAX_METRICS_PER_QUERY, MAX_WILDCARDS
from dashapp.model.panel_spec import MAX_PATTERN_LENGTH, matches_pattern
from dashapp.model.ticks import Metric, Tick
from dashapp.stores.memory import MemoryStore

LETTERS = st.text("ab.[]!*?", max_size=8)


@given(LETTERS, LETTERS)
@example("*", "")
@example("a*a", "a")
@example("*ab*ab*", "abab")
@example("a\n*", "a\n\n")
def test_pattern_matches_as_in_fnmatch(pattern: str, key: str) -> None:
    expected = fnmatch.fnmatchcase(key, pattern.replace("[", "[[]"))
    assert matches_pattern(pattern, key) == expected


@pytest.mark.parametrize(
    ("patterns", "status"),
    [
        (["*"] * MAX_WILDCARDS, 200),
        (["*" * MAX_WILDCARDS], 200),
        (["*" * (MAX_WILDCARDS + 1)], 400),
        (["?" * (MAX_WILDCARDS + 1)], 400),
        (["*?"] * (MAX_WILDCARDS // 2) + ["*"], 400),
        (["a"] * MAX_METRICS_PER_QUERY, 200),
        (["a" * MAX_PATTERN_LENGTH], 200),
        (["a" * (MAX_PATTERN_LENGTH + 1)], 400),
    ],
)
def test_patterns_are_limited_in_length_and_wildcards(patterns: list[str], status: int) -> None:
    answer = ask(Api(filled()), f"/api/ticks?like={quote(','.join(patterns))}")
    assert answer.status == status
    assert status == 200 or "expected at most" in answer.json["error"]


def test_queries_of_one_request_share_the_wildcards() -> None:
    api = Api(filled())

    def frames(wildcards: int) -> int:
        query = quote("like=" + "*" * wildcards)
        return ask(api, "/api/frames?" + "&".join([f"q={query}"] * MAX_QUERIES_PER_REQUEST)).status

    assert frames(MAX_WILDCARDS // MAX_QUERIES_PER_REQUEST) == 200
    assert frames(MAX_WILDCARDS // MAX_QUERIES_PER_REQUEST + 1) == 400


def test_patterns_fill_no_cache_of_fnmatch() -> None:
    cache = fnmatch._compile_pattern  # type: ignore[attr-defined]
    before = cache.cache_info().currsize
    api = Api(filled())
    for number in range(20):
        assert ask(api, f"/api/ticks?like=x{number}*,y{number}?").status == 200
    assert cache.cache_info().currsize == before


@pytest.mark.parametrize(
    "pattern", ["*a*e*i*.*", "x?*", "?*", "network.eth*.received", "*" + "a" * 100, "*?" * 32]
)
def test_worst_patterns_take_little_work(pattern: str) -> None:
    store = MemoryStore()
    metrics = [Metric(f"network.eth{n}.received.bytes", "", "", "network") for n in range(200)]
    store.describe(metrics)
    store.append(Tick(1_700_000_000, 1, {metrics[0].key: 1.0}))
    api, number = Api(store), count()
    times = MAX_WILDCARDS // max(1, pattern.count("*") + pattern.count("?"))

    def send() -> None:
        like = ",".join(f"{pattern}{next(number)}" for _ in range(times))
        assert ask(api, f"/api/ticks?like={quote(like)}").status == 200

    send()  # the first call fills caches
    # Each pattern is compared with each of 200 metrics, in a few calls.
    assert calls_of(send) < MAX_WILDCARDS * 200 * 5 + 50_000


def test_hosts_are_requested_once_in_frames() -> None:
    api = Api(filled(), hosts=lambda: {"hosts": []})
    assert ask(api, "/api/frames?q=hosts%3D1&q=window%3D10").status == 200
    answer = ask(api, "/api/frames?q=hosts%3D1&q=hosts%3D1")
    assert (answer.status, answer.json["error"]) == (
        400,
        "hosts is set in several queries; expected it in one",
    )
