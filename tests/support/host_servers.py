"""A host application on one of the usual servers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
from ports import free_port
from processes import Process, alive
from waiting import PATIENCE_S, wait_for

HOST = """
import os
from flask import Flask
import dashapp

app = Flask(__name__)
dashapp.mount(app, "/monitor/", **{settings})

@app.get("/")
def home():
    return str(os.getpid())

def orders():
    return 7.0

if __name__ == "__main__":
    # The other reloader, watchdog, watches all folders of the installation: other tests write there.
    app.run(port=int(os.environ["PORT"]), debug=True, reloader_type="stat")
"""
GUNICORN = ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--graceful-timeout", "1"]
SERVERS = {
    "flask": ["-m", "flask", "--app", "host", "run", "--port", "{port}"],
    "flask with reloader": ["host.py"],
    "waitress": ["-m", "waitress", "--listen=127.0.0.1:{port}", "host:app"],
    "gunicorn": [*GUNICORN, "--workers", "2", "host:app"],
    "gunicorn threads": [*GUNICORN, "--workers", "2", "--threads", "4", "host:app"],
    "gunicorn preload": [*GUNICORN, "--workers", "2", "--preload", "host:app"],
    "gunicorn gevent": [*GUNICORN, "--worker-class", "gevent", "--workers", "2", "host:app"],
    "gunicorn gevent preload": [
        *(*GUNICORN, "--worker-class", "gevent", "--workers", "2", "--preload", "host:app"),
    ],
    "granian": ["-m", "granian", "--interface", "wsgi", "--port", "{port}", "--workers", "2", "host:app"],
}

ASGI_SERVERS = {
    "uvicorn with reloader": ["-m", "uvicorn", "--reload", "--port", "{port}", "host:app"],
}


class Server(Process):
    """A server process with a Flask application that mounts dashapp."""

    HOST = HOST
    TICKS = "/monitor/api/ticks?window=100"

    def __init__(self, folder: Path, server: str, **settings: Any) -> None:
        self.port = free_port()
        self.store = folder / "data"
        # Most tests wait for the next tick.
        settings = {"interval": 0.2, **settings}
        (folder / "host.py").write_text(self.HOST.format(settings=settings))
        argv = [each.format(port=self.port) for each in (SERVERS | ASGI_SERVERS)[server]]
        env = {"PORT": str(self.port)} if argv == ["host.py"] else {}
        super().__init__([sys.executable, *argv], folder=folder, env=env, start_new_session=True)

    def get(self, path: str) -> tuple[int, bytes]:
        """Return status and body, or status 0 if the server does not respond yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        return 0, b""

    def serving(self) -> Server:
        wait_for(lambda: self.get("/")[0] == 200 or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.said
        return self

    def newest(self) -> int:
        status, body = self.get(self.TICKS)
        return max(json.loads(body)["t"], default=0) if status == 200 else 0

    def collectors(self) -> list[psutil.Process]:
        found = []
        for each in self.family():
            with suppress(psutil.Error):
                if "dashapp.collector" in each.cmdline():
                    found.append(each)
        return found

    def collector(self) -> psutil.Process:
        """Wait until exactly one collector runs, and return it."""
        return wait_for(lambda: self.collectors() if len(self.collectors()) == 1 else [])[0]

    def moves(self) -> None:
        before = self.newest()
        wait_for(lambda: self.newest() > before, every=0.05)


def assert_other_worker_takes_over(server: Server) -> None:
    """Kill the worker that leads: its collector ends, and another worker starts one."""
    first = server.collector()
    server.moves()
    leader = first.ppid()
    assert leader in [each.pid for each in psutil.Process(server.pid).children()]
    os.kill(leader, signal.SIGKILL)
    wait_for(lambda: not alive(first))

    def others() -> list[psutil.Process]:
        # A process starts its collector at its first request, and the other worker may have had none.
        server.get("/")
        return [each for each in server.collectors() if each.pid != first.pid]

    second = wait_for(others)[0]
    assert second.ppid() != leader
    server.moves()
    assert len(server.collectors()) == 1
