"""The real nginx in front of a port, with the configuration from the documentation."""

from __future__ import annotations

import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ports import free_port
from processes import ROOT
from tools import nginx
from waiting import PATIENCE_S, wait_for

# The directives around it, which are in the system's own file.
AROUND = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
user {user};
events {{ worker_connections 8192; }}
http {{
    log_format status '$upstream_cache_status $request_uri';
    access_log {folder}/access.log status;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {given}
}}
"""


@dataclass(frozen=True)
class Proxied:
    port: int
    folder: Path
    # The id of the master process.
    pid: int

    def asked(self, begin: str = "") -> Counter[str]:
        """Count the responses by cache status (HIT, MISS, …) for URIs that start with `begin`."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return Counter(line.split()[0] for line in lines if line.split()[1].startswith(begin))


@contextmanager
def proxied(origin: int, folder: Path, *, counted: bool = True) -> Iterator[Proxied]:
    """Run nginx in front of the port `origin`; `counted` enables the log that `asked` reads."""
    program = nginx()
    assert program
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    given = (ROOT / "docs" / "cache.nginx.conf").read_text()
    for said, here in (
        ("access_log off;", "" if counted else "access_log off;"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("http://127.0.0.1:8050", f"http://127.0.0.1:{origin}"),
        ("/var/cache/nginx/dashapp", f"{folder}/cache"),
    ):
        assert said in given
        given = given.replace(said, here)
    conf = folder / "nginx.conf"
    conf.write_text(AROUND.format(folder=folder, given=given, user=folder.owner()))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(conf)], stderr=subprocess.DEVNULL)

    def answers() -> bool:
        if process.poll() is not None:
            raise OSError((folder / "error.log").read_text())
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for(answers)
        yield Proxied(port, folder, process.pid)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
