"""Deployment files: run their commands as far as possible without Docker and systemd."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ports import free_port
from processes import ROOT, Dashapp, Process, dashapp
from tools import nginx
from waiting import PATIENCE_S, wait_for

from dashapp.config.settings import Settings, parse_settings

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


def test_dockerfile_copies_all_files_needed_to_build_and_serve(tmp_path: Path) -> None:
    """Build the wheel from what the engine sees, and serve what is in it."""
    allowed = (ROOT / ".dockerignore").read_text().split()
    context, site = tmp_path / "context", tmp_path / "site"
    for step in steps("COPY"):
        if step.startswith("--from"):
            continue
        *sources, target = step.split()
        for source in sources:
            assert f"!{source}" in allowed, "else the engine does not get to see it"
            if (ROOT / source).is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, context / target, ignore=ignore)
            else:
                context.mkdir(exist_ok=True)
                shutil.copy(ROOT / source, context / target)
    (build,) = [step for step in steps("RUN") if "hatchling build" in step]
    module = build.partition(" -m ")[2].split()
    subprocess.run([sys.executable, "-m", *module], cwd=context, check=True, timeout=4 * PATIENCE_S)
    (wheel,) = (context / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (command,) = steps("CMD")
    assert json.loads(command) == ["dashapp"]
    port = free_port()
    # The variables of the image, with a folder of this test. PYTHONPATH is the wheel alone.
    env = {**image_variables(), "PORT": str(port), "PYTHONPATH": str(site), "DASHAPP_PUBLIC": "1"}
    env["DASHAPP_STORE"] = str(tmp_path / "data")
    serves(tmp_path, [sys.executable, "-m", "dashapp"], port, env)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def image_variables() -> dict[str, str]:
    (line,) = steps("ENV")
    return {name: text for name, _, text in (pair.partition("=") for pair in line.split()) if name != "PATH"}


def test_container_without_password_stops_with_a_sentence(tmp_path: Path) -> None:
    env = {**image_variables(), "DASHAPP_STORE": str(tmp_path / "data")}
    process = Process([sys.executable, "-m", "dashapp"], folder=tmp_path, env=env)
    try:
        assert process.wait() == 2
        assert "set DASHAPP_PASSWORD" in process.said
    finally:
        process.end()


def test_dockerfile_installs_by_hash_and_runs_without_privileges() -> None:
    for step in steps("RUN"):
        for part in re.findall(r"pip install ([^&]+)", step):
            assert "--require-hashes -r " in part or "--no-deps --no-index" in part, part
    users = steps("USER")
    assert users == ["10001:10001"]
    assert steps("VOLUME") == ["/data"]
    (python,) = set(re.findall(r"^FROM python:(\d\.\d+)-slim", DOCKERFILE, re.MULTILINE))
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    assert any(fnmatch(each, f"*Python :: {python}") for each in classifiers)


def test_health_check_of_image_fails_and_passes(tmp_path: Path) -> None:
    (check,) = re.findall(r"^HEALTHCHECK .* CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    argv = [sys.executable, *json.loads(check)[1:]]
    port = free_port()
    env = {**os.environ, "PORT": str(port)}
    assert subprocess.run(argv, env=env, capture_output=True, check=False, timeout=PATIENCE_S).returncode == 1
    with dashapp(tmp_path, "--port", str(port), "--store", "memory:") as app:
        app.serving()
        assert subprocess.run(argv, env=env, check=False, timeout=PATIENCE_S).returncode == 0


LOCKS = {"container": "requirements.txt", "build": "deploy/build.in"}


@pytest.mark.parametrize("name", LOCKS)
def test_locks_of_image_pin_all_requirements_by_hash(name: str) -> None:
    text = (ROOT / "deploy" / f"{name}.lock").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE))
    assert len(pinned) == len(re.findall(r"^[a-z]", text, re.MULTILINE)) > 5
    needed = [*lines_of(LOCKS[name]), *lines_of(f"deploy/{name}.in")]
    for need in map(Requirement, needed):
        assert need.specifier.contains(pinned[canonicalize_name(need.name)])


def lines_of(name: str) -> list[str]:
    return [line for line in (ROOT / name).read_text().splitlines() if line and line[0] not in "#-"]


def test_image_and_servers_have_the_same_releases() -> None:
    pins = re.compile(r"^([\w.-]+==\S+)", re.MULTILINE)
    assert set(pins.findall((ROOT / "requirements.lock").read_text())) <= set(
        pins.findall((ROOT / "deploy" / "container.lock").read_text())
    )


COMPOSE = {
    name: yaml.safe_load((ROOT / name).read_text()) for name in ("compose.yaml", "deploy/compose.redis.yaml")
}
DAEMON_SET = yaml.safe_load((ROOT / "deploy" / "kubernetes.yaml").read_text())


def own_services() -> dict[str, dict[str, Any]]:
    return {
        f"{name} {service}": content
        for name, file in COMPOSE.items()
        for service, content in file["services"].items()
        if content["image"] == "dashapp"
    }


@pytest.mark.parametrize("name", own_services())
def test_containers_run_without_privileges_on_a_read_only_file_system(name: str) -> None:
    service = own_services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "user", "cap_add"} & service.keys()
    for mount in service.get("volumes", ()):
        assert not mount.startswith("/") or ":ro" in mount, "the host is only read"
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", own_services())
def test_settings_of_containers_are_valid(name: str, tmp_path: Path) -> None:
    service = own_services()[name]
    environment = {
        key: re.sub(
            r"\$\{DASHAPP_PASSWORD:.*\}", "correct horse 7 battery", re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        )
        for key, value in service["environment"].items()
        if key not in ("DASHAPP_PROC", "DASHAPP_SYS")
    }
    command = service.get("command", ["dashapp"])[1:]
    serving = command[:1] != ["collect"]
    parse_settings(command if serving else command[1:], {**image_variables(), **environment}, serving=serving)
    if "DASHAPP_PROC" in service["environment"]:
        assert {"/proc:/host/proc:ro", "/sys:/host/sys:ro", "/:/host/root:ro,rslave"} <= set(
            service["volumes"]
        )
        assert (service["environment"]["DASHAPP_PROC"], service["pid"]) == ("/host/proc", "host")


def test_daemon_set_runs_without_privileges_and_reads_the_node() -> None:
    pod = DAEMON_SET["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert all(mounts[f"/host/{name}"]["readOnly"] for name in ("proc", "sys", "root"))
    assert {mount["name"] for mount in mounts.values()} == {volume["name"] for volume in pod["volumes"]}
    names = {f"DASHAPP_{each.name.upper()}" for each in fields(Settings)}
    assert {each["name"] for each in container["env"]} <= names
    labels = DAEMON_SET["spec"]["selector"]["matchLabels"]
    assert DAEMON_SET["spec"]["template"]["metadata"]["labels"] == labels


@pytest.mark.skipif(nginx() is None, reason="nginx is not here to read its file")
def test_nginx_accepts_file_of_compose(tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "nginx.conf").read_text().replace("http://web:8050", "http://127.0.0.1:8050")
    (tmp_path / "nginx.conf").write_text(text.replace("/tmp/", f"{tmp_path}/"))
    argv = [str(nginx()), "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr


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
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
