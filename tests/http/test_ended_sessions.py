"""Sign-out in all processes and machines that share a store."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from redis_server import RedisServer, needs_redis

from dashapp.http.middleware.ended_sessions import (
    FILE_NAME,
    LOCK_NAME,
    REFRESH_INTERVAL_S,
    EndedSessions,
    digest_of,
)
from dashapp.http.middleware.sessions import Sessions
from dashapp.http.middleware.signing_key import SigningKey
from dashapp.http.streams import IN_EVENT_LOOP, WouldBlockError
from dashapp.stores.access import DIGEST_BYTES, MAX_ENDED_SESSIONS
from dashapp.stores.redis.access import RedisAccess
from dashapp.stores.redis.client import RedisClient
from dashapp.stores.redis.keys import ENDED_KEY

KEY = SigningKey(b"k" * 32, "a")
HOST = "127.0.0.1:8050"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def request_of(sessions: Sessions) -> dict[str, Any]:
    return {"HTTP_COOKIE": sessions.create(HOST, secure=False).partition(";")[0], "HTTP_HOST": HOST}


def check_sign_out(mine: EndedSessions, others: EndedSessions, clock: Clock) -> None:
    """Sign out of one of two sessions, and look at both from another process."""
    here, there = Sessions(KEY, ended=mine), Sessions(KEY, ended=others)
    ended, kept = request_of(here), request_of(here)
    _, stream_may_go_on = there.access(ended)
    assert there.is_valid(ended)
    assert stream_may_go_on()
    here.revoke(ended, secure=False)
    clock.now += REFRESH_INTERVAL_S
    assert not stream_may_go_on()
    assert not there.is_valid(ended)
    assert there.is_valid(kept)
    both = {**kept, "HTTP_COOKIE": f"{ended['HTTP_COOKIE']}; {kept['HTTP_COOKIE']}"}
    assert there.is_valid(both)


def test_sign_out_ends_session_in_all_processes_of_a_machine(tmp_path: Path) -> None:
    clock = Clock()
    check_sign_out(EndedSessions(tmp_path, clock=clock), EndedSessions(tmp_path, clock=clock), clock)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


@needs_redis
def test_sign_out_ends_session_on_all_machines(redis: RedisServer) -> None:
    clock = Clock()
    mine, other = (EndedSessions(None, RedisAccess(RedisClient(redis.url)), clock) for _ in range(2))
    check_sign_out(mine, other, clock)
    assert redis.client().ttl(ENDED_KEY) > 0


def test_ended_session_does_not_return_after_a_restart(tmp_path: Path) -> None:
    before = Sessions(KEY, ended=EndedSessions(tmp_path))
    request = request_of(before)
    before.revoke(request, secure=False)
    assert not Sessions(KEY, ended=EndedSessions(tmp_path)).is_valid(request)


def test_one_request_after_an_interval_leaves_the_event_loop(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(KEY, ended=EndedSessions(tmp_path, clock=clock))
    request = request_of(sessions)
    in_loop = {**request, IN_EVENT_LOOP: True}
    assert sessions.is_valid(request)
    assert sessions.is_valid(in_loop)
    clock.now += REFRESH_INTERVAL_S
    with pytest.raises(WouldBlockError):
        sessions.is_valid(in_loop)
    assert sessions.is_valid(in_loop), "the others do not wait for it"


def test_stranger_cannot_cause_a_look_at_ended_sessions(tmp_path: Path) -> None:
    clock = Clock()
    ended = EndedSessions(tmp_path, clock=clock)
    sessions = Sessions(KEY, ended=ended)
    (tmp_path / FILE_NAME).write_bytes(b"x" * DIGEST_BYTES)
    forged = f"dashapp-session-8050={'A' * 12}.A.{'A' * 43}"
    assert not sessions.is_valid({"HTTP_COOKIE": forged, "HTTP_HOST": HOST})
    assert len(ended) == 0


def test_file_of_ended_sessions_is_limited(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(os.urandom(2 * MAX_ENDED_SESSIONS * DIGEST_BYTES))
    ended = EndedSessions(tmp_path)
    ended.add(digest_of("newest"))
    assert path.stat().st_size == MAX_ENDED_SESSIONS * DIGEST_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert {each.name for each in tmp_path.iterdir()} == {FILE_NAME, LOCK_NAME}
    again = EndedSessions(tmp_path)
    again.refresh({})
    assert digest_of("newest") in again
    assert len(again) == MAX_ENDED_SESSIONS


def test_processes_that_shorten_the_file_lose_no_session(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    for number in range(20):
        path.write_bytes(bytes(DIGEST_BYTES) * (2 * MAX_ENDED_SESSIONS - 4))
        digests = [[digest_of(f"{number} {each} {count}") for count in range(4)] for each in range(8)]
        start = Barrier(len(digests))

        def end(those: list[bytes], start: Barrier = start) -> None:
            ended = EndedSessions(tmp_path)
            start.wait()
            for digest in those:
                ended.add(digest)

        threads = [Thread(target=end, args=(those,)) for those in digests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        again = EndedSessions(tmp_path)
        again.refresh({})
        assert all(digest in again for those in digests for digest in those)


@pytest.mark.parametrize("garbage", [b"x" * 7, os.urandom(1 << 20) + b"x"], ids=["part", "megabyte"])
def test_garbage_in_the_file_hides_no_later_session(tmp_path: Path, garbage: bytes) -> None:
    """As after a full disk."""
    (tmp_path / FILE_NAME).write_bytes(garbage)
    EndedSessions(tmp_path).add(digest_of("a"))
    EndedSessions(tmp_path).add(digest_of("b"))
    again = EndedSessions(tmp_path)
    again.refresh({})
    assert digest_of("a") in again
    assert digest_of("b") in again
    assert len(again) <= MAX_ENDED_SESSIONS


def test_folder_that_cannot_be_written_is_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended = EndedSessions(tmp_path / "missing")
    for text in ("a", "b"):
        ended.add(digest_of(text))
    assert digest_of("a") in ended
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/missing/ended cannot be written, so other processes accept ended sessions: "
        "No such file or directory"
    ]


def test_full_sources_displace_nothing_of_each_other(tmp_path: Path) -> None:
    class Shared:
        """All machines ended many others."""

        def __init__(self) -> None:
            self.digests = [digest_of(f"shared {number}") for number in range(MAX_ENDED_SESSIONS)]

        def ended_sessions(self) -> list[bytes]:
            return self.digests

    own = [digest_of(f"own {number}") for number in range(MAX_ENDED_SESSIONS)]
    (tmp_path / FILE_NAME).write_bytes(b"".join(own))
    clock, shared = Clock(), Shared()
    ended = EndedSessions(tmp_path, shared, clock)  # type: ignore[arg-type]
    for _ in range(3):
        ended.refresh({})
        assert all(digest in ended for digest in own + shared.digests)
        clock.now += REFRESH_INTERVAL_S
    shared.digests = []  # Redis does not respond
    ended.refresh({})
    assert len(ended) == 2 * MAX_ENDED_SESSIONS


@needs_redis
def test_foreign_data_in_redis_are_left_out(redis: RedisServer) -> None:
    access = RedisAccess(RedisClient(redis.url))
    redis.client().zadd(ENDED_KEY, {b"short": 1, b"x" * 1000: 2})
    assert access.ended_sessions() == []
    redis.client().delete(ENDED_KEY)
    redis.client().set(ENDED_KEY, "text")
    assert access.ended_sessions() == []
    access.end_session(b"d" * DIGEST_BYTES)
    assert access.ended_sessions() == [b"d" * DIGEST_BYTES]
