"""Run an example as a reader does, with its own port and store: `python examples/NAME`."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ports import free_port
from processes import ROOT, Process
from waiting import PATIENCE_S, wait_for

FOLDER = ROOT / "examples"


class Example(Process):
    def __init__(self, name: str, folder: Path, env: Mapping[str, str], *flags: str) -> None:
        self.port = free_port()
        said = {"PORT": str(self.port), "DASHAPP_STORE": str(folder / "data"), **env}
        super().__init__([sys.executable, str(FOLDER / name), *flags], folder=folder, env=said)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path: str = "/") -> tuple[int, bytes]:
        """Return status and body, or status 0 if the server does not respond yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        return 0, b""


@contextmanager
def example(name: str, folder: Path, *flags: str, env: Mapping[str, str] | None = None) -> Iterator[Example]:
    """Start an example and yield it when it responds."""
    process = Example(name, folder, env or {}, *flags)
    try:
        wait_for(lambda: process.get()[0] or process.popen.poll() is not None)
        assert process.popen.poll() is None, process.said
        yield process
    finally:
        process.end()


def lines_of_code(name: str) -> int:
    """Count an example's lines, without empty lines, comments and the docstring."""
    text = (FOLDER / name).read_text().split('"""', 2)[2]
    return sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
