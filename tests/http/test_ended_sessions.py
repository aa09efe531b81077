"""Sign-out in all processes and machines that share a store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from redis_server import RedisServer, needs_redis

from dashapp.http.middleware.ended_sessions import FILE_NAME, REFRESH_INTERVAL_S, EndedSessions
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
    ended.add("newest")
    assert path.stat().st_size == MAX_ENDED_SESSIONS * DIGEST_BYTES
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]
    again = EndedSessions(tmp_path)
    again.refresh({})
    assert "newest" in again
    assert len(again) == MAX_ENDED_SESSIONS


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
