"""Several workers that serve one app, each with a memory store of its own."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from wsgi_client import Answer, ask

from dashapp.api.endpoints import Api
from dashapp.api.frame_builder import MAX_QUERIES_PER_REQUEST
from dashapp.integrations.worker_check import (
    CLOCK_MARGIN_MS,
    MAX_VIEWERS,
    SEVERAL_WORKERS,
    SIGN_TTL_S,
    WorkerCheck,
)
from dashapp.model.ticks import Tick
from dashapp.stores.memory import MemoryStore

START = 1_800_000_000.0


class Worker:
    """One process of the server; its clock shows `now`."""

    def __init__(self, start: float = START) -> None:
        self.now = start
        self.store = MemoryStore()
        api = Api(self.store, now=lambda: self.now)
        self.app = WorkerCheck(api, lambda: self.store.newest().generation, lambda: self.now)

    def append(self, time: float) -> None:
        self.now = time
        self.store.append(Tick(time, 1, {"loss": 1.0}))

    def ask(self, path: str) -> Answer:
        return ask(self.app, path)

    def cursor(self) -> str:
        return str(self.ask("/api/ticks?window=60").json["cursor"])


def error_of(answer: Answer) -> str:
    return str(answer.json.get("error", ""))


@pytest.mark.parametrize(
    "path", ["/api/ticks?window=60&after={}", "/api/frames?q={}", "/api/frames?q=window%3D60&q={}"]
)
def test_page_that_polls_two_workers_gets_error(path: str, caplog: pytest.LogCaptureFixture) -> None:
    first, second = Worker(), Worker()
    for worker in (first, second):
        worker.cursor()
        for second_number in range(1, 20):
            worker.append(START + second_number)
    cursor = first.cursor()
    query = cursor if "ticks" in path else quote(f"window=60&after={cursor}")
    for _ in range(2):
        answer = second.ask(path.format(query))
        bodies = answer.json["frames"] if "frames" in path else [answer.json]
        assert bodies == [{"error": SEVERAL_WORKERS}] * max(1, path.count("q="))
    assert error_of(second.ask("/api/ticks?window=60")) == SEVERAL_WORKERS
    assert caplog.messages == [SEVERAL_WORKERS]
    assert second.ask("/healthz").status == 200
    second.append(START + 20 + SIGN_TTL_S)
    assert error_of(second.ask("/api/ticks?window=60")) == "", "the other worker is gone"


def test_cursor_of_earlier_process_is_no_sign_of_another_worker() -> None:
    """The page stays open while the app restarts."""
    earlier = Worker()
    for second_number in range(1, 20):
        earlier.append(START + second_number)
    restarted = Worker(START + 20)
    cursor = earlier.cursor()
    for second_number in range(21, 40):
        restarted.append(START + second_number)
        answer = restarted.ask(f"/api/ticks?window=60&after={cursor}")
        assert (answer.status, answer.json["reset"]) == (200, True)


@pytest.mark.parametrize(
    "cursor", ["", "x", "0.0", "é.1", "a" * 90 + ".1", f"abc.{int(1000 * START) + CLOCK_MARGIN_MS}"]
)
def test_other_cursors_are_no_sign_of_another_worker(cursor: str) -> None:
    worker = Worker()
    worker.cursor()
    worker.append(START + 1)
    answer = worker.ask(f"/api/ticks?window=60&after={quote(cursor)}")
    assert SEVERAL_WORKERS not in json.dumps(answer.json)


def forged(worker: Worker) -> str:
    """Return a cursor of another generation, as of a worker that does not exist."""
    return f"{'A' * len(worker.cursor().partition('.')[0])}.{int(1000 * START) + 60_000}"


@pytest.mark.parametrize(
    "other", [{"peer": "192.0.2.8"}, {"peer": "192.0.2.7", "x_forwarded_for": "198.51.100.1"}]
)
def test_forged_cursor_takes_the_charts_of_nobody_else(other: dict[str, str]) -> None:
    worker = Worker()
    worker.cursor()
    worker.append(START + 1)
    liar = ask(worker.app, f"/api/ticks?window=60&after={forged(worker)}", peer="192.0.2.7")
    assert error_of(liar) == SEVERAL_WORKERS
    assert error_of(ask(worker.app, "/api/ticks?window=60", **other)) == ""  # type: ignore[arg-type]


def test_forged_cursors_of_many_viewers_fill_no_memory() -> None:
    worker = Worker()
    worker.cursor()
    worker.append(START + 1)
    path = f"/api/frames?q=after%3D{forged(worker)}"
    for number in range(MAX_VIEWERS + 5):
        assert ask(worker.app, path, x_forwarded_for=f"{'x' * 500}{number}").json["frames"][0]["error"]
    assert len(worker.ask(path + "&q=" * 5000).json["frames"]) == MAX_QUERIES_PER_REQUEST
    assert len(worker.app._until) == MAX_VIEWERS
    assert sum(len(text) for viewer in worker.app._until for text in viewer) < 300 * MAX_VIEWERS
