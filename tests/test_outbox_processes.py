"""Alerts that reach someone: real processes, a real webhook that hangs, refuses and comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from processes import ROOT, Dashapp, collector, dashapp, free_port, holes, on_grid, stored
from waiting import wait_for
from webhook import Webhook, webhook

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


def told(app: Dashapp) -> bool:
    """Whether the log has the change, and everybody was told of it."""
    return sent(app) == [True]


@pytest.mark.parametrize("store", ["data", "memory:"])
def test_an_alert_is_there_two_seconds_after_its_tick(tmp_path: Path, hook: Webhook, store: str) -> None:
    env = {"DASHAPP_NOTIFY": hook.address}
    with dashapp(tmp_path, *FLAGS, "--store", store, "--title", "Lab <b>", env=env) as app:
        app.serving()
        wait_for(lambda: hook.heard)
        ((at, message),) = hook.heard
        wait_for(lambda: told(app))
        assert at - log(app)[0]["time"] / 1000 <= 2
        assert message["title"].startswith("Lab <b> on ")
        assert f": {LOW}: broken, at " in message["title"]
        assert message["type"] == "warning"
        seen = b" ".join(app.get(path)[1] for path in ("/", "/_dash-layout", "/api/ticks", "/api/alerts"))
        argv = " ".join(" ".join(each.cmdline()) for each in app.family())
    kept = b" ".join(path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file())
    for text in (seen.decode(), argv, app.said, kept.decode(errors="replace")):
        assert "c4nary" not in text


def test_a_hook_that_hangs_keeps_no_tick_waiting(tmp_path: Path, hook: Webhook) -> None:
    hook.hanging = True
    with dashapp(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": hook.address}) as app:
        app.serving()
        wait_for(lambda: hook.tried)
        start = app.newest()
        wait_for(lambda: "address 1 (json): it cannot be reached, or did not answer" in app.notices())
        times = [time for time in app.shown() if time >= start]
        assert len(times) > 15
        assert on_grid(times, 200)
        assert holes(times, 200) == []
        hook.hanging = False
        wait_for(lambda: told(app))
        wait_for(lambda: not app.notices())
        assert len(hook.heard) == 1


@pytest.mark.parametrize("trouble", ["refused", "status"])
def test_what_nobody_takes_waits_over_a_restart(tmp_path: Path, hook: Webhook, trouble: str) -> None:
    hook.status = 500
    refused = f"json://127.0.0.1:{free_port()}/"
    address, said = {
        "refused": (refused, "it cannot be reached"),
        "status": (hook.address, "it answered with status 500"),
    }[trouble]
    with dashapp(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": address}) as app:
        app.serving()
        wait_for(lambda: said in app.notices())
        assert sent(app) == [False]
        app.moves()
    hook.status = 200
    with dashapp(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": address}) as app:
        app.serving().moves()
        assert len(log(app)) == 1
        if trouble == "status":
            wait_for(lambda: told(app))
            assert len(hook.heard) == 1


def test_a_killed_collector_tells_nothing_twice(tmp_path: Path, hook: Webhook) -> None:
    with dashapp(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": hook.address}) as app:
        app.serving()
        for _ in range(3):
            wait_for(lambda: told(app))
            app.child("collector").kill()
            app.moves()
        assert len(hook.heard) == 1


def test_of_two_collectors_one_tells(tmp_path: Path, hook: Webhook) -> None:
    env = {"DASHAPP_NOTIFY": hook.address}
    flags = (*FLAGS, "--store", "here")
    with collector(tmp_path, *flags, env=env) as one, collector(tmp_path, *flags, env=env) as two:
        wait_for(lambda: "standing by" in one.said + two.said)
        wait_for(lambda: hook.heard)
        wait_for(lambda: '": 1' in (tmp_path / "here" / "sent.json").read_text())
        writer, other = (one, two) if "standing by" in two.said else (two, one)
        writer.popen.terminate()
        assert writer.wait() == 0
        ticks = len(stored(tmp_path / "here"))
        wait_for(lambda: len(stored(tmp_path / "here")) > ticks + 3)
        assert other.popen.poll() is None
        assert len(hook.heard) == 1


def test_a_dead_collector_is_told_of_when_one_lives_again(tmp_path: Path, hook: Webhook) -> None:
    flags = ("--interval", "0.2", "--threshold", "cpu.percent missing for 2s")
    env = {"DASHAPP_NOTIFY": hook.address}
    with dashapp(tmp_path, *flags, env=env) as app:
        app.serving().moves()
        app.child("collector").suspend()
        before = app.newest()
        wait_for(lambda: states(app) == ["unknown"])
        wait_for(lambda: time.time() - before / 1000 > 2.5)
        app.child("collector").resume()
        wait_for(lambda: sent(app) == [True, True])
        again, gone = log(app)
        assert (gone["state"], gone["value"], again["state"]) == ("broken", None, "ok")
        assert gone["time"] - before == 2000
        assert hook.heard[-1][1]["type"] == "success"


def test_the_collector_itself_knows_no_apprise(tmp_path: Path, hook: Webhook) -> None:
    """Its memory stays what it was; who carries the message is gone after it."""
    with dashapp(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": hook.address}) as app:
        app.serving()
        wait_for(lambda: told(app))
        process = app.child("collector")
        wait_for(lambda: not process.children())
        with_it = process.memory_info().rss
    with dashapp(tmp_path, "--interval", "0.2", "--store", "other") as app:
        app.serving().moves()
        without = app.child("collector").memory_info().rss
    assert with_it - without < 3_000_000


@pytest.mark.parametrize("program", ["dashapp", "collector"])
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense://c4nary@x", 'DASHAPP_NOTIFY 1 ("nonsense://…") is no address that apprise knows'),
        ("slack://c4nary", 'DASHAPP_NOTIFY 1 ("slack://…") is no address that apprise knows'),
        (
            "json://127.0.0.1:9/;json://",
            "DASHAPP_NOTIFY has 7 characters; expected an address such as json://",
        ),
        ("c4nary", "DASHAPP_NOTIFY has 6 characters; expected an address such as json://"),
    ],
)
def test_a_bad_address_ends_it_in_one_sentence(tmp_path: Path, program: str, address: str, said: str) -> None:
    start = dashapp if program == "dashapp" else collector
    with start(tmp_path, env={"DASHAPP_NOTIFY": address}) as process:
        assert process.wait() == 2
        (line,) = process.lines
    assert line.startswith(said)
    assert "c4nary" not in line


def test_without_apprise_one_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "apprise.py").write_text("raise ImportError(name='apprise')")
    env = {"DASHAPP_NOTIFY": "json://x", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with dashapp(tmp_path, env=env) as app:
        assert app.wait() == 2
        (line,) = app.lines
    wanted = "expected the package apprise beside it: pip install 'apprise>=1.9,<3'"
    assert line == f"DASHAPP_NOTIFY has 1 address; {wanted}"


def test_a_courier_dies_with_its_collector(tmp_path: Path, hook: Webhook) -> None:
    hook.hanging = True
    with collector(tmp_path, *FLAGS, env={"DASHAPP_NOTIFY": hook.address}) as process:
        wait_for(lambda: hook.tried)
        couriers = psutil.Process(process.pid).children()
        assert len(couriers) == 1
        process.popen.kill()
        assert psutil.wait_procs(couriers, 5)[1] == []
