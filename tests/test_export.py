"""CSV: every tick of any stretch once, from the level that still has it, in bounded memory and few places."""

from __future__ import annotations

import csv
import io
import shutil
import socket
import time
import tracemalloc
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processes import Dashapp, dashapp, wait_for
from test_api_bounds import BAD
from wsgi import Answer, ask

from dashapp.api import Api
from dashapp.export import CELLS, PLACES, RETRY, header
from dashapp.model import Metric, Tick, milliseconds
from dashapp.rollup import as_point
from dashapp.stores import Reader
from dashapp.stores.disk import DiskStore
from dashapp.stores.disk_reader import DiskReader
from dashapp.stores.long_memory import DAY, HOUR, LongMemory, Retention
from dashapp.stores.memory import MemoryStore

START = 1_700_006_400  # 2023-11-15T00:00:00Z
SPAN = 600
METRICS = [Metric("a", "A", "%", "cpu", 0, 100), Metric("b", "B", "B", "disk"), Metric("c", "C", "B", "disk")]


def tick(second: int) -> Tick | None:
    """Twenty minutes of every three hours are lost, and a second here and there; `b` comes and goes."""
    if second % 10_800 < 1200 or second % 1009 == 0:
        return None
    return Tick(second, 1, {"a": second % 997 / 10} | ({"b": second * 4096.0} if second % 7 else {}))


def ticks(first: int, last: int) -> list[Tick]:
    return [found for second in range(first, last) if (found := tick(second))]


def seal(folder: Path, points: Sequence[Tick], retention: Retention) -> None:
    """Into the long memory, span by span, as the collector hands them over."""
    memory = LongMemory(folder, retention)
    spans: dict[int, list[Tick]] = {}
    for each in points:
        spans.setdefault(-(-int(each.time) // SPAN) * SPAN, []).append(each)
    for end, span in spans.items():
        memory.take([as_point(each) for each in span], milliseconds(end))
    memory.close()


def api_of(store: Reader) -> Api:
    return Api(store, longest=730 * DAY)


def table(answer: Answer) -> list[list[str]]:
    assert answer.status == 200, answer.body
    return list(csv.reader(io.StringIO(answer.body.decode(), newline="")))


def read(api: Api, query: str) -> dict[int, list[str]]:
    """Cells by their time in milliseconds."""
    _, *lines = table(ask(api, f"/api/csv?{query}"))
    times = [milliseconds(datetime.fromisoformat(line[0]).timestamp()) for line in lines]
    assert times == sorted(set(times)), "a time is there twice, or out of order"
    return {at: line[1:] for at, line in zip(times, lines, strict=True)}


def expected(points: Sequence[Tick], keys: Sequence[str] = ("a", "b", "c")) -> dict[int, list[str]]:
    return {
        milliseconds(point.time): [f"{point.values[key]:.15g}" if key in point.values else "" for key in keys]
        for point in points
    }


@pytest.fixture
def memory() -> MemoryStore:
    store = MemoryStore()
    store.describe(METRICS)
    for second in range(START, START + 200):
        store.append(Tick(second, 1, {"a": second % 100, "b": 0.25}))
    return store


HOURS_KEPT = Retention(ticks=3 * HOUR, minutes=16 * HOUR, hours=730 * DAY)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tick]]:
    """Two days of ticks; of all but the last hours only minutes are left, of the first day only hours."""
    folder = tmp_path_factory.mktemp("filled")
    all_of_them = ticks(START + 1234, START + 2 * DAY)
    newest = [each for each in all_of_them if each.time > START + 2 * DAY - 1200]
    seal(folder, all_of_them[: -len(newest)], HOURS_KEPT)
    store = DiskStore(folder, retention=HOURS_KEPT)
    store.describe(METRICS)
    for each in newest:
        assert store.append(each)
    store.close()
    return folder, all_of_them


def test_the_form_of_a_file(memory: MemoryStore) -> None:
    answer = ask(Api(memory), "/api/csv?window=10")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == ('attachment; filename="dashapp-all-20231115-0003.csv"')
    lines = answer.body.decode().split("\r\n")
    assert lines[0] == "time,a,b,c"
    assert lines[1] == "2023-11-15T00:03:10.000Z,90,0.25,"
    assert lines[10:] == ["2023-11-15T00:03:19.000Z,99,0.25,", ""]


@pytest.mark.parametrize(
    ("asked", "keys", "name"),
    [
        ("metrics=b,a", "a,b", "metrics"),
        ("metrics=b", "b", "b"),
        ("metrics=a,gone", "a,gone", "metrics"),
        ("panel=disk", "b,c", "disk"),
        ("panel=cpu", "a", "cpu"),
    ],
)
def test_only_what_was_asked_for(memory: MemoryStore, asked: str, keys: str, name: str) -> None:
    answer = ask(Api(memory), f"/api/csv?window=10&{asked}")
    assert answer.body.startswith(f"time,{keys}\r\n".encode())
    assert f'"dashapp-{name}-2023' in answer.headers["content-disposition"]


