"""Push with real servers and signals: each push with status 200 is stored exactly once."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
from processes import Dashapp, collector, dashapp
from push_pipeline import TOKEN
from push_requests import ENV, HEADERS, push
from waiting import PATIENCE_S, wait_for

from dashapp.http.request_body import MAX_CONCURRENT_BODIES


def stored(folder: Path) -> Counter[tuple[str, float]]:
    """Count how often each pushed value is in the store's rows."""
    found: Counter[tuple[str, float]] = Counter()
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(folder / "cache.db", timeout=5)) as db:
        for (row,) in db.execute("SELECT value FROM Cache"):
            if isinstance(row, str):
                found.update((key, value) for key, value in json.loads(row)[2].items() if key[:2] == "p.")
    return found


@contextmanager
def pushing(app: Dashapp, answered: list[tuple[str, float]]) -> Iterator[None]:
    """Push distinct values one by one from a thread, and note those that got status 200."""
    over = Event()

    def run() -> None:
        for number in count():
            # Names repeat, and a tick has one value of each, so no two values of a name may wait at a time.
            while number % 450 == 449 and not over.is_set() and set(answered) - set(stored(app.store)):
                over.wait(0.1)
            if over.is_set():
                return
            key, value = f"p.{number % 900}", float(number)
            try:
                if push(app, {key: value})[0] == 200:
                    answered.append((key, value))
            except (OSError, http.client.HTTPException, ValueError):
                pass
            # Like a loop that computes something between two pushes.
            over.wait(0.008)

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    with dashapp(tmp_path_factory.mktemp("app"), "--interval", "0.2", env=ENV) as process:
        yield process.serving()


def all_stored(app: Dashapp, answered: list[tuple[str, float]]) -> None:
    """Assert that each acknowledged value is in exactly one tick."""
    wait_for(lambda: not set(answered) - set(stored(app.store)), every=0.1)
    times = stored(app.store)
    assert {times[each] for each in answered} == {1}


def test_acknowledged_pushes_survive_kill_of_collector_or_web_server(tmp_path: Path) -> None:
    answered: list[tuple[str, float]] = []
    flags = ("--interval", "0.1", "--workers", "2")
    with dashapp(tmp_path, *flags, env=ENV) as app:
        app.serving().moves()
        with pushing(app, answered):
            for victim in ("collector", "web", "collector"):
                before = len(answered)
                wait_for(lambda before=before: len(answered) > before + 20)  # type: ignore[misc]
                child = app.child(victim)
                workers_of = child.children(recursive=True) if victim == "web" else []
                child.kill()
                for worker in workers_of:
                    with suppress(psutil.NoSuchProcess):
                        worker.kill()
            before = len(answered)
            wait_for(lambda: len(answered) > before + 20)
        all_stored(app, answered)
        assert "Traceback" not in app.said


def test_pushes_are_stored_once_when_collector_is_killed_repeatedly(tmp_path: Path) -> None:
    """The kill can hit any instant between taking, marking and appending."""
    answered: list[tuple[str, float]] = []
    with dashapp(tmp_path, "--no-collector", env=ENV) as app, closing(Restarted(tmp_path)) as collecting:
        app.serving()
        with pushing(app, answered):
            for round_ in range(6):
                before = len(stored(app.store))
                collecting.start()
                wait_for(lambda before=before: len(stored(app.store)) > before)  # type: ignore[misc]
                # Not on the grid: the instant of the kill moves through the tick.
                sent = len(answered)
                more = 2 * round_ + 1
                wait_for(lambda sent=sent, more=more: len(answered) >= sent + more, every=0.002)  # type: ignore[misc]
                collecting.kill()
            collecting.start()
            wait_for(lambda: len(answered) > 100)
        all_stored(app, answered)


class Restarted:
    """A collector that a test kills and restarts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running = None
        self.kill = self.close

    def start(self) -> None:
        self._running = collector(self._folder, "--store", "data", "--interval", "0.1", env=ENV)  # type: ignore[assignment]
        self._running.__enter__()  # type: ignore[attr-defined]

    def close(self) -> None:
        if self._running is not None:
            self._running.__exit__(None, None, None)
            self._running = None


def test_push_returns_503_when_queue_is_full_without_collector(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--no-collector", env=ENV) as app:
        app.serving()
        assert push(app, {"a": 1})[0] == 200
        with (app.store / "push.spool").open("ab") as file:
            file.truncate(16 << 20)
        status, answer = push(app, {"a": 1})
        assert status == 503
        assert "wait for the collector" in str(answer["error"])


def test_push_works_with_memory_store_and_no_source(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--store", "memory:", "--source", "none", "--interval", "0.1", env=ENV) as app:
        app.serving()
        assert push(app, {"train.loss": 0.5})[0] == 200
        ticks = wait_for(lambda: app.ticks()["y"].get("train.loss"))
        assert [value for value in ticks if value is not None] == [0.5]
        (metric,) = json.loads(app.get("/api/metrics")[1])
        assert (metric["key"], metric["panel"]) == ("train.loss", "train")


def test_stalled_push_bodies_do_not_block_page(app: Dashapp) -> None:
    with ExitStack() as stack:
        head = "POST /api/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
        head += f"Authorization: Bearer {TOKEN}\r\n\r\n"
        for _ in range(MAX_CONCURRENT_BODIES):
            sender = stack.enter_context(closing(socket.create_connection(("127.0.0.1", app.port))))
            sender.sendall(head.encode() + b'{"metrics')
        # Only the server knows whether it already reads all of them.
        assert {push(app, {"a": 1})[0] for _ in range(20)} <= {200, 503}
        app.moves()
        assert app.get("/")[0] == 200
        stack.close()
        wait_for(lambda: push(app, {"a": 1})[0] == 200)


def test_push_accepts_chunked_body_and_rejects_large_body(app: Dashapp) -> None:
    def status(body: object) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
            connection.request("POST", "/api/push", body, HEADERS)  # type: ignore[arg-type]
            return connection.getresponse().status

    assert status(iter([b'{"metrics": ', b'{"a": 1}}'])) == 200
    assert status(iter([b'{"metrics": ', b'{"a": 1'])) == 400
    assert status(iter([b" " * 1000] * 66)) == 413
    assert status(b" " * 65_537) == 413
    assert status(b'{"metrics": {"a": 1}}'.ljust(65_536)) == 200


def test_thousand_pushes_on_one_connection_are_accepted(app: Dashapp) -> None:
    """As fast as the server responds, like a program that does nothing else."""
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        for number in range(1000):
            body = json.dumps({"metrics": {f"p.{number % 100}": number}})
            connection.request("POST", "/api/push", body, HEADERS)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
    newest = {(f"p.{number % 100}", float(number)) for number in range(900, 1000)}
    wait_for(lambda: not newest - set(stored(app.store)), every=0.1)
    wait_for(lambda: app.get("/readyz")[0] == 200)


def test_acknowledged_pushes_survive_stop_signal(tmp_path: Path) -> None:
    """Both processes stop at once; pushes that still wait are in the first tick of the next run."""
    answered: list[tuple[str, float]] = []
    with dashapp(tmp_path, "--interval", "0.3", env=ENV) as app:
        app.serving().moves()
        with pushing(app, answered):
            wait_for(lambda: len(answered) > 50)
            app.popen.send_signal(signal.SIGTERM)
            assert app.wait() == 0
    with dashapp(tmp_path, "--interval", "0.3", env=ENV) as app:
        app.serving()
        all_stored(app, answered)
