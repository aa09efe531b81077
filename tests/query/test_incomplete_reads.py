"""A response lacks no point without saying so, whichever read of the store fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import redis
from changing_store import START, STEP, ChangingStore, limit_caches
from csv_store import read
from failing_reads import Faults, failing_disk, failing_redis
from fake_hosts import Fleet
from redis_server import needs_redis
from store_variants import REDIS, Links, links_by_kind
from tick_pages import cursor_start
from wsgi_client import ask

from dashapp.api.endpoints import Api
from dashapp.api.frame_json import INCOMPLETE_NOTICE
from dashapp.http.responses import SHARED_ONE_SECOND
from dashapp.model.ticks import Cursor, StoreUnavailableError
from dashapp.query import levels as query_levels
from dashapp.query.frames import INCOMPLETE_CURSOR, Frame, live_frame, past_frame
from dashapp.query.host_reader import ClockSkews, HostReader
from dashapp.query.overlay import OverlayReader
from dashapp.query.public_reader import PublicReader
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.stores.base import Reader
from dashapp.stores.cached_reader import CachedReader
from dashapp.stores.redis import reader as redis_reader

WINDOW = 1700
DISK = "disk read elsewhere"
FAULTS = [
    pytest.param((DISK, None), id="locked disk"),
    pytest.param((REDIS[0], redis.TimeoutError), marks=needs_redis, id="silent Redis"),
    pytest.param((REDIS[0], redis.ConnectionError), marks=needs_redis, id="stopped Redis"),
    pytest.param((REDIS[0], None), marks=needs_redis, id="late Redis"),
]

Open = Callable[[], tuple[CachedReader, Faults]]
links = pytest.fixture(scope="module")(links_by_kind)


@pytest.fixture(autouse=True)
def _limited(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_caches(monkeypatch)
    # As many as two parts of the log: the next part has only older ticks.
    monkeypatch.setattr(redis_reader, "MAX_ENTRIES", 12)


@pytest.fixture(params=FAULTS)
def open_reader(
    request: pytest.FixtureRequest, tmp_path: Path, links: Links, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    kind, error = request.param
    folder = tmp_path / "store"
    store = ChangingStore(kind, folder, links(kind))
    if kind == DISK:
        yield lambda: failing_disk(folder, monkeypatch)
    else:
        client = links(kind)
        assert client is not None
        url, name = f"redis://{client.address}", f"{tmp_path.name}-store"[-60:]
        yield lambda: failing_redis(url, name, error)
    store.close()


def window(reader: Reader) -> Frame:
    return live_frame(reader, WINDOW)


def minutes(reader: Reader) -> Frame:
    return live_frame(reader, WINDOW, metrics={"v"}, max_values=45)


def stream(reader: Reader) -> Frame:
    return live_frame(reader, WINDOW, f"{cursor_start(reader)}.{1000 * (START + 700)}")


def stream_of_minutes(reader: Reader) -> Frame:
    position = Cursor(reader.newest().generation, 1000 * (START + 720), 120_000, 1000 * WINDOW, 0)
    return live_frame(reader, WINDOW, position.encode(), {"v"}, max_values=45)


def past(reader: Reader) -> Frame:
    return past_frame(reader, 1000 * (START + 130), 1000 * (START + 1330))


def shared_view(reader: Reader) -> Frame:
    return live_frame(SharedViewReader(reader, SharedView(("one",), 1700.0)), WINDOW)


def public_page(reader: Reader) -> Frame:
    return live_frame(PublicReader(reader), WINDOW)


def host_page(reader: Reader) -> Frame:
    fleet = Fleet()
    return live_frame(HostReader("a", reader, fleet, ClockSkews(fleet)), WINDOW)


def overlay(reader: Reader) -> Frame:
    fleet = Fleet()
    return live_frame(OverlayReader({"a": reader}, fleet, ClockSkews(fleet)), WINDOW)


def check_equal(frame: Frame, expected: Frame) -> None:
    assert frame.is_complete
    columns = ("t", "y", "low", "high")
    rest = dict.fromkeys(columns)
    assert replace(frame, **rest) == replace(expected, **rest)  # type: ignore[arg-type]
    assert frame.t.tolist() == expected.t.tolist()
    for name in columns[1:]:
        ours, theirs = getattr(frame, name), getattr(expected, name)
        assert ours.keys() == theirs.keys()
        for key, column in theirs.items():
            np.testing.assert_array_equal(ours[key], column)


@pytest.mark.parametrize(
    "query",
    [window, minutes, stream, stream_of_minutes, past, shared_view, public_page, host_page, overlay],
)
def test_frame_says_that_it_is_incomplete_whichever_read_fails(
    query: Callable[[Reader], Frame], open_reader: Open
) -> None:
    reader, faults = open_reader()
    faults.begin(-1)
    expected = query(reader)
    assert faults.reads
    for at in range(faults.reads):
        reader, faults = open_reader()
        faults.begin(at)
        frame = query(reader)
        if frame.is_complete:
            check_equal(frame, expected)
        elif not frame.reset:
            assert not len(frame.t), "a reader that goes on would never get the points in between"
        elif query is not past:
            assert frame.cursor == INCOMPLETE_CURSOR
        faults.end()
        check_equal(query(reader), expected)


def test_window_comes_again_after_incomplete_one(open_reader: Open) -> None:
    reader, faults = open_reader()
    expected = window(reader)
    reader, faults = open_reader()
    faults.begin(0)
    frame = window(reader)
    assert not frame.is_complete
    assert expected.t[-1] - frame.t[-1] < 60_000, "the newest ticks are in memory"
    assert len(frame.t) < len(expected.t)
    faults.end()
    check_equal(live_frame(reader, WINDOW, frame.cursor), expected)


def test_stream_stays_at_its_cursor_until_store_answers(open_reader: Open) -> None:
    reader, faults = open_reader()
    position = Cursor(reader.newest().generation, 1000 * (START + 720), 120_000, 1000 * WINDOW, 0).encode()
    faults.begin(0)
    frame = live_frame(reader, WINDOW, position, {"v"}, max_values=45)
    assert (frame.cursor, frame.reset, frame.t.tolist()) == (position, False, [])
    assert frame.newest is not None
    faults.end()
    times = live_frame(reader, WINDOW, frame.cursor, {"v"}, max_values=45).t // 1000 - START
    assert times.tolist() == [*range(840, 1681, 120)]


def test_newest_ticks_are_complete_without_any_read(open_reader: Open) -> None:
    """Only requests for older ticks depend on a store that does not answer."""
    reader, faults = open_reader()
    faults.begin(0)
    frame = live_frame(reader, 60)
    assert frame.is_complete
    assert (frame.t // 1000 - START).tolist() == [1740, 1760, 1780]


def api(reader: Reader) -> Api:
    return Api(reader, window=WINDOW, interval=STEP, caching=SHARED_ONE_SECOND)


def test_response_shows_notice_and_no_cache_keeps_it(open_reader: Open) -> None:
    reader, faults = open_reader()
    faults.begin(0)
    answer = ask(api(reader), f"/api/ticks?window={WINDOW}")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert INCOMPLETE_NOTICE in answer.json["notices"]
    faults.end()
    answer = ask(api(reader), f"/api/ticks?window={WINDOW}")
    assert INCOMPLETE_NOTICE not in answer.json.get("notices", [])
    assert answer.headers["cache-control"] == SHARED_ONE_SECOND


def test_past_is_requested_again_instead_of_shown_with_gap(open_reader: Open) -> None:
    reader, faults = open_reader()
    served = api(reader)
    query = f"from={1000 * (START + 130)}&to={1000 * (START + 1330)}"
    several = f"q={query.replace('=', '%3D').replace('&', '%26')}&q=window%3D60"
    faults.begin(0)
    answer = ask(served, f"/api/ticks?{query}")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json == {"error": "the store cannot be read now; retry in 1 second"}
    first, second = ask(served, f"/api/frames?{several}").json["frames"]
    assert first is None
    assert len(second["t"]) == 3
    faults.end()
    answer = ask(served, f"/api/ticks?{query}")
    assert (answer.status, len(answer.json["t"])) == (200, 60)


def test_csv_waits_until_store_answers(open_reader: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    query = f"metrics=v&from={1000 * (START + 130)}&to={1000 * (START + 1790)}"
    reader, faults = open_reader()
    faults.begin(-1)
    expected = read(api(reader), query)
    assert expected
    reads = faults.reads
    for at in range(reads):
        reader, faults = open_reader()
        faults.begin(at)
        monkeypatch.setattr("time.sleep", lambda _seconds, faults=faults: faults.end())
        assert read(api(reader), query) == expected


def test_csv_breaks_off_if_store_does_not_answer(open_reader: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server then closes the connection, so the download fails in the browser."""
    monkeypatch.setattr(query_levels, "READ_RETRY_S", 0.0)
    reader, faults = open_reader()
    faults.begin(0)
    with pytest.raises(StoreUnavailableError):
        read(api(reader), "metrics=v")
