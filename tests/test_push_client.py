"""dashapp.push: whatever the server does, the program that pushes neither waits for it nor fails by it."""

from __future__ import annotations

import atexit
import json
import logging
import math
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from processes import ROOT, dashapp, free_port, wait_for
from pushed import TOKEN

from dashapp.pushing import MOST, MOST_NAMES, Pusher


class Server:
    """Takes pushes as a test says: `answer` gives the status of each from its metrics, and may wait."""

    def __init__(self, port: int = 0) -> None:
        self.answer: Callable[[dict[str, float]], int] = lambda metrics: 200
        self.got: list[dict[str, float]] = []
        self.headers: list[Any] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.headers.append((self.path, self.headers["authorization"]))
                status = server.answer(body["metrics"])
                if status == 200:
                    server.got.append(body["metrics"])
                text = json.dumps({"error": f"a sentence about {status}"}).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None: ...

        class Listening(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None: ...

        self._server = Listening(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def newest(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for metrics in list(self.got):
            found |= metrics
        return found

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def serving(port: int = 0) -> Iterator[Server]:
    server = Server(port)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving() as found:
        monkeypatch.setenv("DASHAPP_URL", f"http://127.0.0.1:{found.port}")
        monkeypatch.setenv("DASHAPP_PUSH_TOKEN", TOKEN)
        yield found


@pytest.fixture
def pusher(server: Server, monkeypatch: pytest.MonkeyPatch) -> Pusher:
    """Its thread is a daemon's, and sleeps for ever when the test is over."""
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    return Pusher()


def test_one_value_or_several(pusher: Pusher, server: Server) -> None:
    pusher.push("loss", 0.31)
    pusher.push({"accuracy": 0.9, "train.loss": 1})
    wait_for(lambda: server.newest == {"loss": 0.31, "accuracy": 0.9, "train.loss": 1.0})
    assert server.headers[0] == ("/api/push", f"Bearer {TOKEN}")


def test_a_burst_is_a_few_requests_and_the_newest_wins(pusher: Pusher, server: Server) -> None:
    for number in range(5000):
        pusher.push("loss", number)
    assert pusher.flush(5)
    assert server.newest == {"loss": 4999}
    assert len(server.got) < 20
    assert pusher.dropped == 0


def test_what_is_pushed_while_it_sends_is_sent_too(pusher: Pusher, server: Server) -> None:
    entered, go = Event(), Event()

    def slow(metrics: dict[str, float]) -> int:
        entered.set()
        go.wait(10)
        return 200

    server.answer = slow
    pusher.push("a", 1)
    assert entered.wait(10)
    pusher.push("a", 2)
    go.set()
    wait_for(lambda: server.got == [{"a": 1}, {"a": 2}])


class Odd:
    def __float__(self) -> float:
        raise RuntimeError("a program's own")


class Endless(dict[str, float]):
    def items(self) -> Any:
        raise RuntimeError("a program's own")


@pytest.mark.parametrize(
    "call",
    [
        ("a", math.nan),
        ("a", math.inf),
        ("a", None),
        ("a", "0.31"),
        ("a", b"1"),
        ("a", True),
        ("a", [1]),
        ("a", 10**400),
        ("a", 1j),
        ("a", Odd()),
        ("a",),
        ("", 1),
        ("x" * 201, 1),
        ("a\n", 1),
        ("\ud800", 1),
        (7, 1),
        (None,),
        ([("a", 1)],),
        ({7: 1},),
        ({"a": {"b": 1}},),
        (Endless(a=1),),
    ],
)
def test_what_is_wrong_is_logged_once_and_never_raised(
    pusher: Pusher, server: Server, call: tuple[Any, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            pusher.push(*call)
    assert len(caplog.records) == 1
    assert len(caplog.records[0].getMessage()) < 300
    pusher.push({"good": 1})
    wait_for(lambda: server.newest == {"good": 1})


def test_a_number_of_another_kind_is_a_number(pusher: Pusher, server: Server) -> None:
    class Scalar:
        def __float__(self) -> float:
            return 2.5

    pusher.push("a", Scalar())
    wait_for(lambda: server.newest == {"a": 2.5})


def test_a_call_takes_microseconds(pusher: Pusher, server: Server) -> None:
    """Also while the server answers nothing."""
    entered, go = Event(), Event()

    def stuck(metrics: dict[str, float]) -> int:
        entered.set()
        go.wait(30)
        return 200

    server.answer = stuck
    pusher.push("loss", 0)
    assert entered.wait(10)
    costs = []
    for number in range(2000):
        before = time.perf_counter()
        pusher.push("loss", number)
        costs.append(time.perf_counter() - before)
    go.set()
    assert sorted(costs)[1000] < 50e-6
    assert sum(costs) / 2000 < 50e-6


def test_the_server_away_is_one_warning_and_the_newest_come_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, pusher: Pusher
) -> None:
    port = free_port()
    monkeypatch.setenv("DASHAPP_URL", f"http://127.0.0.1:{port}")
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            pusher.push({"a": number, "b": number})
            assert pusher.flush(5), "a refused connection is no wait"
        assert [record.getMessage() for record in caplog.records] == [
            f"http://127.0.0.1:{port} does not take what is pushed "
            "([Errno 111] Connection refused); trying again"
        ]
        with serving(port) as back:
            wait_for(lambda: back.newest == {"a": 2, "b": 2})
            wait_for(lambda: len(caplog.records) == 2)
    assert "again" in caplog.records[1].getMessage()


@pytest.mark.parametrize("status", [500, 503, 429, 401, 403, 404, 302])
def test_what_the_server_does_not_take_now_is_tried_again_later(
    pusher: Pusher, server: Server, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [status, status]
    tried: list[float] = []

    def refuse_twice(metrics: dict[str, float]) -> int:
        tried.append(time.monotonic())
        return answers.pop() if answers else 200

    server.answer = refuse_twice
    with caplog.at_level(logging.WARNING):
        pusher.push("a", 1)
        wait_for(lambda: server.newest == {"a": 1})
        wait_for(lambda: len(caplog.records) == 2)
    assert f"a sentence about {status}" in caplog.records[0].getMessage()
    assert tried[1] - tried[0] > 0.2
    assert tried[2] - tried[1] > 0.2


def test_one_bad_name_does_not_cost_the_others(
    pusher: Pusher, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = lambda metrics: 400 if "bad" in metrics else 200
    values = {f"m{number}": float(number) for number in range(20)}
    with caplog.at_level(logging.WARNING):
        pusher.push({**values, "bad": 1})
        assert pusher.flush(5)
        assert server.newest == values
        asked = len(server.headers)
        pusher.push({**values, "bad": 2})
        assert pusher.flush(5)
    assert len(server.headers) == asked + 1, "it is not tried at each push"
    assert [record.getMessage() for record in caplog.records] == ["bad is not taken: a sentence about 400"]


def test_no_request_is_greater_than_the_server_takes(pusher: Pusher, server: Server) -> None:
    sizes: list[int] = []

    def measure(metrics: dict[str, float]) -> int:
        sizes.append(len(json.dumps({"metrics": metrics}, ensure_ascii=False).encode()))
        return 200

    server.answer = measure
    values = {"é" * 190 + str(number): 1.5 for number in range(700)}
    pusher.push(values)
    assert pusher.flush(10)
    assert server.newest == values
    assert max(sizes) <= 64 << 10


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(
    monkeypatch: pytest.MonkeyPatch, pusher: Pusher
) -> None:
    monkeypatch.setenv("DASHAPP_URL", f"http://127.0.0.1:{free_port()}")
    pusher._starting.acquire()  # no thread: all wait in the queue
    for number in range(MOST + 7):
        pusher.push("a", number)
    assert (len(pusher._queue), pusher.dropped) == (MOST, 7)
    pusher._starting.release()
    pusher.push({f"m{number}": number for number in range(MOST_NAMES + 5)})
    before = pusher.dropped
    assert pusher.flush(10)
    assert pusher.dropped >= before + 5, "names, of which the oldest give way"


def test_what_waited_too_long_is_no_news(
    pusher: Pusher, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda metrics: 503
    pusher.push("old", 1)
    assert pusher.flush(5)
    steady = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: steady() + 61)
    server.answer = lambda metrics: 200
    pusher.push("new", 1)
    assert pusher.flush(5)
    assert server.newest == {"new": 1}
    assert pusher.dropped == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DASHAPP_PUSH_TOKEN", "", "DASHAPP_PUSH_TOKEN is not set"),
        ("DASHAPP_PUSH_TOKEN", "a\nb: c", "DASHAPP_PUSH_TOKEN"),
        ("DASHAPP_PUSH_TOKEN", "é" * 16, "DASHAPP_PUSH_TOKEN"),
        ("DASHAPP_URL", "127.0.0.1:8050", "DASHAPP_URL is"),
        ("DASHAPP_URL", "ftp://x", "DASHAPP_URL is"),
        ("DASHAPP_URL", "http://", "DASHAPP_URL is"),
        ("DASHAPP_URL", "http://x:port", "DASHAPP_URL is"),
        ("DASHAPP_URL", "http://[x", "DASHAPP_URL is"),
        ("DASHAPP_URL", "http://x\r\ny", "DASHAPP_URL is"),
    ],
)
def test_an_environment_that_cannot_work_is_one_warning(
    pusher: Pusher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    with caplog.at_level(logging.WARNING):
        for number in range(20):
            pusher.push("a", number)
        assert pusher.flush(5)
    assert len(caplog.records) == 1
    assert said in caplog.records[0].getMessage()
    assert "nothing is pushed" in caplog.records[0].getMessage()


def run(code: str, server: Server | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """A program of its own."""
    url = {"DASHAPP_URL": f"http://127.0.0.1:{server.port}"} if server else {}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DASHAPP_PUSH_TOKEN": TOKEN, **url, **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )


def test_the_end_of_the_program_sends_the_last(server: Server) -> None:
    done = run("import dashapp; dashapp.push('loss', 0.31); dashapp.push('epoch', 7)", server)
    assert server.newest == {"loss": 0.31, "epoch": 7}
    assert done.stderr == ""


def test_the_end_of_the_program_waits_no_longer_than_two_seconds(server: Server) -> None:
    go = Event()
    server.answer = lambda metrics: 200 if go.wait(20) else 500
    before = time.monotonic()
    code = "import dashapp, time; dashapp.push('a', 1); began = time.monotonic(); print(began)"
    run(code, server)
    took = time.monotonic() - before
    go.set()
    assert 1.9 < took < 4


def test_the_end_of_a_program_without_a_server_is_at_once() -> None:
    before = time.monotonic()
    done = run("import dashapp; dashapp.push('a', 1)", DASHAPP_URL=f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - before < 1.5
    assert done.stderr.count("\n") == 1, "one warning, on the last resort's handler"


def test_a_forked_process_pushes_for_itself(server: Server) -> None:
    run(
        """
        import os, warnings, dashapp
        warnings.simplefilter("ignore")  # Python 3.12 warns of a fork beside a thread
        dashapp.push("parent", 1)
        child = os.fork()
        if child == 0:
            dashapp.push("child", 2)
            raise SystemExit
        os.waitpid(child, 0)
        dashapp.push("parent", 3)
        """,
        server,
    )
    assert server.newest == {"parent": 3, "child": 2}
    assert [metrics for metrics in server.got if "parent" in metrics and metrics["parent"] == 1] in (
        [],
        [{"parent": 1.0}],
    ), "the child does not send what its parent pushed"


def test_many_threads_push_at_once(server: Server) -> None:
    run(
        """
        import threading, dashapp
        def work(name):
            for number in range(500):
                dashapp.push(f"t.{name}", number)
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert threading.active_count() == 2, threading.enumerate()
        """,
        server,
    )
    assert server.newest == {f"t.{name}": 499 for name in range(8)}


def test_a_signal_handler_may_push_in_the_middle_of_a_push(server: Server) -> None:
    run(
        """
        import signal, dashapp
        dashapp.push("loop", 0)
        count = 0
        def handler(*_):
            global count
            count += 1
            dashapp.push("signals", count)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for number in range(20_000):
            dashapp.push("loop", number)
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert count > 3
        """,
        server,
    )
    assert server.newest["loop"] == 19_999


def test_it_loads_nothing_heavy_and_nothing_before_it_is_used(server: Server) -> None:
    done = run(
        """
        import sys, time
        began = time.process_time()
        import dashapp
        assert "dashapp.pushing" not in sys.modules
        dashapp.push("a", 1)
        took = time.process_time() - began
        from dashapp.pushing import _pusher
        _pusher.flush()
        heavy = {"dash", "plotly", "flask", "numpy", "granian", "psutil", "diskcache", "orjson", "asyncio"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        print(took)
        """,
        server,
    )
    assert float(done.stdout) < 0.1


def test_two_lines_of_python_are_on_the_page(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--interval", "0.2", env={"DASHAPP_PUSH_TOKEN": TOKEN}) as app:
        app.serving().moves()
        code = """
            import dashapp, time
            for number in range(30):
                dashapp.push("train.loss", number)
                time.sleep(0.05)
            """
        run(code, None, DASHAPP_URL=f"http://127.0.0.1:{app.port}/")
        wait_for(lambda: 29 in app.ticks()["y"]["train.loss"])
        values = [each for each in app.ticks()["y"]["train.loss"] if each is not None]
        assert values == sorted(set(values)), "each once, in order"
        assert len(values) > 4
