"""Sessions in real processes: all workers, restarts, and changes of the password."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from authenticated_app import PASSWORD, TOKEN
from processes import Dashapp, collector, dashapp
from redis_server import RedisServer, needs_redis
from waiting import PATIENCE_S, wait_for

ENVIRON = {"DASHAPP_PASSWORD": PASSWORD, "DASHAPP_PUSH_TOKEN": TOKEN}
PROXY = ("--proxy-user", "X-User", "--trusted-proxy", "127.0.0.1")


def post(app: Dashapp, path: str, body: str, **headers: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("set-cookie", "").partition(";")[0]


def sign_in(app: Dashapp, password: str = PASSWORD) -> tuple[int, str]:
    return post(app, "/login", urlencode({"password": password}))


def create_link(app: Dashapp) -> tuple[int, bytes]:
    """Create a share link as a user that a trusted proxy has authenticated."""
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request(
            "POST",
            "/api/share",
            json.dumps({"panels": ["cpu"], "days": 1, "window": 30}),
            {"X-User": "anna", "Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        return answer.status, answer.read()


def statuses(app: Dashapp, cookie: str = "", path: str = "/api/ticks") -> set[int]:
    """Return the statuses of requests on many connections, which several workers share."""
    return {app.get(path, Cookie=cookie)[0] for _ in range(24)}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    with dashapp(tmp_path_factory.mktemp("guarded"), "--host", "0.0.0.0", env=ENVIRON) as app:
        yield app.serving()


def test_session_is_valid_in_all_workers_and_after_restart(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--workers", "2", env=ENVIRON) as app:
        app.serving()
        status, cookie = sign_in(app)
        assert status == 303
        assert statuses(app, cookie) == {200}
        assert statuses(app, cookie[:-3]) == {401}
        assert "correct horse" not in app.said
    with dashapp(tmp_path, "--workers", "2", env=ENVIRON) as app:
        app.serving()
        assert statuses(app, cookie) == {200}
    with dashapp(tmp_path, env=ENVIRON | {"DASHAPP_PASSWORD": PASSWORD + "9"}) as app:
        app.serving()
        assert statuses(app, cookie) == {401}


def test_workers_share_count_of_login_attempts(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--workers", "3", env=ENVIRON) as app:
        app.serving()
        assert [sign_in(app, "wrong")[0] for _ in range(8)] == [403] * 5 + [429] * 3
        assert sign_in(app)[0] == 429


@needs_redis
def test_redis_machines_share_sessions_and_count_login_attempts_together(
    tmp_path: Path, redis: RedisServer
) -> None:
    with ExitStack() as stack:
        machines = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            started = dashapp(tmp_path / name, "--store", redis.url, "--workers", "2", env=ENVIRON)
            machines.append(stack.enter_context(started).serving())
        cookies = [sign_in(app)[1] for app in machines]
        for app in machines:
            assert [statuses(app, each) for each in cookies] == [{200}] * 2
        answers = [sign_in(machines[number % 2], "wrong")[0] for number in range(8)]
        assert answers == [403] * 5 + [429] * 3


@needs_redis
def test_redis_share_link_is_valid_in_all_workers_and_after_restart(
    tmp_path: Path, redis: RedisServer
) -> None:
    flags = ("--store", redis.url, "--workers", "2", *PROXY)
    paths = []
    for _ in range(2):
        with dashapp(tmp_path, *flags) as app:
            app.serving()
            status, body = create_link(app)
            assert status == 200, body
            paths.append("/" + str(json.loads(body)["path"]))
            for path in paths:
                assert statuses(app, path=path) == {200}
    kept = [*(tmp_path / ".local").rglob("signing.key")]
    assert [each.stat().st_mode & 0o777 for each in kept] == [0o600]


@pytest.mark.skipif(sys.platform != "linux", reason="takes root's power by a call of Linux's")
def test_share_link_is_valid_in_all_workers_with_read_only_store(tmp_path: Path) -> None:
    with collector(tmp_path, "--store", "data"):
        wait_for((tmp_path / "data" / "tail").exists)
    (tmp_path / "data").chmod(0o555)
    flags = ("--no-collector", "--store", "data", "--workers", "2")
    with dashapp(tmp_path, *flags, *PROXY, powerless=True) as app:
        app.serving()
        status, body = create_link(app)
        assert status == 200, body
        path = "/" + str(json.loads(body)["path"])
        assert statuses(app, path=path) == {200}
    (tmp_path / "data").chmod(0o700)


def test_session_survives_restart_with_memory_store(tmp_path: Path) -> None:
    cookies = []
    for _ in range(2):
        with dashapp(tmp_path, "--store", "memory:", env=ENVIRON) as app:
            app.serving()
            cookies.append(sign_in(app)[1])
            assert {app.get("/api/ticks", Cookie=each)[0] for each in cookies} == {200}


def test_push_uses_token_instead_of_password(guarded: Dashapp) -> None:
    body = '{"metrics": {"loss": 0.5}}'
    assert post(guarded, "/api/push", body, Authorization=f"Bearer {TOKEN}")[0] == 200
    assert post(guarded, "/api/push", body, Authorization=f"Bearer {PASSWORD}")[0] == 403
    bearer = f"Bearer {PASSWORD}"
    wait_for(lambda: b'"loss"' in guarded.get("/api/ticks", Authorization=bearer)[1], every=0.1)


def test_non_local_host_needs_no_public_flag_with_password(guarded: Dashapp) -> None:
    assert guarded.get("/api/ticks", Host="monitor.example")[0] == 401


def test_weak_password_stops_start(tmp_path: Path) -> None:
    with dashapp(tmp_path, env={"DASHAPP_PASSWORD": "passwort12"}) as app:
        assert app.wait() == 2
        (line,) = app.lines
        assert line.startswith("DASHAPP_PASSWORD has 10 characters; expected 10 to 200")
        assert "passwort12" not in line
