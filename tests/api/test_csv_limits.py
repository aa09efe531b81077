"""CSV limits: the query, the number of downloads, and constant memory."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from bad_queries import BAD
from csv_store import START, api_of, seal, two_hundred_ticks
from fake_hosts import Fleet
from host_pages import served
from thorough import amount
from wsgi_client import ask

from dashapp.api.csv_export import CELLS_PER_CHUNK, MAX_DOWNLOADS, MAX_DOWNLOADS_PER_CLIENT, RETRY_AFTER_S
from dashapp.api.endpoints import Api
from dashapp.model.ticks import Tick
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.disk.store import DiskStore
from dashapp.stores.history.archive import HOUR, Retention
from dashapp.stores.memory import MemoryStore
from dashapp.stores.proxy import ReaderProxy

memory = pytest.fixture(two_hundred_ticks)


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
def test_csv_rejects_invalid_query(memory: MemoryStore, query: str) -> None:
    api = Api(memory)
    for _ in range(MAX_DOWNLOADS + 1):  # a rejected query counts as no download
        answer = ask(api, f"/api/csv?{query}")
        assert (answer.status, set(answer.json)) == (400, {"error"})
        assert 0 < len(answer.json["error"]) < 200
        assert "\n" not in answer.json["error"]
    assert ask(api, "/api/csv").status == 200


def test_csv_accepts_range_up_to_retention(memory: MemoryStore) -> None:
    api = Api(memory, max_window=7200)
    now = int(time.time() * 1000)
    assert ask(api, "/api/csv?window=7200").status == 200
    assert ask(api, f"/api/csv?from={now - 7_200_000}&to={now}").status == 200
    assert ask(api, f"/api/csv?from={now - 7_200_001}&to={now}").status == 400


def test_csv_head_request_counts_as_no_download(memory: MemoryStore) -> None:
    api = Api(memory)
    for _ in range(MAX_DOWNLOADS + 1):
        head = ask(api, "/api/csv?window=10", method="HEAD")
        assert (head.status, head.body) == (200, b"")
    assert head.headers == ask(api, "/api/csv?window=10").headers


def begin(api: Api) -> Any:
    """Start a download and return its body."""
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/csv", "QUERY_STRING": "window=10"}
    got: list[str] = []
    body = api(environ, lambda status, headers: got.append(status))
    assert got == ["200 OK"]
    return body


def test_csv_returns_503_above_download_limit(memory: MemoryStore) -> None:
    api = Api(memory)
    under_way = [begin(api) for _ in range(MAX_DOWNLOADS)]
    for method in ("GET", "HEAD"):
        answer = ask(api, "/api/csv", method=method)
        assert (answer.status, answer.headers["retry-after"]) == (503, str(RETRY_AFTER_S))
        assert set(answer.json) == {"error"}
    assert ask(api, "/api/ticks").status == 200
    for body in under_way:
        body.close()


def test_csv_pages_of_all_hosts_share_one_limit() -> None:
    fleet = Fleet()
    for name in ("a", "b", "c", "d"):
        fleet.add(name, past=5)
    app = served(fleet, "a", public=True)

    def start(path: str, peer: str) -> tuple[str, Any]:
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "HTTP_HOST": "localhost"}
        got: list[str] = []
        body = app({**environ, "REMOTE_ADDR": peer}, lambda status, headers: got.append(status[:3]))
        return got[0], body

    paths = [f"/{page}api/csv" for page in ("host/a/", "host/b/", "host/a,b/", "", "host/c/", "host/d/")]
    first = [start(path, "8.8.8.8") for path in paths]
    assert [status for status, _ in first].count("200") == MAX_DOWNLOADS_PER_CLIENT, "of one address"
    others = [start(path, f"8.8.4.{number}") for number, path in enumerate(paths)]
    assert [status for status, _ in others].count("200") == MAX_DOWNLOADS - MAX_DOWNLOADS_PER_CLIENT
    for status, body in (*first, *others):
        if status == "200":
            body.close()
    assert start(paths[0], "8.8.8.8")[0] == "200"


def test_csv_returns_503_until_data_of_remote_store_has_arrived(memory: MemoryStore) -> None:
    """A file without rows would look like a host without data."""

    class Remote(ReaderProxy):
        loaded = False

        @property
        def is_loaded(self) -> bool:
            return self.loaded

        def reader(self) -> MemoryStore:
            return memory

    answer = ask(Api(Remote()), "/api/csv")
    assert (answer.status, answer.headers["retry-after"]) == (503, str(RETRY_AFTER_S))
    Remote.loaded = True
    assert ask(Api(Remote()), "/api/csv").status == 200


@pytest.mark.parametrize("parts", [0, 1, 99])
def test_csv_download_is_released_once_when_closed(memory: MemoryStore, parts: int) -> None:
    api = Api(memory)
    for _ in range(3):
        body = begin(api)
        for _, _ in zip(range(parts), body, strict=False):
            pass
        body.close()
        body.close()
    under_way = [begin(api) for _ in range(MAX_DOWNLOADS)]
    assert ask(api, "/api/csv").status == 503, "a place was freed twice"
    del under_way


def test_csv_memory_is_constant_for_any_range(tmp_path: Path) -> None:
    hours = amount(5, 12)
    ticks = [Tick(second, 1, values(second)) for second in range(START, START + hours * HOUR)]
    seal(tmp_path, ticks, Retention())
    store = DiskStore(tmp_path)
    store.append(Tick(START + hours * HOUR, 1, values(0)))
    store.close()
    api = api_of(DiskReader(tmp_path))

    def peak(length: int) -> tuple[int, int]:
        download = api._export.open(f"window={length * HOUR}")
        tracemalloc.start()
        try:
            parts = [len(part) for part in download]
            return tracemalloc.get_traced_memory()[1], max(parts)
        finally:
            tracemalloc.stop()
            download.close()

    peak(1)
    short, _ = peak(1)
    long, largest = peak(hours)
    assert long < 1.3 * short + 100_000
    assert long < 10e6
    assert largest < 30 * CELLS_PER_CHUNK


def values(second: int) -> dict[str, float]:
    return {f"m{number}": float((second * (number + 3)) % 1013) for number in range(20)}
