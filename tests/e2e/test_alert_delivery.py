"""Alert delivery with real processes and a webhook that hangs, fails and recovers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from ports import free_port
from processes import ROOT, Dashapp, Process, alive, collector, dashapp, on_grid, stored
from waiting import wait_for
from webhook_server import Webhook, webhook

LOW = "memory.percent > 0.001"
FLAGS = ("--interval", "0.2", "--threshold", LOW)


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


def log(app: Dashapp) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(app.get("/api/alerts")[1])["log"]
    return found


def states(app: Dashapp) -> list[str]:
    return [each["state"] for each in json.loads(app.get("/api/alerts")[1])["thresholds"]]


def sent(app: Dashapp) -> list[bool | None]:
    return [each["sent"] for each in log(app)]


def is_delivered(app: Dashapp) -> bool:
    """Return whether the log has one change and all targets received it."""
    return sent(app) == [True]


@pytest.mark.parametrize("store", ["data", "memory:"])
def test_alert_names_host_and_metric_and_keeps_target_url_secret(
    tmp_path: Path, hook: Webhook, store: str
) -> None:
    env = {"DASHAPP_NOTIFY": hook.address}
    with dashapp(tmp_path, *FLAGS, "--store", store, "--title", "Lab <b>", env=env) as app:
        app.serving()
        argv = set[str]()

        def heard() -> bool:
            for each in app.family():
                with suppress(psutil.Error):
                    argv.update(each.cmdline())
            return is_delivered(app)

        wait_for(heard)
        ((_at, message),) = hook.heard
        assert message["title"].startswith("Lab <b> on ")
        assert f": {LOW}: firing, at " in message["title"]
        assert message["type"] == "warning"
        seen = b" ".join(app.get(path)[1] for path in ("/", "/_dash-layout", "/api/ticks", "/api/alerts"))
    kept = b" ".join(path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file())
    for text in (seen.decode(), " ".join(argv), app.said, kept.decode(errors="replace")):
        assert "c4nary" not in text


def test_hanging_webhook_delays_no_tick(tmp_path: Path, hook: Webhook) -> None:
    hook.hanging = True
    with dashapp(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": hook.address}) as app:
        app.serving()
        wait_for(lambda: hook.tried)
        start = app.newest()
        unanswered = "address 1 (json): it is unreachable, or did not respond"
        for _ in range(10):
            app.moves()
        wait_for(lambda: unanswered in app.notices(), every=0.2)
        assert on_grid([time for time in app.shown() if time >= start], 200)
        hook.hanging = False
        wait_for(lambda: is_delivered(app), every=0.1)
        wait_for(lambda: not app.notices())
        assert len(hook.heard) == 1


def test_alert_is_delivered_after_restart_when_webhook_failed(tmp_path: Path, hook: Webhook) -> None:
    hook.status = 500
    refused = f"json://127.0.0.1:{free_port()}/"
    env = {"DASHAPP_NOTIFY": f"{refused};{hook.address}"}
    with dashapp(tmp_path, *FLAGS, env=env) as app:
        app.serving()
        for said in (
            "address 1 (json): it is unreachable",
            "address 2 (json): it responded with status 500",
        ):
            wait_for(lambda said=said: said in app.notices(), every=0.1)  # type: ignore[misc]
        assert sent(app) == [False]
        app.moves()
    hook.status = 200
    with dashapp(tmp_path, *FLAGS, env=env) as app:
        app.serving()
        wait_for(lambda: hook.heard)
        wait_for(lambda: "address 1" in app.notices() and "address 2" not in app.notices(), every=0.1)
        app.moves()
        assert sent(app) == [False]
        assert len(hook.heard) == 1


def test_alert_is_sent_once_when_collector_is_killed(tmp_path: Path, hook: Webhook) -> None:
    with dashapp(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": hook.address}) as app:
        app.serving()
        for _ in range(2):
            wait_for(lambda: is_delivered(app))
            app.child("collector").kill()
            app.moves()
        wait_for(lambda: is_delivered(app))
        assert len(hook.heard) == 1


def test_alert_is_sent_once_by_two_collectors(tmp_path: Path, hook: Webhook) -> None:
    env = {"DASHAPP_NOTIFY": hook.address}
    flags = (*FLAGS, "--store", "here")
    with collector(tmp_path, *flags, env=env) as one, collector(tmp_path, *flags, env=env) as two:
        wait_for(lambda: "standing by" in one.said + two.said)
        wait_for(lambda: hook.heard)
        known = tmp_path / "here" / "sent.json"
        wait_for(lambda: known.exists() and '": 1' in known.read_text())
        writer, other = (one, two) if "standing by" in two.said else (two, one)
        writer.popen.terminate()
        assert writer.wait() == 0
        ticks = len(stored(tmp_path / "here"))
        wait_for(lambda: len(stored(tmp_path / "here")) > ticks + 3)
        assert other.popen.poll() is None
        assert len(hook.heard) == 1


def test_missing_data_alert_is_sent_after_collector_resumes(tmp_path: Path, hook: Webhook) -> None:
    flags = ("--interval", "0.2", "--threshold", "cpu.percent missing for 2s")
    env = {"DASHAPP_NOTIFY": hook.address}
    with dashapp(tmp_path, *flags, env=env) as app:
        app.serving().moves()
        app.child("collector").suspend()
        wait_for(lambda: states(app) == ["unknown"])
        before = app.newest()
        # Wait longer than the threshold allows data to be missing.
        wait_for(lambda: time.time() - before / 1000 > 2.5)
        app.child("collector").resume()

        def both() -> list[dict[str, Any]]:
            found = log(app)
            return found if [each["sent"] for each in found] == [True, True] else []

        again, gone = wait_for(both)
        assert (gone["state"], gone["value"], again["state"]) == ("broken", None, "ok")
        assert gone["time"] - before == 2000
        assert hook.heard[-1][1]["type"] == "success"


def test_collector_memory_stays_small_with_notifications(tmp_path: Path, hook: Webhook) -> None:
    """The collector's memory stays the same, because the process that sends the message exits."""
    env = {"DASHAPP_NOTIFY": hook.address}
    with collector(tmp_path, *FLAGS, "--store", "one", env=env) as running:
        wait_for(lambda: hook.heard)
        process = psutil.Process(running.pid)
        wait_for(lambda: not process.children())
        with_it = process.memory_info().rss
    # Another one with an address that has nothing to send.
    quiet = ("--interval", "0.2", "--threshold", "memory.percent > 100")
    with collector(tmp_path, *quiet, "--store", "other", env=env) as running:
        wait_for(lambda: stored(tmp_path / "other"))
        without = psutil.Process(running.pid).memory_info().rss
    assert with_it - without < 3_000_000


