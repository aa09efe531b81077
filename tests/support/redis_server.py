"""Real Redis servers and clusters on free ports of 127.0.0.1, without persistence."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from ports import free_port
from tools import redis_server
from waiting import PATIENCE_S, wait_for

needs_redis = pytest.mark.skipif(redis_server() is None, reason="redis-server is not installed")


class RedisServer:
    """One process; `start` restarts it on the same port with no data."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.port = free_port(neighbour="--cluster-enabled" in flags)
        self.folder = folder
        self.flags = flags
        self.popen: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self, *flags: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        program = redis_server()
        assert program is not None
        argv = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        argv += ["--save", "", "--appendonly", "no", *self.flags, *flags]
        with (self.folder / "log").open("ab") as log:
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self.answers)

    def answers(self) -> bool:
        assert self.popen is not None
        if self.popen.poll() is not None:
            raise OSError((self.folder / "log").read_text())
        with suppress(redis.RedisError), closing(self.client()) as client:
            return bool(client.ping())
        with closing(socket.socket()) as probe:  # a server with a password rejects PING
            return "requirepass" in " ".join(self.flags) and probe.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, **options: Any) -> Any:
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=PATIENCE_S, protocol=2, **options)

    def kill(self) -> None:
        assert self.popen is not None
        with suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGCONT)
            self.popen.kill()
        self.popen.wait(PATIENCE_S)

    def freeze(self) -> None:
        assert self.popen is not None
        self.popen.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.popen is not None
        self.popen.send_signal(signal.SIGCONT)


@contextmanager
def redis_at(folder: Path, *flags: str) -> Iterator[RedisServer]:
    server = RedisServer(folder, *flags)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def cluster_at(folder: Path) -> Iterator[list[RedisServer]]:
    """Run a cluster of three masters."""
    cli = shutil.which("redis-cli")
    assert cli is not None
    nodes: list[RedisServer] = []
    try:
        for number in range(3):
            flags = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]
            nodes.append(RedisServer(folder / str(number), *flags))
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        argv = [cli, "--cluster", "create", *addresses, "--cluster-yes"]
        made = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert made.returncode == 0, made.stdout
        wait_for(lambda: all(is_whole(node) for node in nodes))
        yield nodes
    finally:
        for node in nodes:
            node.kill()


def is_whole(node: RedisServer) -> bool:
    with closing(node.client()) as client:
        known = client.cluster("INFO")
    return bool(known["cluster_state"] == "ok" and known["cluster_slots_ok"] == "16384")