def test_a_store_without_ticks_has_a_first_line() -> None:
    assert ask(Api(MemoryStore()), "/api/csv").body == b"time\r\n"


def test_a_catalogue_that_is_not_there_yet_stops_nobody(memory: MemoryStore) -> None:
    memory.describe([])
    assert table(ask(Api(memory), "/api/csv?window=10"))[0] == ["time", "a", "b"]


def test_a_range_has_what_lies_in_it(memory: MemoryStore) -> None:
    """The start is not in it, the end is: two ranges that meet have nothing twice."""
    found = read(Api(memory), f"from={START * 1000}&to={START * 1000 + 9500}")
    assert list(found) == [milliseconds(START + second) for second in range(1, 10)]


@pytest.mark.parametrize("length", [100, 599, 600, 601, 7000, 10_000])
def test_ticks_come_as_they_were(filled: tuple[Path, list[Tick]], length: int) -> None:
    folder, all_of_them = filled
    end = START + 2 * DAY - 1
    found = read(api_of(DiskReader(folder)), f"window={length}")
    assert found == expected([each for each in all_of_them if each.time > end - length])


def test_each_stretch_from_the_finest_level_that_has_it(filled: tuple[Path, list[Tick]]) -> None:
    folder, all_of_them = filled
    found = read(api_of(DiskReader(folder)), f"from={(START - DAY) * 1000}&to={(START + 3 * DAY) * 1000}")
    times = list(found)
    seconds = [at for at in times if at > milliseconds(START + 2 * DAY - 3 * HOUR + 1200)]
    assert found | expected(all_of_them[-len(seconds) :]) == found
    # What each row stands for lies side by side, and nothing that was ever kept is left out.
    sealed_end = milliseconds(START + 2 * DAY)
    steps = [max(step for step in (1000, 60_000, 3_600_000) if at % step == 0) for at in times]
    assert sealed_end - times[-1] == 1000
    first_tick = next(at for at, step in zip(times, steps, strict=True) if step == 1000)
    coarse = [at for at in times if at < first_tick]
    first_minute = next(at for at in coarse if at % 3_600_000)
    hours = [at for at in coarse if at < first_minute]
    spans = [(at - 3_600_000, at) for at in hours]
    spans += [(at - 60_000, at) for at in coarse if at >= first_minute]
    assert len(hours) >= 20
    assert len(coarse) - len(hours) >= 600
    assert all(old[1] <= new[0] for old, new in pairwise(spans))
    assert spans[-1][1] <= first_tick
    told = 0
    moments = [milliseconds(each.time) for each in all_of_them]
    for low, high in spans:
        inside = all_of_them[bisect_right(moments, low) : bisect_right(moments, high)]
        told += len(inside)
        for key, cell in zip(("a", "b"), found[high], strict=False):
            values = [each.values[key] for each in inside if key in each.values]
            if not values:
                assert cell == ""
                continue
            mean = sum(values) / len(values)
            assert float(cell) == pytest.approx(mean, rel=1e-9, abs=1e-6), (high, key)
        assert found[high][2] == ""
    assert told + len([at for at in times if at >= first_tick]) == len(all_of_them)


def test_any_range_is_a_part_of_the_whole(filled: tuple[Path, list[Tick]]) -> None:
    """Wherever it begins and ends: in a hole, in a minute, between two levels."""
    folder, _ = filled
    api = api_of(DiskReader(folder))
    whole = read(api, f"from={START * 1000}&to={(START + 2 * DAY) * 1000}")
    chance = Random(5)
    for _ in range(60):
        start, end = sorted(chance.sample(range(START * 1000, (START + 2 * DAY) * 1000), 2))
        part = read(api, f"from={start}&to={end}")
        assert part == {at: cells for at, cells in whole.items() if start < at <= end}


def test_where_ticks_are_all_forgotten_minutes_serve(tmp_path: Path) -> None:
    seal(tmp_path, ticks(START, START + 8 * HOUR), Retention())
    (tmp_path / "seconds" / "cache.db").unlink()
    found = read(api_of(DiskReader(tmp_path)), f"from={START * 1000}&to={(START + DAY) * 1000}&metrics=a")
    # There is no tick left to end at: the file is empty, but whole.
    assert found == {}
    store = DiskStore(tmp_path)
    store.append(Tick(START + 9 * HOUR, 1, {"a": 1}))
    store.close()
    found = read(api_of(DiskReader(tmp_path)), f"from={START * 1000}&to={(START + DAY) * 1000}&metrics=a")
    assert len(found) > 300
    assert found[milliseconds(START + 9 * HOUR)] == ["1"]
    assert all(at % 60_000 == 0 for at in found)


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", 'a"b', "a,b", "a\r\nb", "é", "'x", "\ud800"]


