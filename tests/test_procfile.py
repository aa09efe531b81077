"""The Procfile, started as a platform starts it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from processes import ROOT, Dashapp, Process, free_port, wait_for


def test_it_has_one_type_and_shows_public() -> None:
    assert (ROOT / "Procfile").read_text() == "web: python -m dashapp --public\n"


def test_a_runner_starts_it_on_its_port_and_ends_it(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Procfile", tmp_path)
    port = free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    argv = [sys.executable, "-m", "honcho", "start", "--no-colour"]
    runner = Process(argv, folder=tmp_path, env={"PORT": str(port), "WEB_CONCURRENCY": "2", "PATH": path})
    app = Dashapp.__new__(Dashapp)
    app.port, app.popen = port, runner.popen
    try:
        wait_for(lambda: f"Serving on http://0.0.0.0:{port} (store: data/)" in runner.said, 20)
        app.moves()
        assert app.get("/", host="my-app.example.test")[0] == 200
        # Runner, supervisor, collector, web server and two workers.
        assert len(runner.family()) >= 5
        runner.popen.send_signal(signal.SIGTERM)
        runner.wait(8)
        wait_for(lambda: not runner.family(), 2)
        assert "Traceback" not in runner.said
    finally:
        runner.end()