@pytest.mark.parametrize(
    ("start", "address", "said"),
    [
        (
            dashapp,
            "nonsense://c4nary@x",
            'DASHAPP_NOTIFY 1 is "nonsense://…"; expected a service that apprise supports',
        ),
        (
            collector,
            "slack://c4nary",
            'DASHAPP_NOTIFY 1 is "slack://…"; expected a service that apprise supports',
        ),
        (
            dashapp,
            "json://127.0.0.1:9/;json://",
            "DASHAPP_NOTIFY has 7 characters; expected an address such as json://",
        ),
    ],
)
def test_invalid_notify_url_stops_start_with_one_line_error(
    tmp_path: Path, start: Callable[..., AbstractContextManager[Process]], address: str, said: str
) -> None:
    with start(tmp_path, env={"DASHAPP_NOTIFY": address}) as process:
        assert process.wait() == 2
        (line,) = process.lines
    assert line.startswith(said)
    assert "c4nary" not in line


def test_missing_apprise_stops_start_with_install_hint(tmp_path: Path) -> None:
    (tmp_path / "apprise.py").write_text("raise ImportError(name='apprise')")
    env = {"DASHAPP_NOTIFY": "json://x", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with dashapp(tmp_path, env=env) as app:
        assert app.wait() == 2
        (line,) = app.lines
    wanted = "expected the package apprise to be installed: pip install 'apprise>=1.9,<3'"
    assert line == f"DASHAPP_NOTIFY has 1 address; {wanted}"


def test_apprise_worker_exits_with_its_collector(tmp_path: Path, hook: Webhook) -> None:
    hook.hanging = True
    with collector(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": hook.address}) as process:
        wait_for(lambda: hook.tried)
        (courier,) = psutil.Process(process.pid).children()
        process.popen.kill()
        wait_for(lambda: not alive(courier))
