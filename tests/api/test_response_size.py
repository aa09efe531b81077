"""Responses of many metrics: a coarser step, or an error of one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from redis_server import needs_redis
from store_variants import KINDS, REDIS, Kept, Links, kept, links_by_kind
from thorough import amount
from wsgi_client import Answer, ask

from dashapp.api import frame_builder
from dashapp.api.endpoints import Api
from dashapp.model.ticks import Metric, Tick
from dashapp.query.frames import MAX_POINTS, MAX_VALUES, MIN_POINTS
from dashapp.stores.memory import MemoryStore

START = 1_795_216_800
WIDTH = 1500
# Fewer metrics by default, and a limit that is as much smaller.
SCALE = amount(10, 1)
LIMIT = MAX_VALUES // SCALE
KEYS = [f"app.service{number}.requests" for number in range(WIDTH)]

links = pytest.fixture(scope="module")(links_by_kind)
ALL = [*KINDS, pytest.param(REDIS[0], marks=needs_redis)]


def wide_tick(second: int, width: int = WIDTH) -> Tick:
    return Tick(second, 1, {f"app.service{number}.requests": float(number) for number in range(width)})


def store_of(width: int, count: int) -> MemoryStore:
    store = MemoryStore()
    for second in range(START, START + count):
        store.append(wide_tick(second, width))
    return store


def numbers_in(answer: Answer) -> int:
    assert answer.status == 200, answer.body
    frame = answer.json
    return sum(len(column) for part in ("y", "min", "max") for column in frame.get(part, {}).values())


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_builder, "MAX_VALUES", LIMIT)


@pytest.fixture(params=ALL)
def opened(request: pytest.FixtureRequest, tmp_path: Path, links: Links) -> Iterator[Kept]:
    both = kept(request.param, tmp_path / "store", link=links(request.param))
    with closing(both):
        yield both


def test_wide_window_has_all_ticks_that_fit(opened: Kept) -> None:
    opened.store.describe(Metric(key, key, "", "app") for key in KEYS)
    for second in range(START, START + 40):
        opened.store.append(wide_tick(second))
    api = Api(opened.reader)
    answer = ask(api, "/api/ticks?window=100")
    assert (answer.json["step"], len(answer.json["t"]), len(answer.json["y"])) == (1.0, 40, WIDTH)
    few = ask(api, f"/api/ticks?window=100&metrics={KEYS[7]},{KEYS[3]}").json
    assert few["y"] == {KEYS[3]: [3.0] * 40, KEYS[7]: [7.0] * 40}


@pytest.mark.parametrize("width", [200, 700, 1500])
def test_number_of_values_is_limited_by_coarser_step(width: int) -> None:
    width //= SCALE
    store = store_of(width, 1300)
    api = Api(store)
    answer = ask(api, "/api/ticks?window=7200")
    assert numbers_in(answer) <= LIMIT
    is_limited = 1300 * width > LIMIT
    assert (answer.json["step"] > 1) == is_limited
    assert answer.json["t"][0] <= 1000 * (START + answer.json["step"])
    cursor = answer.json["cursor"]
    for second in range(START + 1300, START + 1310):
        store.append(wide_tick(second, width))
        more = ask(api, f"/api/ticks?window=7200&after={cursor}")
        assert more.json["reset"] is False
        assert numbers_in(more) <= 6 * width
        cursor = more.json["cursor"]


def test_past_range_and_narrow_query_of_wide_store_are_limited_alike() -> None:
    api = Api(store_of(WIDTH // SCALE, 1300))
    past = ask(api, f"/api/ticks?from={1000 * (START - 1)}&to={1000 * (START + 1299)}")
    assert numbers_in(past) <= LIMIT
    assert past.json["step"] > 1
    narrow = ask(api, f"/api/ticks?window=7200&metrics={','.join(KEYS[: 64 // SCALE])}")
    assert (narrow.json["step"], numbers_in(narrow)) == (1.0, 64 // SCALE * 1300)


def test_as_many_metrics_as_a_query_can_name_have_all_points() -> None:
    """The limit changes nothing for a page, however long the window."""
    assert 200 * MAX_POINTS * 3 <= MAX_VALUES


def test_frames_in_one_response_share_the_limit() -> None:
    api = Api(store_of(WIDTH // SCALE, 700))
    query = quote("window=7200")
    frames = ask(api, f"/api/frames?q={query}&q={query}&q=window%3D10").json["frames"]
    total = sum(
        len(column)
        for frame in frames
        for part in ("y", "min", "max")
        for column in frame.get(part, {}).values()
    )
    assert total <= LIMIT
    assert [frame["step"] > 1 for frame in frames] == [True, True, False]
    assert len({frame["t"][-1] // 10_000 for frame in frames}) <= 2


def test_metrics_that_fit_in_no_step_are_rejected_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_builder, "MAX_VALUES", 20_000)
    api = Api(store_of(1500, 100))
    for query in ("window=100", f"from={1000 * (START - 1)}&to={1000 * (START + 99)}"):
        answer = ask(api, f"/api/ticks?{query}")
        assert answer.status == 400
        assert answer.json == {
            "error": f"1,500 metrics in {MIN_POINTS} points are 45,000 numbers; expected at most 20,000: "
            "request fewer with metrics="
        }
    assert ask(api, f"/api/ticks?window=100&metrics={KEYS[0]}").status == 200
    frames = ask(api, f"/api/frames?q=window%3D100&q={quote('window=100&metrics=' + KEYS[0])}").json["frames"]
    assert ["error" in frame for frame in frames] == [True, False]


def test_window_with_changing_metrics_is_limited_too() -> None:
    """The newest tick shows a few metrics, and older ones had many others."""
    store = MemoryStore()
    for second in range(1200):
        values = {f"job{second // 300}.{number}": 1.0 for number in range(700 // SCALE)}
        store.append(Tick(START + second, 1, values if second < 1199 else {"a": 1.0}))
    answer = ask(Api(store), "/api/ticks?window=7200")
    assert numbers_in(answer) <= LIMIT
    assert len(answer.json["y"]) == 4 * (700 // SCALE)
