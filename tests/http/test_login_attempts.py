"""Login attempts: five per minute and client, over all threads, processes and machines."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from authenticated_app import PASSWORD, TOKEN, guarded, post
from effort import calls_of
from processes import ROOT
from redis_server import RedisServer, needs_redis
from wsgi_client import ask

from dashapp.http.middleware import login_attempts
from dashapp.http.middleware.login_attempts import ATTEMPTS_FILE_NAME, LoginAttempts
from dashapp.stores.access import ATTEMPT_SLOTS, MAX_ATTEMPTS
from dashapp.stores.redis.access import RedisAccess
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.keys import ATTEMPTS_KEY


def key() -> bytes:
    return b"k" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "folder"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path if request.param == "folder" else None


def test_login_attempts_allow_five_per_minute_and_client(folder: Path | None) -> None:
    clock = Clock()
    tries = LoginAttempts(key, folder, clock)
    for _ in range(MAX_ATTEMPTS):
        assert tries.seconds_to_wait("192.0.2.1") == 0
        clock.now += 1
    assert tries.seconds_to_wait("192.0.2.1") == 55
    assert tries.seconds_to_wait("192.0.2.2") == 0, "another visitor's are not counted"
    clock.now += 55
    assert tries.seconds_to_wait("192.0.2.1") == 0
    assert tries.seconds_to_wait("192.0.2.1") == 1
    tries.forget("192.0.2.1")
    assert tries.seconds_to_wait("192.0.2.1") == 0
    assert tries.seconds_to_wait("192.0.2.1") == 1


def test_login_attempts_are_allowed_after_clock_is_set_back(folder: Path | None) -> None:
    clock = Clock()
    tries = LoginAttempts(key, folder, clock)
    for _ in range(MAX_ATTEMPTS):
        tries.seconds_to_wait("a")
    clock.now -= 86_400
    assert tries.seconds_to_wait("a") == 0


def test_login_attempts_are_shared_by_processes_and_survive_restart(tmp_path: Path) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert LoginAttempts(key, tmp_path).seconds_to_wait("a") == 0
    assert LoginAttempts(key, tmp_path).seconds_to_wait("a") > 0
    assert (tmp_path / ATTEMPTS_FILE_NAME).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("rubbish", [b"", b"x" * 7, b"\xff" * 200_000])
def test_login_attempts_are_counted_with_corrupt_file(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / ATTEMPTS_FILE_NAME).write_bytes(rubbish)
    tries = LoginAttempts(key, tmp_path)
    assert [tries.seconds_to_wait("a") > 0 for _ in range(MAX_ATTEMPTS + 1)] == [False] * MAX_ATTEMPTS + [
        True
    ]


def test_login_attempts_are_counted_without_file(tmp_path: Path) -> None:
    tries = LoginAttempts(key, tmp_path / "nothing" / "here")
    assert [tries.seconds_to_wait("a") > 0 for _ in range(MAX_ATTEMPTS + 1)] == [False] * MAX_ATTEMPTS + [
        True
    ]


def test_login_attempts_file_is_bounded(tmp_path: Path) -> None:
    tries = LoginAttempts(key, tmp_path)
    for number in range(2000):
        tries.seconds_to_wait(str(number))
    assert (tmp_path / ATTEMPTS_FILE_NAME).stat().st_size <= ATTEMPT_SLOTS * MAX_ATTEMPTS * 8


def test_sixth_login_attempt_is_rejected_with_correct_password() -> None:
    app = guarded()
    answers = [
        post(app, "/login", {"password": "wrong"}, peer="192.0.2.1").status for _ in range(MAX_ATTEMPTS)
    ]
    assert answers == [403] * MAX_ATTEMPTS
    sixth = post(app, "/login", {"password": PASSWORD}, peer="192.0.2.1")
    assert sixth.status == 429
    assert 1 <= int(sixth.headers["retry-after"]) <= 60
    assert b"Too many attempts. Try again in" in sixth.body
    assert ask(app, "/api/ticks", authorization="Bearer x", peer="192.0.2.1").status == 429
    assert post(app, "/login", {"password": PASSWORD}, peer="192.0.2.2").status == 303


def test_successful_logins_are_not_limited() -> None:
    app = guarded()
    for _ in range(3 * MAX_ATTEMPTS):
        assert post(app, "/login", {"password": PASSWORD}, peer="192.0.2.1").status == 303


def test_password_check_takes_constant_work() -> None:
    """All compared values have the same length, and the comparison never stops early."""
    app = guarded()

    def work(given: str, number: int) -> int:
        return calls_of(lambda: post(app, "/login", {"password": given}, peer=f"2001:db8:{number}::1"))

    work("no", 0)  # the first call fills caches
    found = [work(given, number) for number, given in enumerate(("x", "correct horse 8", "y" * 4000), 1)]
    assert max(found) < 1000, found
    # The only difference is the parsing of the form.
    assert max(found) - min(found) < 30, found


def burst(attempts: list[LoginAttempts], client: str = "192.0.2.1") -> int:
    """Return how many of 40 simultaneous attempts are allowed."""
    start = Barrier(8)

    def attempt(number: int) -> int:
        if number < 8:
            start.wait()
        return attempts[number % len(attempts)].seconds_to_wait(client)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(attempt, range(40))).count(0)


class SlowStart:
    """A clock whose callers read it in turn, and get its times in the opposite order."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now -= 0.01
        return self.now


@pytest.mark.parametrize("clock", [time.time, SlowStart()])
def test_parallel_login_attempts_allow_exactly_five(folder: Path | None, clock: Any) -> None:
    assert burst([LoginAttempts(key, folder, clock)]) == MAX_ATTEMPTS


