"""Sessions in real processes: one for all workers, over a restart, until another password is set."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

from guarded import PASSWORD, TOKEN
from processes import Dashapp, dashapp, wait_for

ENVIRON = {"DASHAPP_PASSWORD": PASSWORD, "DASHAPP_PUSH_TOKEN": TOKEN}


def post(app: Dashapp, path: str, body: str, **headers: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=5)) as connection:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("set-cookie", "").partition(";")[0]


def sign_in(app: Dashapp, password: str = PASSWORD) -> tuple[int, str]:
    return post(app, "/login", urlencode({"password": password}))


def asked(app: Dashapp, cookie: str) -> set[int]:
    """The answers of many connections, which several workers take in turn."""
    return {app.get("/api/ticks", Cookie=cookie)[0] for _ in range(24)}


def test_a_session_is_every_workers_and_outlives_a_restart(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--workers", "2", env=ENVIRON) as app:
        app.serving()
        status, cookie = sign_in(app)
        assert status == 303
        assert asked(app, cookie) == {200}
        assert asked(app, cookie[:-3]) == {401}
        assert "correct horse" not in app.said
    with dashapp(tmp_path, "--workers", "2", env=ENVIRON) as app:
        app.serving()
        assert asked(app, cookie) == {200}
    with dashapp(tmp_path, env=ENVIRON | {"DASHAPP_PASSWORD": PASSWORD + "9"}) as app:
        app.serving()
        assert asked(app, cookie) == {401}


def test_workers_count_tries_together(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--workers", "3", env=ENVIRON) as app:
        app.serving()
        assert [sign_in(app, "wrong")[0] for _ in range(8)] == [403] * 5 + [429] * 3
        assert sign_in(app)[0] == 429


def test_in_memory_a_session_outlives_a_restart_too(tmp_path: Path) -> None:
    cookies = []
    for _ in range(2):
        with dashapp(tmp_path, "--store", "memory:", env=ENVIRON) as app:
            app.serving()
            cookies.append(sign_in(app)[1])
            assert {app.get("/api/ticks", Cookie=each)[0] for each in cookies} == {200}


def test_programs_push_past_the_password(tmp_path: Path) -> None:
    with dashapp(tmp_path, env=ENVIRON) as app:
        app.serving()
        body = '{"metrics": {"loss": 0.5}}'
        assert post(app, "/api/push", body, Authorization=f"Bearer {TOKEN}")[0] == 200
        assert post(app, "/api/push", body, Authorization=f"Bearer {PASSWORD}")[0] == 403
        bearer = f"Bearer {PASSWORD}"
        wait_for(lambda: b'"loss"' in app.get("/api/ticks", Authorization=bearer)[1])


def test_a_host_that_others_reach_needs_no_public_with_a_password(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--host", "0.0.0.0", env=ENVIRON) as app:
        app.serving()
        assert app.get("/api/ticks", Host="monitor.example")[0] == 401


def test_an_empty_or_weak_password_stops_the_start(tmp_path: Path) -> None:
    for text in ("", "short", "passwort12"):
        with dashapp(tmp_path, env={"DASHAPP_PASSWORD": text}) as app:
            assert app.wait() == 2
            (line,) = app.lines
            assert line.startswith(f"DASHAPP_PASSWORD has {len(text)} characters; expected 10 to 200")
            assert not text or text not in line.replace("password", "")
