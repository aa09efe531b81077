"""Formulas in requests: live, past and CSV have equal values; errors are one sentence."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from authenticated_app import guarded, link
from fake_hosts import NOW, Clock, Fleet
from overlay_of import overlay
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.model.formulas.chart_formulas import parse_formulas, visible_inputs
from dashapp.model.ticks import Metric, Tick
from dashapp.query.public_reader import PublicReader
from dashapp.stores.memory import MemoryStore

SECOND = int(NOW)
RATE = "100 * hits / (hits + misses) [%]"


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    keys = ("hits", "misses", "other", "filesystem.secret.percent")
    store.describe([Metric(key, key, "", "p") for key in keys])
    for time in range(SECOND - 5999, SECOND + 1):
        # Both are 0 in one second of ten, and misses is missing in another one.
        values = {"hits": float(time % 10), "misses": 2.0 * (time % 10), "other": 1.0}
        if time % 10 == 3:
            del values["misses"]
        store.append(Tick(time, 1, {**values, "filesystem.secret.percent": 5.0}))
    return store


@pytest.fixture
def api(store: MemoryStore) -> Api:
    return Api(store, now=Clock())


def frame(api: Any, query: str) -> Any:
    answer = ask(api, f"/api/ticks?{query}")
    assert answer.status == 200, answer.body
    return answer.json


def test_ticks_contain_formula_and_only_requested_metrics(api: Api) -> None:
    body = frame(api, f"window=10&metrics=other&formulas={quote(RATE)}")
    assert [*body["y"]] == [f"={RATE}", "other"]
    seconds = [time // 1000 % 10 for time in body["t"]]
    assert body["y"][f"={RATE}"] == [None if second in (0, 3) else 33.333 for second in seconds]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("formulas=hits", {"=hits"}),
        ("formulas=hits&metrics=*", {"=hits", "hits", "misses", "other", "filesystem.secret.percent"}),
        ("formulas=hits&like=o*", {"=hits", "other"}),
        ("formulas=max(hits,other),max(other,hits)", {"=max(hits,other)", "=max(other,hits)"}),
        ("formulas=2*nothing", set()),
        ("formulas=2*nothing,hits&metrics=hits", {"=hits", "hits"}),
        ("formulas=7", {"=7"}),
    ],
)
def test_formulas_are_beside_requested_metrics(api: Api, query: str, keys: set[str]) -> None:
    assert frame(api, f"window=10&{query}")["y"].keys() == keys


def test_formula_is_equal_in_live_frame_past_range_and_csv(api: Api, store: MemoryStore) -> None:
    query = f"formulas={quote(RATE)}"
    whole = frame(api, f"window=60&{query}")
    first = frame(api, f"from={whole['t'][0] - 1000}&to={whole['t'][29]}&{query}")
    store.append(Tick(SECOND + 1, 1, {"hits": 1.0, "misses": 3.0}))
    rest = frame(api, f"window=60&{query}&after={whole['cursor']}")
    assert rest["reset"] is False
    assert first["y"][f"={RATE}"] == whole["y"][f"={RATE}"][:30]
    assert rest["y"] == {f"={RATE}": [25]}
    later = frame(api, f"window=61&{query}")
    assert later["y"][f"={RATE}"] == [*whole["y"][f"={RATE}"], 25]
    lines = ask(api, f"/api/csv?window=61&{query}").body.decode().split("\r\n")[1:-1]
    cells = [line.partition(",")[2] for line in lines]
    assert [round(float(cell), 3) if cell else None for cell in cells] == later["y"][f"={RATE}"]


def test_formula_of_coarse_points_is_that_of_their_means_without_extremes(api: Api) -> None:
    body = frame(api, f"window=5000&points=100&metrics=hits,misses&formulas={quote(RATE)}")
    assert body["step"] > 1
    hits, misses = body["y"]["hits"], body["y"]["misses"]
    for value, own_hits, own_misses in zip(body["y"][f"={RATE}"], hits, misses, strict=True):
        assert value == pytest.approx(100 * own_hits / (own_hits + own_misses), rel=1e-3)
    assert body["min"].keys() == body["max"].keys() == {"hits", "misses"}
    assert f"={RATE}" not in body["last"]  # both are 0 in the newest tick, or one is missing
    live = frame(api, f"window=5000&points=100&formulas={quote('hits + other')}")
    assert live["last"]["=hits + other"] == SECOND % 10 + 1


def test_formula_is_equal_after_live_points_of_several_ticks(api: Api, store: MemoryStore) -> None:
    query = f"window=3000&points=100&formulas={quote(RATE)}"
    points: dict[int, float] = {}
    cursor = ""
    for time in range(SECOND + 1, SECOND + 121):
        store.append(Tick(time, 1, {"hits": time % 7, "misses": time % 4 + 1.0}))
        body = frame(api, f"{query}&after={cursor}")
        points |= dict(zip(body["t"], body["y"].get(f"={RATE}", []), strict=False))
        cursor = body["cursor"]
    whole = frame(api, query)
    assert whole["y"][f"={RATE}"] == [points[time] for time in whole["t"]]


ERRORS = {
    "formulas=hits *": 'the formula "hits *" is not valid: the formula ends after "*"; expected a metric, a '
    'number or "("',
    "formulas=": "formulas has 0 formulas; expected 1 to 16",
    "formulas=,": "formulas has 0 formulas; expected 1 to 16",
    f"formulas={','.join('a' * 17)}": "formulas has 17 formulas; expected 1 to 16",
    f"formulas={','.join('%2B'.join(letter * 60) for letter in 'abcd')}": "formulas has 476 parts; "
    "expected at most 400",
    "formulas=a = b = c": 'the formula "a = b = c" is not valid: unexpected "=" at character 7; comparisons '
    "are not possible in a formula",
    "formulas=open(a)": 'the formula "open(a)" is not valid: "open" at character 1 is not a function; '
    "expected one of abs, clamp, log, log10, max, min, round, sqrt",
    "formulas=(a,b": 'the formula "(a,b" is not valid: unexpected "," at character 3; expected an operator '
    "such as + or *",
}


@pytest.mark.parametrize("query", ERRORS, ids=lambda query: query[:30])
def test_invalid_formula_is_one_sentence(api: Api, query: str) -> None:
    answer = ask(api, f"/api/ticks?window=10&{query}")
    assert (answer.status, answer.json) == (400, {"error": ERRORS[query]})
    assert ask(api, f"/api/csv?window=10&{query}").json == {"error": ERRORS[query]}


def test_formulas_of_all_queries_of_a_request_have_one_limit(api: Api) -> None:
    query = quote(f"window=10&formulas={'%2B'.join('a' * 100)}")
    answer = ask(api, f"/api/frames?q={query}&q={query}&q={query}")
    assert (answer.status, answer.json) == (
        400,
        {"error": "formulas has 597 parts; expected at most 400 in a request"},
    )


def test_public_reader_shows_no_private_metric_in_a_formula(store: MemoryStore) -> None:
    api = Api(PublicReader(store), now=Clock())
    query = "formulas=filesystem.secret.percent%2B1,filesystem.disk1.percent%2B1"
    assert frame(api, f"window=10&{query}")["y"] == {"=filesystem.disk1.percent+1": [6] * 10}


def test_shared_view_shows_inputs_of_its_formulas_and_no_other() -> None:
    app = guarded()
    path = link(app, panels=[], metrics=["=memory.percent * 2", "cpu.percent"])
    body = ask(app, f"{path}api/ticks?window=10&metrics=*&formulas=memory.percent%2B1,secret.plan")
    assert body.json["y"].keys() == {"=memory.percent+1", "memory.percent", "cpu.percent"}
    assert visible_inputs(["=a + `b-c`", "d", "=("]) == {"a", "b-c"}


def test_formula_of_compared_hosts_has_a_column_for_each() -> None:
    fleet = Fleet(Clock())
    fleet.add("a", 10), fleet.add("b", 10)
    api = Api(overlay(fleet), now=Clock(), compared=("a", "b"))
    body = frame(api, "window=10&formulas=cpu.percent%2B1,cpu.percent-`b/cpu.percent`&metrics=*")
    columns = body["y"]
    assert {key for key in columns if "=" in key} == {
        *("a/=cpu.percent+1", "b/=cpu.percent+1"),
        *("a/=cpu.percent-`b/cpu.percent`", "b/=cpu.percent-`b/cpu.percent`"),
    }
    pairs = zip(columns["a/cpu.percent"], columns["a/=cpu.percent+1"], strict=True)
    assert all(value is None or total == pytest.approx(value + 1) for value, total in pairs)
    assert {0, None} >= {*columns["b/=cpu.percent-`b/cpu.percent`"]}


def test_formulas_are_split_at_commas_outside_of_functions() -> None:
    assert [*parse_formulas("max(a, min(b,c)), x=`a(`*2 [%],d")] == [
        "=max(a, min(b,c))",
        "= x=`a(`*2 [%]",
        "=d",
    ]