def test_parallel_login_attempts_of_several_workers_allow_exactly_five(tmp_path: Path) -> None:
    assert burst([LoginAttempts(key, tmp_path) for _ in range(4)]) == MAX_ATTEMPTS


def test_parallel_login_attempts_of_processes_allow_exactly_five(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from dashapp.http.middleware.login_attempts import *; "
        "tries = LoginAttempts(lambda: b'k' * 32, Path(sys.argv[1])); sys.stdin.read(1); "
        "print(sum(tries.seconds_to_wait('a') == 0 for _ in range(10)))"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    started = [
        subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)
    ]
    assert sum(int(each.communicate(b"x")[0]) for each in started) == MAX_ATTEMPTS


@needs_redis
def test_parallel_login_attempts_of_machines_allow_exactly_five(tmp_path: Path, redis: RedisServer) -> None:
    machines = [
        LoginAttempts(key, tmp_path / name, shared=RedisAccess(RedisClient(redis.url))) for name in "abcd"
    ]
    for name in "abcd":
        (tmp_path / name).mkdir()
    assert burst(machines) == MAX_ATTEMPTS
    assert 0 < machines[0].seconds_to_wait("192.0.2.1") <= 60
    assert machines[1].seconds_to_wait("192.0.2.2") == 0
    machines[2].forget("192.0.2.1")
    assert burst(machines) == 1


@needs_redis
def test_login_attempts_are_counted_without_redis_and_in_one_bounded_key(
    tmp_path: Path, redis: RedisServer
) -> None:
    attempts = LoginAttempts(key, tmp_path, shared=RedisAccess(RedisClient(redis.url)))
    for number in range(40):
        attempts.seconds_to_wait(str(number))
    client = redis.client()
    assert client.keys("*") == [ATTEMPTS_KEY.encode()]
    assert client.hlen(ATTEMPTS_KEY) <= ATTEMPT_SLOTS
    assert 0 < client.pttl(ATTEMPTS_KEY) <= 60_000
    redis.kill()
    assert burst([attempts], "b") == MAX_ATTEMPTS


@needs_redis
@pytest.mark.parametrize("command", [("SET", ATTEMPTS_KEY, "x"), ("LPUSH", ATTEMPTS_KEY, "x"), "field"])
def test_login_attempts_are_counted_in_redis_with_foreign_value(redis: RedisServer, command: Any) -> None:
    attempts = LoginAttempts(key, shared=RedisAccess(RedisClient(redis.url)))
    if command == "field":
        command = ("HSET", ATTEMPTS_KEY, attempts._slot("192.0.2.1"), "9" * 1_000_000)
    redis.client().execute_command(*command)
    assert burst([attempts]) == MAX_ATTEMPTS
    assert attempts.seconds_to_wait("192.0.2.1") <= 60


def test_login_attempts_are_counted_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = LoginAttempts(key, tmp_path)
    attempts.seconds_to_wait("a")
    open_file = login_attempts.AttemptTable._open_file

    class FullDisk:
        def __init__(self, file: Any) -> None:
            self.seek, self.read = file.seek, file.read

        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, "no space")

    @contextmanager
    def full(table: Any) -> Iterator[Any]:
        with open_file(table) as file:
            yield FullDisk(file)

    monkeypatch.setattr(login_attempts.AttemptTable, "_open_file", full)
    assert burst([attempts], "a") == MAX_ATTEMPTS - 1
    assert burst([attempts], "b") == MAX_ATTEMPTS
    monkeypatch.undo()
    assert burst([attempts], "b") == 0


def test_wrong_bearer_tokens_are_limited_beside_a_program_with_the_right_one() -> None:
    """The program's address once let any number of wrong tokens pass, until one was right."""
    app = guarded()
    for _ in range(3):
        assert ask(app, "/metrics", authorization=f"Bearer {PASSWORD}", peer="192.0.2.1").status == 200
    wrong = [ask(app, "/metrics", authorization="Bearer x", peer="192.0.2.1").status for _ in range(7)]
    assert wrong == [403] * MAX_ATTEMPTS + [429] * 2
    right = ask(app, "/metrics", authorization=f"Bearer {PASSWORD}", peer="192.0.2.1")
    assert right.status == 429
    assert int(right.headers["retry-after"]) > 0
    assert ask(app, "/metrics", authorization=f"Bearer {PASSWORD}", peer="192.0.2.2").status == 200


@pytest.mark.parametrize("password", [PASSWORD, ""])
def test_wrong_push_tokens_are_limited(password: str) -> None:
    app = guarded(push_token=TOKEN, password=password)

    def push(token: str, peer: str = "192.0.2.1") -> int:
        body = b'{"metrics": {"loss": 1}}'
        authorization = f"Bearer {token}"
        return ask(app, "/api/push", method="POST", body=body, authorization=authorization, peer=peer).status

    assert [push(TOKEN) for _ in range(8)] == [200] * 8
    assert [push("wrong") for _ in range(7)] == [403] * MAX_ATTEMPTS + [429] * 2
    assert push(TOKEN) == 429
    assert push(TOKEN, "192.0.2.2") == 200
    assert not password or post(app, "/login", {"password": password}, peer="192.0.2.1").status == 303


def test_successful_login_does_not_reset_wrong_attempts() -> None:
    """Several visitors can have one address, and one of them knows the password."""
    app = guarded()
    for _ in range(MAX_ATTEMPTS):
        assert post(app, "/login", {"password": PASSWORD}, peer="192.0.2.1").status == 303
        assert post(app, "/login", {"password": "wrong"}, peer="192.0.2.1").status == 403
    assert post(app, "/login", {"password": PASSWORD}, peer="192.0.2.1").status == 429
