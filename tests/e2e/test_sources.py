"""Sources from the settings, in real processes: values by HTTP, one line per error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import run
from ports import free_port
from processes import ROOT, Dashapp, dashapp
from waiting import wait_for

from dashapp.collector.preflight import check_sources
from dashapp.config.settings import parse_settings
from dashapp.model.ticks import SettingsError

WEATHER = """
import asyncio, threading, dashapp

@dashapp.source(label="<b>Temp</b>", unit="°C", low=-10, high=40)
def temperature():
    return {"kitchen": 21.5, "hall": 18, "cellar": None}

async def wind():
    await asyncio.sleep(0)
    return 7

def hangs():
    threading.Event().wait()

def fails():
    raise OSError("/home/me/secret")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "weather.py").write_text(WEATHER)
    return tmp_path


def newest(app: Dashapp) -> dict[str, Any]:
    return {key: values[-1] for key, values in app.ticks()["y"].items() if values}


def shows(app: Dashapp, *keys: str) -> dict[str, Any]:
    """Return the newest values once all of `keys` have one."""

    def all_of_them() -> dict[str, Any] | None:
        found = newest(app)
        return found if all(found.get(key) is not None for key in keys) else None

    found = wait_for(all_of_them)
    assert found is not None
    return found


def test_function_source_is_collected_beside_machine_source(folder: Path) -> None:
    with dashapp(folder, "--source", "weather:temperature", "--source", "weather:wind") as app:
        app.serving()
        found = shows(app, "temperature.kitchen", "temperature.hall", "wind", "cpu.percent")
        assert (found["temperature.kitchen"], found["temperature.hall"], found["wind"]) == (21.5, 18, 7)
        metrics = {metric["key"]: metric for metric in json.loads(app.get("/api/metrics")[1])}
        assert metrics["temperature.kitchen"] == {
            "key": "temperature.kitchen",
            "label": "<b>Temp</b> kitchen",
            "unit": "°C",
            "panel": "weather-temperature",
            "low": -10,
            "high": 40,
        }
        assert wait_for(app.notices) == (
            "weather:temperature returned no number for temperature.cellar (it is None)"
        )


def test_20_to_22_hanging_and_failing_sources_affect_only_themselves(folder: Path) -> None:
    names = [f"--source=weather:{name}" for name in ("hangs", "fails", "wind")]
    with dashapp(folder, *names, "--interval", "0.2") as app:
        app.serving()
        shows(app, "cpu.percent", "wind")
        wait_for(lambda: "weather:fails failed: OSError" in app.notices())
        assert "secret" not in app.get("/api/ticks?window=100")[1].decode()
        wait_for(lambda: "secret" in app.said)  # only the operator reads the log
        wait_for(lambda: "weather:hangs failed: TimeoutError" in app.notices(), every=0.2)
        app.moves()
        y = app.ticks(10)["y"]
        rows = [row for row in zip(*y.values(), strict=True) if any(value is not None for value in row)]
        cpu = [*y].index("cpu.percent")
        assert rows
        assert all(row[cpu] is not None for row in rows), "each tick has the machine's values"
        threads = app.child("collector").num_threads()
        for _ in range(5):
            app.moves()
        wait_for(lambda: app.child("collector").num_threads() <= threads)


def test_check_and_program_are_collected(folder: Path) -> None:
    script = folder / "script.sh"
    script.write_text("#!/bin/sh\necho temp=21.5\n")
    script.chmod(0o755)
    sources = ("--source=exec:./script.sh?every=1", "--source", "check:dns://localhost?every=1#name")
    closed = f"check:tcp://127.0.0.1:{free_port()}?every=1#shop"
    with dashapp(folder, *sources, "--source", closed, "--interval", "0.2") as app:
        app.serving()
        found = shows(app, "exec.script.temp", "check.name.latency", "check.shop.up")
        assert (found["exec.script.temp"], found["check.name.up"], found["check.shop.up"]) == (21.5, 1, 0)
        assert "check.shop.latency" not in found
        assert wait_for(app.notices) == "check shop failed: connection refused"


def test_source_from_toml_works_with_memory_store(folder: Path) -> None:
    (folder / "dashapp.toml").write_text(
        'store = "memory:"\n[[source]]\nuse = "weather:wind"\npanel = "garden"\n[[source]]\nuse = "none"\n'
    )
    with dashapp(folder) as app:
        app.serving()
        assert "(store: memory)" in app.said
        shows(app, "wind")
        (metric,) = json.loads(app.get("/api/metrics")[1])
        assert (metric["key"], metric["panel"]) == ("wind", "garden")


