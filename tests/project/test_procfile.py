"""Start the Procfile as a platform does: with a runner, a port, and one machine per dyno."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port
from processes import ROOT, Dashapp, Process
from redis_server import needs_redis, redis_at
from waiting import wait_for


@contextmanager
def dyno(folder: Path, kind: str, **env: str) -> Iterator[Dashapp]:
    """Run one process type in its own folder, with the variables that a platform sets."""
    folder.mkdir()
    for name in ("Procfile", "collector.py"):
        shutil.copy(ROOT / name, folder)
    port = free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    argv = [sys.executable, "-m", "honcho", "start", "--no-colour", kind]
    runner = Process(argv, folder=folder, env={"PORT": str(port), "PATH": path, **env})
    app = Dashapp.__new__(Dashapp)
    app.port, app.popen, app.lines = port, runner.popen, runner.lines
    app._family = runner._family
    try:
        yield app
        runner.popen.send_signal(signal.SIGTERM)
        runner.wait()
        wait_for(lambda: not runner.family())
        assert "Traceback" not in runner.said
    finally:
        runner.end()


def test_procfile_has_web_and_worker_processes() -> None:
    assert (ROOT / "Procfile").read_text().splitlines() == [
        "web: python -m dashapp --public",
        "worker: python collector.py",
    ]


def test_web_process_serves_and_collects_on_port_from_environment(tmp_path: Path) -> None:
    with dyno(tmp_path / "web", "web", WEB_CONCURRENCY="2", DYNO="web.1") as app:
        wait_for(lambda: f"Serving on http://0.0.0.0:{app.port} (store: data/)" in app.said)
        app.moves()
        assert app.get("/", host="my-app.example.test")[0] == 200
        # Runner, supervisor, collector, web server and two workers.
        wait_for(lambda: len(app.family()) >= 5)


def test_worker_process_exits_with_advice_without_redis(tmp_path: Path) -> None:
    with dyno(tmp_path / "worker", "worker", DYNO="worker.1") as worker:
        wait_for(lambda: worker.popen.poll() is not None)
        assert "add a Redis (REDIS_URL), or run python -m dashapp alone" in worker.said


@needs_redis
def test_web_and_worker_appear_as_two_hosts_with_redis(tmp_path: Path) -> None:
    with redis_at(tmp_path / "redis") as redis:
        env = {"REDIS_URL": redis.url}
        with (
            dyno(tmp_path / "web", "web", DYNO="web.1", **env) as web,
            dyno(tmp_path / "worker", "worker", DYNO="worker.1", **env),
        ):
            wait_for(lambda: "Serving on" in web.said)

            def live() -> list[str]:
                found = json.loads(web.get("/api/hosts", host="my-app.example.test")[1])["hosts"]
                return [host["name"] for host in found if host["state"] == "live"]

            wait_for(lambda: live() == ["web.1", "worker.1"])
            assert web.get("/host/worker.1/api/ticks", host="my-app.example.test")[0] == 200
            assert not (tmp_path / "web" / "data").exists(), "nothing is left to a disk that goes"
