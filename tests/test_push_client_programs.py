"""dashapp.push in whole programs: their ends, forks, threads and signals, and what it costs them to load."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

import pytest
from processes import dashapp, free_port
from push_server import Server, pushed_to, run
from pushed import TOKEN
from waiting import wait_for

server = pytest.fixture(pushed_to)


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
        assert "dashapp.client" not in sys.modules
        dashapp.push("a", 1)
        took = time.process_time() - began
        from dashapp.client import _pusher
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