BAD = {
    "unknown": ("wether", '--source is "wether"; expected machine, none, '),
    "no-module": ("wether:temperature", "module wether not found in "),
    "no-function": ("weather:temprature", "weather has no function temprature; did you mean temperature?"),
    "broken": ("broken:f", "broken cannot be imported: ZeroDivisionError: division by zero"),
}


@pytest.mark.parametrize(("name", "flags"), [*((name, ()) for name in BAD), ("broken", ("--check-config",))])
def test_invalid_source_prints_one_line_error_before_start(
    folder: Path, name: str, flags: tuple[str, ...]
) -> None:
    source, expected = BAD[name]
    (folder / "broken.py").write_text("print('noise')\n1 / 0\n")
    done = run(folder, "-m", "dashapp", *flags, "--source", source)
    assert done.returncode == 2
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    assert expected in sentence
    assert not (folder / "data").exists()


def test_module_that_exits_at_import_prints_one_line_error(folder: Path) -> None:
    (folder / "dies.py").write_text("import os\nos._exit(3)\n")
    done = run(folder, "-m", "dashapp", "--source", "dies:f")
    assert done.returncode == 2
    assert done.stderr == 'source is "dies:f"; importing it ended the process (exit code 3)\n'


def test_collector_rejects_invalid_source_before_start(folder: Path) -> None:
    done = run(folder, str(ROOT / "collector.py"), "--store", "data", "--source", "weather:temprature")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "did you mean temperature?" in done.stderr
    assert not (folder / "data").exists()


def test_module_import_that_hangs_times_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "endless.py").write_text("import threading; threading.Event().wait()\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    given = ["--source", "endless:f"]
    with pytest.raises(SettingsError, match=r'"endless:f"; importing it took more than 0\.5 seconds'):
        check_sources(parse_settings(given, {}), given, timeout=0.5)


def test_no_collector_server_needs_no_source_module(folder: Path) -> None:
    flags = ["--source", "elsewhere:f", "--no-collector"]
    with dashapp(folder, *flags) as app:
        app.serving()


def test_check_config_prints_ok_for_valid_source(folder: Path) -> None:
    done = run(folder, "-m", "dashapp", "--check-config", "--source", "weather:temperature")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")
    assert not (folder / "data").exists()


def test_check_config_warns_about_unknown_variable(folder: Path) -> None:
    done = run(folder, "-m", "dashapp", "--check-config", env={"DASHAPP_INTERVALL": "2"})
    assert (done.returncode, done.stdout) == (0, "ok\n")
    assert done.stderr == "DASHAPP_INTERVALL is set but is not a setting; did you mean DASHAPP_INTERVAL?\n"


def test_check_config_does_not_wait_for_thread_of_module(folder: Path) -> None:
    busy = "import threading\nthreading.Thread(target=threading.Event().wait).start()\ndef f(): return 1\n"
    (folder / "busy.py").write_text(busy)
    done = run(folder, "-m", "dashapp", "--check-config", "--source", "busy:f")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_web_server_restart_reports_invalid_settings_file(folder: Path) -> None:
    file = folder / "dashapp.toml"
    file.write_text("window = 200")
    with dashapp(folder) as app:
        app.serving()
        file.write_text("widnow = 200")
        app.child("web").kill()
        wait_for(lambda: "did you mean window?" in app.said)
        file.write_text("window = 300")
        wait_for(lambda: app.newest())
        assert "Traceback" not in app.said


def test_all_problems_of_settings_file_are_reported(folder: Path) -> None:
    (folder / "dashapp.toml").write_text('widnow = 5\nport = "x"\n[[panel]]\nkind = "pie"\n')
    for flag in ([], ["--check-config"]):
        done = run(folder, "-m", "dashapp", *flag)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 3
        assert "dashapp.toml: `widnow` is not a setting; did you mean window?\n" in done.stderr


def test_check_config_of_collector_ignores_settings_of_pages(folder: Path) -> None:
    (folder / "dashapp.toml").write_text('host = "0.0.0.0"\n')
    assert run(folder, "-m", "dashapp", "--check-config").returncode == 2
    done = run(folder, "-m", "dashapp", "collect", "--check-config", "--source", "weather:temperature")
    assert (done.returncode, done.stdout) == (0, "ok\n")
