"""Deployment files: run their commands as far as possible without Docker and systemd."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from ports import free_port
from processes import ROOT, Dashapp, Process
from waiting import wait_for

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
UNIT = (ROOT / "deploy" / "dashapp.service").read_text("utf-8")


def steps(word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", DOCKERFILE, re.MULTILINE)


def serves(folder: Path, argv: list[str], port: int, env: dict[str, str]) -> None:
    """Assert that the command starts, produces ticks, and ends at the first SIGTERM."""
    runner = Process(argv, folder=folder, env=env)
    app = Dashapp.__new__(Dashapp)
    app.port, app.popen = port, runner.popen
    try:
        wait_for(lambda: "Serving on" in runner.said)
        app.moves()
        assert app.get("/", host="my-app.example.test" if "PORT" in env else "localhost")[0] == 200
        runner.popen.send_signal(signal.SIGTERM)
        assert runner.wait() == 0
        wait_for(lambda: not runner.family())
        assert "Traceback" not in runner.said
    finally:
        runner.end()


def test_dockerfile_copies_all_files_needed_to_serve(tmp_path: Path) -> None:
    (allowed,) = [(ROOT / ".dockerignore").read_text().split()]
    for step in steps("COPY"):
        *sources, target = step.split()
        for source in sources:
            assert f"!{source}" in allowed, "else the engine does not get to see it"
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(ROOT / source, tmp_path / target)
    (command,) = steps("CMD")
    argv = json.loads(command)
    assert argv[0] == "python"
    port = free_port()
    # PYTHONPATH is the copied folder alone, because the container has nothing else.
    serves(tmp_path, [sys.executable, *argv[1:]], port, {"PORT": str(port), "PYTHONPATH": str(tmp_path)})
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_dockerfile_installs_requirements_of_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (install,) = [step for step in steps("RUN") if "pip install" in step]
    assert "-r requirements.txt" in install
    assert [part for part in shlex.split(install) if part.startswith("redis")] == extras["redis"]
    (python,) = re.findall(r"python:(\d\.\d+)-slim", DOCKERFILE)
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    assert any(fnmatch(each, f"*Python :: {python}") for each in classifiers)


def test_systemd_unit_command_serves(tmp_path: Path) -> None:
    (command,) = re.findall(r"^ExecStart=(.+)$", UNIT, re.MULTILINE)
    store, port = tmp_path / "state", free_port()
    argv = shlex.split(command.replace("/var/lib/dashapp", str(store)))
    argv[argv.index("--port") + 1] = str(port)
    serves(tmp_path, [sys.executable, *argv[1:]], port, {})
    assert (store / "cache.db").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here to look at its unit")
def test_systemd_unit_passes_systemd_analyze(tmp_path: Path) -> None:
    unit = tmp_path / "dashapp.service"
    unit.write_text(UNIT.replace("/opt/dashapp/bin/python", sys.executable))
    found = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
