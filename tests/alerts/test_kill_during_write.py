"""A collector is killed at any write of an alert: the next one sends the alert once.

Each test starts real processes. One ends inside a chosen write; the next one continues in the same store.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import killed_collector
import pytest
from killed_collector import KILLED, RULE
from processes import ALWAYS
from redis_server import RedisServer, needs_redis, redis_at

from dashapp.stores.base import Reader
from dashapp.stores.disk.reader import DiskReader
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.reader import RedisReader

START = 1_795_218_000
Forks = subprocess.Popen[str]

# The documents are written: the states and the deliveries at the start, the changes, the states, and the
# deliveries again after the message.
DISK = [
    *("write_text thresholds 1 before", "replace thresholds 1 before", "replace thresholds 1 after"),
    *("write_text sent 1 before", "replace sent 1 before", "replace sent 1 after"),
    *("write_text changes 1 before", "replace changes 1 before", "replace changes 1 after"),
    *("write_text thresholds 2 before", "replace thresholds 2 before", "replace thresholds 2 after"),
    "replace sent 2 after",
]
REDIS = [
    *("put thresholds 1 before", "put sent 1 before", "put sent 1 after"),
    *("put changes 1 before", "put changes 1 after", "put thresholds 2 before", "put thresholds 2 after"),
    *("run_commands thresholds 1 before", "run_commands thresholds 1 after", "run_commands sent 1 before"),
    *("run_commands changes 1 before", "run_commands changes 1 after", "run_commands sent 2 after"),
]
# The address has received the message, but no store has that fact yet.
UNKNOWN = [
    "write_text sent 2 before",
    "replace sent 2 before",
    "put sent 2 before",
    "run_commands sent 2 before",
]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_at(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    argv = [sys.executable, killed_collector.__file__]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=ALWAYS, stdin=pipe, stdout=pipe, text=True) as process:
        yield process


def is_redis(point: str) -> bool:
    return point.startswith(("put", "run_commands"))


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The store for the point of the test: an empty Redis or a folder."""
    if not is_redis(request.getfixturevalue("point")):
        yield str(tmp_path / "data")
        return
    server = request.getfixturevalue("redis")
    with server.client() as client:
        client.flushall()
    yield server.url


def points(*names: str) -> list[object]:
    return [pytest.param(name, marks=needs_redis) if is_redis(name) else name for name in names]


class Collectors:
    """Processes, one after the other, in one store."""

    def __init__(self, store: str, folder: Path, forks: Forks) -> None:
        self._store, self._record = store, folder / "record"
        self._forks = forks
        self._start = START

    def run(self, value: float, point: str = "") -> int:
        assert self._forks.stdin
        assert self._forks.stdout
        line = json.dumps([self._store, str(self._record), self._start, value, point])
        print(line, file=self._forks.stdin, flush=True)
        self._start += 60
        return int(self._forks.stdout.readline())

    @property
    def received(self) -> list[str]:
        """The received changes, without time and value."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        return [line.partition("  ")[2].partition(",")[0] for line in lines]

    def reader(self) -> Reader:
        if "://" not in self._store:
            return DiskReader(Path(self._store))
        reader = RedisReader(RedisClient(self._store), "host")
        reader.poll()
        return reader

    def changes(self) -> list[tuple[int, bool]]:
        return [(change.number, change.firing) for change in self.reader().changes()]

    def is_firing(self) -> list[bool]:
        return [state.firing for state in self.reader().thresholds()]


FIRING, RESOLVED = f"{RULE}: firing", f"{RULE}: resolved"


@pytest.mark.parametrize("point", points(*DISK, *REDIS))
def test_alert_is_sent_once_after_kill_during_write(
    point: str, store: str, tmp_path: Path, forks: Forks
) -> None:
    collectors = Collectors(store, tmp_path, forks)
    assert collectors.run(100, point) == KILLED
    assert collectors.run(100) == 0
    assert collectors.received == [FIRING]
    assert (collectors.changes(), collectors.is_firing()) == ([(1, True)], [True])
    assert collectors.run(1) == 0
    assert collectors.received == [FIRING, RESOLVED]
    assert (collectors.changes(), collectors.is_firing()) == ([(1, True), (2, False)], [False])


@pytest.mark.parametrize(
    "point",
    points("replace changes 1 after", "write_text thresholds 2 before", "run_commands changes 1 after"),
)
def test_logged_alert_is_sent_although_it_resolves_meanwhile(
    point: str, store: str, tmp_path: Path, forks: Forks
) -> None:
    collectors = Collectors(store, tmp_path, forks)
    assert collectors.run(100, point) == KILLED
    assert collectors.run(1) == 0
    assert collectors.received == [FIRING, RESOLVED]


@pytest.mark.parametrize("point", points(*UNKNOWN))
def test_message_is_repeated_rather_than_lost_when_its_record_is_missing(
    point: str, store: str, tmp_path: Path, forks: Forks
) -> None:
    """Only the address knows that it has the message: a second one is better than none."""
    collectors = Collectors(store, tmp_path, forks)
    assert collectors.run(100, point) == KILLED
    assert collectors.run(100) == 0
    assert collectors.received == [FIRING, FIRING]
    assert collectors.changes() == [(1, True)]
