"""Addresses on which the command listens, and host names that it accepts."""

from __future__ import annotations

import http.client
from contextlib import closing
from pathlib import Path

import psutil
from processes import Dashapp, dashapp
from waiting import PATIENCE_S

# Collecting has no effect on these tests.
ALONE = "--no-collector"


def test_server_listens_on_loopback_only_by_default(tmp_path: Path) -> None:
    with dashapp(tmp_path, ALONE) as app:
        app.serving()
        assert listening(app) == {"127.0.0.1"}
        assert app.get("/", host="evil.test")[0] == 400


def test_public_server_listens_on_all_interfaces(tmp_path: Path) -> None:
    with dashapp(tmp_path, ALONE, "--public") as app:
        app.serving()
        assert f"Serving on http://0.0.0.0:{app.port} (store: data/)" in app.lines
        assert listening(app) == {"0.0.0.0"}
        assert app.get("/", host="my.example.test")[0] == 200


def test_public_server_with_loopback_host_listens_on_loopback_only(tmp_path: Path) -> None:
    with dashapp(tmp_path, ALONE, "--public", "--host", "localhost") as app:
        app.serving()
        assert f"Serving on http://127.0.0.1:{app.port} (store: data/)" in app.lines
        assert listening(app) == {"127.0.0.1"}
        assert app.get("/", host="my.example.test")[0] == 200


def test_server_listens_on_other_loopback_address(tmp_path: Path) -> None:
    with dashapp(tmp_path, ALONE, "--host", "127.0.0.2") as app:
        app.serving()
        assert f"Serving on http://127.0.0.2:{app.port} (store: data/)" in app.lines
        with closing(http.client.HTTPConnection("127.0.0.2", app.port, timeout=PATIENCE_S)) as connection:
            connection.request("GET", "/")
            assert connection.getresponse().status == 200


def listening(app: Dashapp) -> set[str]:
    return {
        connection.laddr.ip
        for each in app.family()
        for connection in each.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == app.port
    }