@pytest.mark.parametrize("key", HOSTILE)
def test_a_hostile_name_is_only_a_name(key: str) -> None:
    """No spreadsheet runs it, no reader of CSV takes it for two."""
    store = MemoryStore()
    store.describe([Metric(key, "", "", key), Metric("b", "", "", "other")])
    store.append(Tick(START, 1, {key: 1, "b": 2}))
    answer = ask(Api(store), "/api/csv?window=10")
    names, cells = table(answer)
    assert (len(names), cells[1:]) == (3, ["1", "2"])
    assert names[1].lstrip()[:1] not in ("=", "+", "-", "@")
    assert names[1].removeprefix("'").removeprefix("?") in (key, key.removeprefix("'"), "")


@given(st.lists(st.text(min_size=1), unique=True))
def test_any_names_are_one_line_of_as_many_cells(keys: list[str]) -> None:
    line = header(keys).decode()
    (names,) = csv.reader(io.StringIO(line, newline=""))
    assert len(names) == 1 + len(keys)
    assert not any(name.lstrip()[:1] in tuple("=+-@") for name in names)


@pytest.mark.parametrize("panel", ['a"b', "a/../b", "é\r\nx: y", "..", "x" * 300])
def test_a_files_name_is_safe_on_every_system(panel: str) -> None:
    store = MemoryStore()
    store.describe([Metric("a", "", "", panel)])
    store.append(Tick(START, 1, {"a": 1}))
    download = Api(store)._export.open(
        "window=10&panel=" + "".join(f"%{byte:02x}" for byte in panel.encode())
    )
    said = dict(download.headers)["content-disposition"]
    name = said.removeprefix('attachment; filename="dashapp-').removesuffix('-20231115-0000.csv"')
    assert 0 < len(name) <= 40
    assert all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name)


def test_numbers_of_every_size_come_back() -> None:
    values = [0.0, -0.0, 1.0, -3.5, 0.1, 1e-9, 123456789.123, 4096.0 * 2**30, 1e22, -1e-300, 10.0, 100.05]
    store = MemoryStore()
    for second, each in enumerate(values):
        store.append(Tick(START + second, 1, {"a": each, "z": each}))
    _, *lines = table(ask(Api(store), "/api/csv"))
    assert [[float(cell) for cell in line[1:]] for line in lines] == [[each, each] for each in values]


@pytest.mark.parametrize(
    "query",
    [
        *(query for query in BAD if not query.startswith("after")),
        "after=x",
        "processes=1",
        "from=1",
        "to=1",
        "from=2&to=1",
        "from=-1&to=5",
        "from=nan",
        "from=1e15",
        "window=10&from=1",
        "panel=",
        "panel=nothing",
        "panel=cpu&metrics=a",
        "panel=cpu&panel=cpu",
    ],
)
def test_a_bad_question_is_a_sentence(memory: MemoryStore, query: str) -> None:
    api = Api(memory)
    for _ in range(PLACES + 1):  # and takes no place
        answer = ask(api, f"/api/csv?{query}")
        assert (answer.status, set(answer.json)) == (400, {"error"})
        assert 0 < len(answer.json["error"]) < 200
        assert "\n" not in answer.json["error"]
    assert ask(api, "/api/csv").status == 200


def test_the_whole_of_what_is_kept_may_be_asked_for(memory: MemoryStore) -> None:
    api = Api(memory, longest=7200)
    now = int(time.time() * 1000)
    assert ask(api, "/api/csv?window=7200").status == 200
    assert ask(api, f"/api/csv?from={now - 7_200_000}&to={now}").status == 200
    assert ask(api, f"/api/csv?from={now - 7_200_001}&to={now}").status == 400


def test_a_head_has_the_same_headers_and_takes_no_place(memory: MemoryStore) -> None:
    api = Api(memory)
    for _ in range(PLACES + 1):
        head = ask(api, "/api/csv?window=10", method="HEAD")
        assert (head.status, head.body) == (200, b"")
    assert head.headers == ask(api, "/api/csv?window=10").headers


