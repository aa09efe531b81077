"""A machine for the pictures: dashapp and a scripted load, in namespaces of their own.

The numbers are real. CPU, memory and disk are those of the whole machine. The processes and the network are
those of dashapp and the load alone, as in a container. It needs Linux, root, iproute2 and util-linux.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from threading import Thread
from typing import Any

from audit.load import PROGRAMS, TEXT, write_text
from bench.served import ROOT, Served, command, free_port

NAME = "workshop"
NAMESPACE = "dashapp-pictures"
# The load and the collector have one interface, a cable to the file server. Addresses for tests, RFC 2544.
OUTER_LINK, OUTER, INNER, PREFIX = "dashapp-veth", "198.18.77.1", "198.18.77.2", 30
PROCESSES = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
NETWORK = ("ip", "netns", "exec", NAMESPACE)
START_TIMEOUT_S = 60.0


def missing() -> str:
    """Return one sentence if the machine cannot be made here, otherwise an empty text."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "The pictures need Linux and root, because the load has namespaces of its own"
    programs = [name for name in ("ip", "unshare", *PROGRAMS) if which(name) is None]
    return f"The pictures need {', '.join(programs)}: install your system's packages" if programs else ""


@contextmanager
def workshop(folder: Path, *flags: str) -> Iterator[Served]:
    """Run the load and dashapp with `flags`; yield dashapp once the page has a point."""
    work = folder / "work"
    work.mkdir(parents=True)
    write_text(work / TEXT)
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(_network())
        url = stack.enter_context(_file_server(work))
        argv = [str(work), url, *command(folder / "store", port, "--name", NAME, *flags)[2:]]
        process = stack.enter_context(_process([*PROCESSES, sys.executable, "-m", "audit.workshop", *argv]))
        served = Served(process, port)
        served.wait("/readyz", START_TIMEOUT_S)
        yield served


@contextmanager
def _network() -> Iterator[None]:
    """Add a network namespace with the interface `eth0`."""
    inside = ("ip", "-netns", NAMESPACE)
    _run("ip", "netns", "add", NAMESPACE)
    try:
        _run("ip", "link", "add", OUTER_LINK, "type", "veth", "peer", "name", "eth0", "netns", NAMESPACE)
        _run("ip", "address", "add", f"{OUTER}/{PREFIX}", "dev", OUTER_LINK)
        _run("ip", "link", "set", OUTER_LINK, "up")
        _run(*inside, "address", "add", f"{INNER}/{PREFIX}", "dev", "eth0")
        _run(*inside, "link", "set", "eth0", "up")
        yield
    finally:
        _run("ip", "netns", "delete", NAMESPACE)


def _run(*words: str) -> None:
    subprocess.run(words, check=True)


@contextmanager
def _process(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        # Its child ends with it, and all other processes of the namespace with that.
        process.kill()
        process.wait()


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    # The end of a phase cuts a download.
    def handle_error(self, request: Any, client_address: Any) -> None: ...


@contextmanager
def _file_server(folder: Path) -> Iterator[str]:
    server = _Server((OUTER, 0), partial(_Files, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{OUTER}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Run inside the namespace of processes, whose end ends all of these."""
    work, url, *flags = sys.argv[1:]
    python = (sys.executable, "-m")
    # The page is served where the browser is; what is measured is beside the load.
    children = [
        subprocess.Popen([*python, "dashapp", "--no-collector", *flags]),
        subprocess.Popen([*NETWORK, *python, "dashapp.collector", *flags]),
        subprocess.Popen([*NETWORK, *python, "audit.load", work, url]),
    ]
    for child in children:
        child.wait()


if __name__ == "__main__":
    main()
