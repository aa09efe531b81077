"""dashapp.push in whole programs: exit, fork, threads, signals and the cost of the import."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from ports import free_port
from processes import dashapp
from push_pipeline import TOKEN
from push_server import Server, pushed_to, run
from waiting import PATIENCE_S

from dashapp.client import PushClient

server = pytest.fixture(pushed_to)


def test_push_sends_last_values_at_program_exit(server: Server) -> None:
    done = run("import dashapp; dashapp.push('loss', 0.31); dashapp.push('epoch', 7)", server)
    assert server.newest == {"loss": 0.31, "epoch": 7}
    assert done.stderr == ""


def test_program_exit_does_not_wait_for_hanging_server(server: Server) -> None:
    go = Event()
    server.answer = lambda metrics: 200 if go.wait(4 * PATIENCE_S) else 500
    run("import dashapp; dashapp.push('a', 1)", server, patient=False)
    assert server.got == []
    go.set()


def test_program_exit_logs_one_warning_without_server() -> None:
    done = run("import dashapp; dashapp.push('a', 1)", DASHAPP_URL=f"http://127.0.0.1:{free_port()}")
    assert done.stderr.count("\n") == 1, "on the last resort's handler"


def test_push_sends_own_values_after_fork(server: Server) -> None:
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


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_push_sends_last_values_of_each_worker_process(server: Server, method: str, tmp_path: Path) -> None:
    """Such a process ends without the functions of atexit."""
    run(
        f"""
        import concurrent.futures, multiprocessing, warnings, dashapp
        warnings.simplefilter("ignore")  # Python 3.12 warns of a fork beside a thread
        def work(number):
            dashapp.push(f"worker.{{number}}", number)
        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            def run_workers(numbers):
                processes = [context.Process(target=work, args=(number,)) for number in numbers]
                for process in processes: process.start()
                for process in processes: process.join()
            run_workers(range(3))
            dashapp.push("parent", 1)
            run_workers(range(3, 6))
            with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
                list(pool.map(work, range(6, 9)))
        """,
        server,
        file=tmp_path / "program.py",
    )
    assert server.newest == {"parent": 1, **{f"worker.{number}": number for number in range(9)}}


def test_process_waits_for_its_last_request_once_at_exit() -> None:
    """The hook of multiprocessing and atexit may both ask for it."""
    pusher = PushClient()
    flushes: list[float] = []

    def flush(seconds: float = 2.0) -> bool:
        flushes.append(seconds)
        return True

    pusher.flush = flush  # type: ignore[method-assign]
    for _ in range(2):
        pusher._exit()
    assert len(flushes) == 1


def test_push_sends_newest_values_from_many_threads(server: Server) -> None:
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


def test_push_works_in_signal_handler_during_push(server: Server) -> None:
    done = run(
        """
        import signal, dashapp
        dashapp.push("loop", 0)
        count = number = 0
        def handler(*_):
            global count
            count += 1
            dashapp.push("signals", count)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        while number < 20_000 or count < 4:
            number += 1
            dashapp.push("loop", number)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(number)
        """,
        server,
    )
    assert server.newest["loop"] == int(done.stdout)


def test_push_loads_only_light_modules_on_first_use(server: Server) -> None:
    run(
        """
        import sys
        import dashapp
        assert "dashapp.client" not in sys.modules
        dashapp.push("a", 1)
        from dashapp.client import _client
        _client.flush()
        heavy = {"dash", "plotly", "flask", "numpy", "granian", "psutil", "diskcache", "orjson", "asyncio"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        """,
        server,
        patient=False,
    )


def test_pushed_values_appear_in_ticks_of_running_server(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--interval", "0.2", env={"DASHAPP_PUSH_TOKEN": TOKEN}) as app:
        app.serving().moves()
        code = """
            import dashapp, json, os, time, urllib.request
            def shown():
                with urllib.request.urlopen(os.environ["DASHAPP_URL"] + "api/ticks") as answer:
                    return json.load(answer)["y"].get("train.loss", [])
            for number in range(5):
                dashapp.push("train.loss", number)
                while number not in shown():
                    time.sleep(0.02)
            """
        run(code, None, DASHAPP_URL=f"http://127.0.0.1:{app.port}/")
        values = [each for each in app.ticks()["y"]["train.loss"] if each is not None]
        assert values == [0, 1, 2, 3, 4], "each once, in order"