def begin(api: Api) -> Any:
    """A download under way."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/csv", "QUERY_STRING": "window=10"}
    got: list[str] = []
    body = api(environ, lambda status, headers: got.append(status))
    assert got == ["200 OK"]
    return body


def test_one_too_many_is_told_to_come_later(memory: MemoryStore) -> None:
    api = Api(memory)
    under_way = [begin(api) for _ in range(PLACES)]
    for method in ("GET", "HEAD"):
        answer = ask(api, "/api/csv", method=method)
        assert (answer.status, answer.headers["retry-after"]) == (503, str(RETRY))
        assert set(answer.json) == {"error"}
    assert ask(api, "/api/ticks").status == 200
    for body in under_way:
        body.close()


@pytest.mark.parametrize("parts", [0, 1, 99])
def test_a_download_frees_its_place_once_read_or_not(memory: MemoryStore, parts: int) -> None:
    api = Api(memory)
    for _ in range(3):
        body = begin(api)
        for _, _ in zip(range(parts), body, strict=False):
            pass
        body.close()
        body.close()
    under_way = [begin(api) for _ in range(PLACES)]
    assert ask(api, "/api/csv").status == 503, "a place was freed twice"
    del under_way


def test_memory_is_flat_however_long_the_range(tmp_path: Path) -> None:
    seal(
        tmp_path, [Tick(second, 1, values(second)) for second in range(START, START + 12 * HOUR)], Retention()
    )
    store = DiskStore(tmp_path)
    store.append(Tick(START + 12 * HOUR, 1, values(0)))
    store.close()
    api = api_of(DiskReader(tmp_path))

    def peak(hours: int) -> tuple[int, int]:
        download = api._export.open(f"window={hours * HOUR}")
        tracemalloc.start()
        try:
            parts = [len(part) for part in download]
            return tracemalloc.get_traced_memory()[1], max(parts)
        finally:
            tracemalloc.stop()
            download.close()

    peak(1)
    short, _ = peak(1)
    long, largest = peak(12)
    assert long < 1.3 * short + 100_000
    assert long < 10e6
    assert largest < 30 * CELLS


def values(second: int) -> dict[str, float]:
    return {f"m{number}": float((second * (number + 3)) % 1013) for number in range(20)}


@pytest.fixture(scope="module")
def much(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than any buffer between a server and a reader takes: some 30 MB of CSV."""
    folder = tmp_path_factory.mktemp("much")
    chance = Random(3)
    end = int(time.time()) // SPAN * SPAN - 1200
    rows = [{f"m{number}": chance.random() for number in range(24)} for _ in range(SPAN)]
    first = end - 100 * SPAN
    seal(folder, [Tick(first + at, 1, rows[at % SPAN]) for at in range(1, 100 * SPAN + 1)], Retention())
    return folder


@pytest.fixture
def app(much: Path, tmp_path: Path) -> Iterator[Dashapp]:
    """dashapp over that, as a user starts it."""
    shutil.copytree(much, tmp_path / "data")
    with dashapp(tmp_path) as app:
        # A file ends at the newest tick.
        app.serving().moves()
        yield app


MUCH = f"/api/csv?window={2 * DAY}&metrics=cpu.percent,{','.join(f'm{number}' for number in range(24))}"


def stalled(app: Dashapp) -> socket.socket:
    """A reader that has taken the beginning, and no more."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", app.port))
    reader.sendall(f"GET {MUCH} HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\n\r\n".encode())
    reader.settimeout(10)
    status = reader.recv(12)
    if status != b"HTTP/1.1 200":
        reader.close()
    assert status == b"HTTP/1.1 200"
    return reader


def busy(app: Dashapp) -> bool:
    return app.get("/api/csv?window=10")[0] == 503


def test_readers_that_stall_hold_their_places_and_nobody_up(app: Dashapp) -> None:
    readers = [stalled(app) for _ in range(PLACES)]
    assert busy(app)
    took = []
    for _ in range(50):
        before = time.perf_counter()
        assert app.get("/api/ticks")[0] == 200
        took.append(time.perf_counter() - before)
    assert sorted(took)[25] < 0.1
    app.moves()
    for reader in readers:
        reader.close()
    wait_for(lambda: not busy(app))


def test_the_whole_file_arrives_while_others_look_on(app: Dashapp) -> None:
    lines, took = 0, []
    with closing(HTTPConnection("127.0.0.1", app.port, timeout=10)) as connection:
        connection.request("GET", MUCH)
        answer = connection.getresponse()
        while part := answer.read(1 << 20):
            lines += part.count(b"\n")
            before = time.perf_counter()
            assert app.get("/api/ticks")[0] == 200
            took.append(time.perf_counter() - before)
    assert lines > 100 * SPAN
    # Half of them: this test reads the file on the same cores. Alone it is 4 ms for 95 of a hundred.
    assert sorted(took)[len(took) // 2] < 0.1
    wait_for(lambda: not busy(app))


def test_it_ends_in_time_with_a_reader_that_stalls(app: Dashapp) -> None:
    with closing(stalled(app)):
        before = time.monotonic()
        app.popen.terminate()
        assert app.wait() == 0
        assert time.monotonic() - before < 5
