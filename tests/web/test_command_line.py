"""The command line: output, flags, exit codes and error messages."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from authenticated_app import TOKEN
from command_line import run
from ports import free_port
from processes import ROOT, Dashapp, Process, collector, dashapp
from waiting import PATIENCE_S, wait_for


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    with dashapp(tmp_path_factory.mktemp("app"), env={"DASHAPP_PROT": "1"}) as process:
        yield process.serving()


def test_command_prints_url_and_serves_history(app: Dashapp) -> None:
    assert f"Serving on http://127.0.0.1:{app.port} (store: data/)" in app.lines
    status, page = app.get("/")
    assert status == 200
    assert b"dashapp" in page
    wait_for(app.newest)
    assert wait_for(lambda: json.loads(app.get("/api/metrics")[1]))
    assert app.store.stat().st_mode & 0o777 == 0o700
    assert wait_for(lambda: app.get("/readyz")[0] == 200)
    for path in re.findall(rb'(?:src|href)="(/[^"]+)"', page):
        assert app.get(path.decode())[0] == 200, path


def test_first_cpu_value_is_above_zero_on_busy_machine(tmp_path: Path) -> None:
    """Fault 9: on a busy machine the first tick does not show psutil's initial 0.0."""
    burner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with dashapp(tmp_path) as app:
            app.serving()
            wait_for(app.newest)
            assert app.ticks()["y"]["cpu.percent"][0] > 0
    finally:
        burner.kill()
        burner.wait()


