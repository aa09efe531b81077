"""The signing key: equal in all processes and after restarts, and random."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from authenticated_app import PASSWORD, filled, guarded, link, sign_in
from redis_server import RedisServer, needs_redis
from waiting import PATIENCE_S
from wsgi_client import ask

from dashapp.config.settings import parse_settings
from dashapp.http.middleware.sessions import Sessions
from dashapp.http.middleware.signing_key import (
    KEY_FILE_NAME,
    REFRESH_INTERVAL_S,
    SigningKey,
    process_secret,
    stored_secret,
)
from dashapp.http.types import WSGIApp
from dashapp.stores.access import SECRET_BYTES
from dashapp.stores.redis.access import RedisAccess
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.keys import SECRET_KEY
from dashapp.web.app import create_app

HOST = "127.0.0.1:8050"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_secret_is_created_once_and_accessible_to_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    secret = stored_secret([folder])
    assert stored_secret([folder]) == secret
    path = folder / KEY_FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in folder.iterdir()] == [KEY_FILE_NAME]


def test_key_depends_on_secret_and_password() -> None:
    values = [SigningKey(secret * SECRET_BYTES, text).value for secret in (b"a", b"b") for text in ("a", "b")]
    assert len(set(values)) == 4
    assert SigningKey(b"a" * SECRET_BYTES, "a").value == values[0]


class SilentAccess:
    """A Redis that does not respond before `release`."""

    def __init__(self) -> None:
        self.asked, self.release = Event(), Event()
        self.release.set()

    def secret(self, proposal: bytes) -> bytes:
        self.asked.set()
        self.release.wait(PATIENCE_S)
        return proposal


def test_key_is_there_while_redis_does_not_respond() -> None:
    """A share link stopped the event loop, and /healthz, until the timeout of Redis."""
    clock, shared = Clock(), SilentAccess()
    key = SigningKey(b"a" * SECRET_BYTES, PASSWORD, shared, clock)  # type: ignore[arg-type]
    value = key.value
    clock.now += 2
    shared.asked.clear()
    shared.release.clear()
    with ThreadPoolExecutor(2) as pool:
        refreshing = pool.submit(key.refresh)
        assert shared.asked.wait(PATIENCE_S)
        try:
            assert pool.submit(lambda: key.value).result(PATIENCE_S / 4) is value
            assert not refreshing.done()
        finally:
            shared.release.set()


def test_secret_is_equal_in_concurrent_processes(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: stored_secret([tmp_path]), range(64)))) == 1


@pytest.mark.parametrize("rubbish", [b"", b"short", b"x" * (SECRET_BYTES + 1)])
def test_corrupt_secret_is_replaced(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / KEY_FILE_NAME).write_bytes(rubbish)
    assert stored_secret([tmp_path]) == stored_secret([tmp_path])
    assert len((tmp_path / KEY_FILE_NAME).read_bytes()) == SECRET_BYTES


@pytest.mark.skipif(os.name == "nt", reason="modes of Unix")
def test_readable_secret_is_restricted_with_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    secret = stored_secret([tmp_path])
    (tmp_path / KEY_FILE_NAME).chmod(0o644)
    assert stored_secret([tmp_path]) == secret
    assert (tmp_path / KEY_FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert "was readable by other users" in caplog.text


def test_secret_is_stored_in_the_first_folder_that_permits_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unwritable = Path("/proc/nothing")
    assert stored_secret([unwritable, tmp_path]) == stored_secret([None, tmp_path])
    assert (tmp_path / KEY_FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert "cannot be stored" in caplog.text


def test_secret_without_folder_is_random() -> None:
    """It was once made of the password alone, which everybody can guess offline."""
    assert stored_secret([]) == stored_secret([Path("/proc/nothing")]) == process_secret()
    first = process_secret()
    process_secret.cache_clear()
    assert first != process_secret()
    assert len(first) == SECRET_BYTES


@pytest.mark.parametrize("kept", [True, False])
def test_session_survives_server_restart(tmp_path: Path, kept: bool) -> None:
    folder = tmp_path if kept else None
    cookie = sign_in(guarded(folder=folder))
    again = guarded(folder=folder)
    assert ask(again, "/api/ticks", cookie=cookie).status == 200
    other = guarded(folder=folder, password="another horse 8")
    assert ask(other, "/api/ticks", cookie=cookie).status == 401


def access(redis: RedisServer) -> RedisAccess:
    return RedisAccess(RedisClient(redis.url))


def machine(redis: RedisServer, password: str = PASSWORD) -> WSGIApp:
    """Return the application of one of several machines; each has another secret at first."""
    process_secret.cache_clear()
    settings = parse_settings(["--store", "memory:"], {"DASHAPP_PASSWORD": password})
    return create_app(filled(), settings, shared=access(redis))


@needs_redis
def test_machines_with_one_redis_accept_each_others_sessions_and_links(redis: RedisServer) -> None:
    machines = [machine(redis) for _ in range(3)]
    cookies = [sign_in(app) for app in machines]
    paths = [link(app) for app in machines]
    for app in [*machines, machine(redis)]:
        assert {ask(app, "/api/ticks", cookie=cookie).status for cookie in cookies} == {200}
        assert {ask(app, f"{path}api/ticks").status for path in paths} == {200}
    other = machine(redis, "another horse 8")
    assert {ask(other, "/api/ticks", cookie=cookie).status for cookie in cookies} == {401}
    assert {ask(other, f"{path}api/ticks").status for path in paths} == {403}
    assert len(redis.client().get(SECRET_KEY)) == SECRET_BYTES


@needs_redis
def test_concurrent_machines_store_one_secret(redis: RedisServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: access(redis).secret(os.urandom(SECRET_BYTES)), range(32)))
    assert len(found) == 1


@needs_redis
@pytest.mark.parametrize(
    "command",
    [("SET", SECRET_KEY, "short"), ("SET", SECRET_KEY, "x" * 1_000_000), ("LPUSH", SECRET_KEY, "x")],
)
def test_foreign_value_in_place_of_the_secret_is_replaced(redis: RedisServer, command: Any) -> None:
    redis.client().execute_command(*command)
    machines = [machine(redis) for _ in range(2)]
    cookie = sign_in(machines[0])
    assert ask(machines[1], "/api/ticks", cookie=cookie).status == 200


def is_valid(sessions: Sessions, cookie: str) -> bool:
    return sessions.is_valid({"HTTP_COOKIE": cookie, "HTTP_HOST": HOST})


@needs_redis
def test_session_is_valid_after_redis_lost_the_secret(redis: RedisServer) -> None:
    """The next process that creates or checks a session stores its own again."""
    clock = Clock()
    keys = [SigningKey(os.urandom(SECRET_BYTES), "a", access(redis), clock) for _ in range(2)]
    sessions = [Sessions(key) for key in keys]
    redis.client().flushall()
    clock.now += REFRESH_INTERVAL_S
    cookie = sessions[0].create(HOST, secure=False).partition(";")[0]
    assert redis.client().get(SECRET_KEY) == keys[1].secret
    assert all(is_valid(each, cookie) for each in sessions)


@needs_redis
def test_secret_of_redis_replaces_that_of_an_outage(redis: RedisServer) -> None:
    clock = Clock()
    own = [os.urandom(SECRET_BYTES) for _ in range(2)]
    redis.kill()
    client = RedisClient(redis.url)
    late = SigningKey(own[0], "a", RedisAccess(client), clock)
    sessions = Sessions(late)
    assert late.secret == own[0]
    redis.start()
    redis.client().set(SECRET_KEY, own[1])
    cookie = Sessions(SigningKey(own[1], "a")).create(HOST, secure=False).partition(";")[0]
    client._open_until = 0.0  # as a second later
    assert not is_valid(sessions, cookie), "it asks once a second"
    clock.now += REFRESH_INTERVAL_S
    assert is_valid(sessions, cookie)
    assert late.secret == own[1]


@needs_redis
def test_session_of_unknown_key_asks_redis_once_a_second(redis: RedisServer) -> None:
    clock = Clock()
    key = SigningKey(os.urandom(SECRET_BYTES), "a", access(redis), clock)
    sessions = Sessions(key)
    forged = Sessions(SigningKey(b"o" * SECRET_BYTES, "a")).create(HOST, secure=False).partition(";")[0]

    def commands() -> int:
        return int(redis.client().info("commandstats").get("cmdstat_eval", {"calls": 0})["calls"])

    before = commands()
    clock.now += REFRESH_INTERVAL_S
    for _ in range(50):
        assert not is_valid(sessions, forged)
        assert not is_valid(sessions, "dashapp-session-8050=x")
    assert commands() == before + 1