def test_non_local_host_requires_public_flag(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "dashapp", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--public" in done.stderr


PROGRAMS = [["-m", "dashapp"], [str(ROOT / "collector.py")], ["-m", "dashapp", "collect"]]


@pytest.mark.parametrize("program", PROGRAMS)
def test_35_invalid_settings_are_all_reported_before_start(tmp_path: Path, program: list[str]) -> None:
    flags = ["--port", "x", "--interval", "0", "--prot", "1"]
    done = run(tmp_path, *program, *flags, env={"DASHAPP_WINDOW": "1", "WEB_CONCURRENCY": "0"})
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 5
    assert '"--prot" is not a setting; did you mean --port?' in lines
    assert any(line.startswith('DASHAPP_WINDOW is "1"; expected seconds from 10 to ') for line in lines)
    assert not list(tmp_path.iterdir())


def test_36_port_in_use_prints_one_line_error(tmp_path: Path) -> None:
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = run(tmp_path, "-m", "dashapp", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f'--port is "{port}"' in done.stderr
    assert "choose another" in done.stderr


def test_36_second_server_on_same_port_does_not_disturb_first(app: Dashapp, tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "dashapp", "--port", str(app.port))
    assert done.returncode == 2
    app.moves()


# A window longer than the history of the memory store causes no error.
@pytest.mark.parametrize(("store", "window"), [("/proc/nothing", "86400"), ("file/s", "100")])
def test_41_unwritable_folder_falls_back_to_memory_with_notice(
    tmp_path: Path, store: str, window: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    flags = ("--store", store, "--workers", "2", "--interval", "0.2", "--window", window)
    with dashapp(tmp_path, *flags) as app:
        app.serving()
        assert f"Serving on http://127.0.0.1:{app.port} (store: memory)" in app.lines
        assert f"{store} cannot be written" in app.said
        app.moves()
        wait_for(lambda: "memory only" in app.notices())
        app.popen.send_signal(signal.SIGTERM)
        assert app.wait() == 0


def test_41_read_only_file_system_falls_back_to_memory(tmp_path: Path) -> None:
    """A read-only root file system: neither `data/` nor the user's folder is writable."""
    (tmp_path / "data").write_text("in the way")
    with dashapp(tmp_path, env={"XDG_DATA_HOME": "/proc/nothing"}) as app:
        app.serving()
        assert "(store: memory)" in app.said
        app.moves()


@pytest.mark.skipif(sys.platform != "linux", reason="takes root's power by a call of Linux's")
def test_read_only_store_is_served_without_accepting_pushes(tmp_path: Path) -> None:
    store = tmp_path / "data"
    with collector(tmp_path, "--store", "data", "--interval", "0.2"):
        wait_for((store / "tail").exists)
        store.chmod(0o555)
        flags = ("--no-collector", "--store", "data")
        with dashapp(tmp_path, *flags, env={"DASHAPP_PUSH_TOKEN": TOKEN}, powerless=True) as app:
            app.serving().moves()
            assert "data cannot be written; it is opened read-only" in app.said
            assert "(store: data/)" in app.said
            with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
                headers = {"Authorization": f"Bearer {TOKEN}"}
                connection.request("POST", "/api/push", b'{"metrics": {"loss": 1}}', headers)
                answer = connection.getresponse()
                assert (answer.status, b"cannot be written" in answer.read()) == (503, True)
        store.chmod(0o700)


def test_memory_store_creates_no_data_folder(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--store", "memory:") as app:
        app.serving().moves()
        assert not (tmp_path / "data").exists()


def test_two_workers_return_consistent_ticks(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--workers", "2", "--interval", "0.2") as app:
        app.serving().moves()
        assert len(app.child("web").children(recursive=True)) >= 2
        cursor, seen = "", list[int]()
        for _ in range(60):
            answer = app.ticks(after=cursor)
            seen = answer["t"] if answer["reset"] else seen + answer["t"]
            cursor = answer["cursor"]
        assert seen == sorted(set(seen))
        assert {time for time in app.ticks()["t"] if seen[0] <= time <= seen[-1]} <= set(seen)


def test_no_collector_server_shows_ticks_of_separate_collector(tmp_path: Path) -> None:
    with dashapp(tmp_path, "--no-collector") as app:
        app.serving()
        assert json.loads(app.get("/healthz")[1]) == {"status": "stale", "age": None}
        with collector(tmp_path, "--store", "data", "--interval", "0.2"):
            app.moves()


def test_server_handles_head_unknown_path_and_wrong_method(app: Dashapp) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        for path in ("/", "/api/ticks"):
            connection.request("HEAD", path)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
        connection.request("GET", "/nothing")
        assert connection.getresponse().read() == b"Page not found."
        for path, home in (("/nothing", "./"), ("/a/b/c?d=/", "../../")):
            connection.request("GET", path, headers={"Accept": "text/html"})
            answer = connection.getresponse()
            assert answer.status == 404
            assert f'<a href="{home}">'.encode() in answer.read()
        connection.request("POST", "/api/ticks", body=b"x" * 100_000)
        assert connection.getresponse().status == 405


def test_unknown_variable_is_logged_with_suggestion(app: Dashapp) -> None:
    assert "did you mean DASHAPP_PORT?" in app.said


@pytest.mark.parametrize("program", PROGRAMS[1:])
def test_collector_rejects_memory_and_unwritable_store(tmp_path: Path, program: list[str]) -> None:
    done = run(tmp_path, *program, "--store", "memory:")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = run(tmp_path, *program, "--store", "/proc/nothing")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot write to /proc/nothing" in done.stderr


@pytest.mark.parametrize("program", PROGRAMS[1:])
def test_collector_needs_no_page_password(tmp_path: Path, program: list[str]) -> None:
    (tmp_path / "dashapp.toml").write_text('host = "0.0.0.0"\nstore = "data"\nproxy_user = "X-User"\n')
    process = Process([sys.executable, *program], folder=tmp_path, env={})
    try:
        wait_for((tmp_path / "data" / "tail").exists)
    finally:
        process.end()


def test_version_and_help_flags_print_and_exit(tmp_path: Path) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run(tmp_path, "-m", "dashapp", "--version").stdout)
    help_text = run(tmp_path, "-m", "dashapp", "--help").stdout
    for flag in ("--port", "--public", "--no-collector", "--store", "DASHAPP_PORT", "dashapp collect"):
        assert flag in " ".join(help_text.split())
    assert run(tmp_path, "-m", "dashapp", "collect", "--help").stdout.startswith("usage: dashapp collect ")


def test_port_is_reused_after_restart(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        with dashapp(tmp_path, "--port", str(port), "--store", "memory:") as app:
            app.port = port
            app.serving()
            app.moves()
            app.popen.terminate()
            assert app.wait() == 0
