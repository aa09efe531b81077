"""Each block of code in the documentation works: commands, settings, requests, programs."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from doc_snippets import SNIPPETS, Command, Snippet, commands, of, saved_files
from flask import Flask, render_template_string
from processes import ROOT, Dashapp, Process, dashapp, free_port
from push_pipeline import TOKEN
from push_server import Server, pushed_to, run
from tools import NO_NGINX, nginx
from waiting import PATIENCE_S, wait_for

import dashapp as package
from bench.__main__ import PARTS
from bench.scale.__main__ import PARTS as SCALE_PARTS
from dashapp.api import openapi
from dashapp.config.settings import Settings

PASSWORD = "correct horse 7"
# Tests that run the Python code of a page.
RUN_ELSEWHERE = {
    "docs/embedding-dash.md": "test_embedding_docs.py",
    "docs/embedding-django.md": "test_embedding_docs.py",
    "docs/embedding-fastapi.md": "test_embedding_docs.py",
    "docs/embedding-flask.md": "test_embedding_docs.py",
    "docs/embedding-wsgi.md": "test_embedding_docs.py",
    "docs/notebooks.md": "test_notebook.py",
    "docs/training.md": "test_training_docs.py",
}
# Programs that these tests cannot run, and why.
NOT_RUN = {
    ".": "changes the shell that it is in",
    "chmod": "writes to /etc",
    "docker": "needs a container engine; test_deploy.py follows the Dockerfile",
    "echo": "writes to /etc",
    "git": "needs a remote repository",
    "heroku": "needs an account",
    "pipx": "dashapp is not published yet",
    "systemctl": "needs systemd; test_deploy.py starts the unit's command",
    "uvx": "dashapp is not published yet",
}
# Blocks that are no code.
TEXT = {"text"}
server = pytest.fixture(pushed_to)


def names(snippets: list[Snippet]) -> dict[str, Any]:
    """Return the arguments of parametrize for these snippets."""
    return {"argnames": "snippet", "argvalues": snippets, "ids": [snippet.name for snippet in snippets]}


def test_each_block_has_a_language_with_a_test() -> None:
    tested = {"sh", "python", "toml", "json", "html", "markdown", "conf", "ini", "nginx", *TEXT}
    assert [snippet.name for snippet in SNIPPETS if snippet.language not in tested] == []


# Commands.


@pytest.mark.parametrize(**names(of("sh")))
def test_commands_work(snippet: Snippet, tmp_path: Path, served: Callable[[bool], Dashapp]) -> None:
    found = list(commands(snippet.code))
    assert found
    for command in found:
        program = command.argv[0].rpartition("/")[2]
        if program in ("dashapp", "python", "python3"):
            _check_settings(command, tmp_path, saved_files(snippet.page))
        elif program == "make":
            _check_target(command)
        elif program == "pip":
            _check_requirements(command.argv[2:])
        elif program == "curl":
            _request(command.argv[1:], served)
        elif program == "cp":
            assert (ROOT / command.argv[1]).is_file()
        else:
            assert program in NOT_RUN, command


def _check_settings(command: Command, folder: Path, files: dict[str, str]) -> None:
    argv = command.argv[1:]
    if argv[:2] == ["-m", "venv"]:
        return
    argv = argv if command.argv[0] == "dashapp" else argv[2:]
    if argv[:1] == ["mcp"]:
        argv = argv[1:]
    _accepted(argv, folder, files, command.variables)


def _accepted(argv: list[str], folder: Path, files: dict[str, str], variables: dict[str, str]) -> None:
    """Assert that dashapp accepts a command line in a folder with these files."""
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    flag = [] if "--check-config" in argv else ["--check-config"]
    check = subprocess.run(
        [sys.executable, "-m", "dashapp", *argv, *flag],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
        input="",
        timeout=PATIENCE_S,
        check=False,
    )
    assert (check.stdout, check.stderr, check.returncode) == ("ok\n", "", 0)


def _check_target(command: Command) -> None:
    target, *rest = command.argv[1:]
    (phony,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert target in phony.split()
    parts = {"bench": PARTS, "bench-scale": SCALE_PARTS}.get(target)
    for word in rest:
        assert word.startswith("ARGS=")
        if parts:
            assert set(word.removeprefix("ARGS=").split()) <= set(parts)


def _check_requirements(words: list[str]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words:
        if match := re.fullmatch(r"\.\[(.+)\]", word):
            assert set(match[1].split(",")) <= set(extras)
        elif word.endswith((".txt", ".lock")):
            assert (ROOT / word).is_file()
        elif re.fullmatch(r"\w+[<>=].+", word):
            assert any(word in requirements for requirements in extras.values())
        else:
            assert word in (".", "-r", "--require-hashes", "dashapp"), word


# Requests.


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[bool], Dashapp]]:
    """Return a function that starts a server at its first call; with a password, if asked for."""
    started: dict[bool, Dashapp] = {}

    def start(password: bool) -> Dashapp:
        if password not in started:
            env = {"DASHAPP_PUSH_TOKEN": TOKEN, **({"DASHAPP_PASSWORD": PASSWORD} if password else {})}
            process = started[password] = Dashapp(tmp_path_factory.mktemp("served"), env=env)
            process.serving()
            if not password:
                wait_for(lambda: process.ticks()["y"].get("cpu.percent"))
        return started[password]

    yield start
    for process in started.values():
        process.end()


def _request(words: list[str], served: Callable[[bool], Dashapp]) -> None:
    """Send the request of a curl command, and assert that it succeeds."""
    headers, body, url = {}, None, ""
    values = {"$DASHAPP_PUSH_TOKEN": TOKEN, "$DASHAPP_PASSWORD": PASSWORD}
    has_password = any("$DASHAPP_PASSWORD" in word for word in words)
    rest = iter(words)
    for word in rest:
        if word == "-H":
            name, _, value = next(rest).partition(": ")
            for variable, text in values.items():
                value = value.replace(variable, text)
            headers[name] = value
        elif word in ("-d", "--data-binary"):
            body = next(rest)
        elif word == "-o":
            next(rest)
        elif word == "-N":
            pass
        else:
            url = word
    parts = urlsplit(url)
    assert parts.netloc == "127.0.0.1:8050"
    status, text = _send(served(has_password), f"{parts.path}?{parts.query}", body, headers)
    assert status in (200, 204), text


def _send(
    process: Dashapp, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=PATIENCE_S)
    with closing(connection):
        connection.request("GET" if body is None else "POST", path, body, headers or {})
        response = connection.getresponse()
        if response.headers.get_content_type() == "text/event-stream":
            # It has no end.
            return response.status, _first_event(response)
        return response.status, response.read().decode()


def _first_event(response: http.client.HTTPResponse) -> str:
    lines = list(iter(response.readline, b"\n"))
    assert any(line.startswith(b"data:") for line in lines), lines
    return b"".join(lines).decode()


@pytest.mark.parametrize(**names([each for each in of("html", "markdown") if "{{" not in each.code]))
def test_frames_and_pictures_lead_to_a_page(snippet: Snippet, served: Callable[[bool], Dashapp]) -> None:
    addresses = re.findall(r'src="([^"]+)"|!\[[^\]]*\]\(([^)]+)\)', snippet.code)
    assert addresses
    for groups in addresses:
        parts = urlsplit("".join(groups))
        status, text = _send(served(False), f"{parts.path.removeprefix('/monitor')}?{parts.query}")
        assert status == 200, text


@pytest.mark.parametrize(**names([each for each in of("html") if "{{" in each.code]))
def test_template_shows_charts(snippet: Snippet, elsewhere: None) -> None:
    app = Flask(__name__)
    package.mount(app, "/monitor/", collect=False, store="data")

    class Figure:
        def to_html(self, **_: object) -> str:
            return "<b>static</b>"

    with app.test_request_context():
        text = render_template_string(snippet.code, figure=Figure())
    assert text.count("<iframe") == snippet.code.count("dashapp_chart")
    assert text.count("<script") == snippet.code.count("dashapp_plotlyjs")
    assert text.count("<b>static</b>") == snippet.code.count("to_html")


def test_exporter_of_opentelemetry_sends_with_the_variables(served: Callable[[bool], Dashapp]) -> None:
    (snippet,) = of("ini")
    process = served(False)
    variables = dict(line.split("=", 1) for line in snippet.code.splitlines())
    text = {"http://127.0.0.1:8050": f"http://127.0.0.1:{process.port}", "YOUR-PUSH-TOKEN": TOKEN}
    for old, new in text.items():
        assert old in snippet.code
        variables = {name: value.replace(old, new) for name, value in variables.items()}
    program = """
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
meters.get_meter("shop").create_up_down_counter("queue.length").add(7)
assert meters.force_flush()
meters.shutdown()
"""
    subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], **variables},
        check=True,
        timeout=PATIENCE_S,
    )
    wait_for(lambda: any("queue.length" in key for key in process.ticks()["y"]))


# Settings and other files.


@pytest.mark.parametrize(**names(of("toml")))
def test_settings_file_is_accepted(snippet: Snippet, tmp_path: Path) -> None:
    (weather,) = [each.code for each in of("python") if each.page == "docs/tutorial.md"]
    _accepted([], tmp_path, {"weather.py": weather, "dashapp.toml": snippet.code}, {})


@pytest.mark.parametrize(**names([each for each in of("json") if each.page == "docs/assistants.md"]))
def test_settings_of_assistant_are_accepted(snippet: Snippet, tmp_path: Path) -> None:
    server = json.loads(snippet.code)["mcpServers"]["dashapp"]
    command, *flags = server["args"]
    assert (server["command"], command) == ("dashapp", "mcp")
    _accepted(flags, tmp_path, {}, server.get("env", {}))


def objects(value: Any) -> Iterator[set[str]]:
    """Yield the names of the fields of each object that a part of the API's description has."""
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict):
            yield set(value["properties"])
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


DESCRIBED = list(objects(openapi.openapi_document(Settings(), False)))


@pytest.mark.parametrize(**names([each for each in of("json") if each.page == "docs/api.md"]))
def test_response_has_fields_of_the_description(snippet: Snippet) -> None:
    value = json.loads(snippet.code)
    fields = set(value[0] if isinstance(value, list) else value)
    assert any(fields <= described for described in DESCRIBED)


def test_settings_of_telegraf_name_the_default_address() -> None:
    (snippet,) = of("conf")
    (output,) = tomllib.loads(snippet.code)["outputs"]["influxdb_v2"]
    assert output["urls"] == [f"http://127.0.0.1:{Settings().port}"]


@pytest.mark.skipif(nginx() is None, reason=NO_NGINX)
@pytest.mark.parametrize(**names(of("nginx")))
def test_nginx_serves_the_page(snippet: Snippet, tmp_path: Path, served: Callable[[bool], Dashapp]) -> None:
    """The block takes the place of the example's location for dashapp."""
    origin, port = served(False), free_port()
    example = (ROOT / "examples" / "nginx.conf").read_text()
    text, count = re.subn(
        r"location /monitor/ \{.*?\n        \}", lambda _: snippet.code, example, flags=re.DOTALL
    )
    assert count == 1
    text = text.replace("location = / { return 302 /monitor/; }", "")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    (tmp_path / "nginx.conf").write_text(text.replace("127.0.0.1:8050", f"127.0.0.1:{origin.port}"))
    argv = [nginx() or "", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    front = Process(argv, folder=tmp_path, env={})
    try:
        wait_for(lambda: front.popen.poll() is not None or _status(port) == 200)
        assert _status(port) == 200, front.said
    finally:
        front.end()


def _status(port: int) -> int:
    with (
        suppress(OSError),
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as front,
    ):
        front.request("GET", "/", headers={"Host": "localhost"})
        return front.getresponse().status
    return 0


@pytest.mark.parametrize(**names(of("json")))
def test_json_is_valid(snippet: Snippet) -> None:
    assert json.loads(snippet.code)


# Python.

PROGRAMS = [each for each in of("python") if each.page not in RUN_ELSEWHERE]


@pytest.mark.parametrize(**names(PROGRAMS))
def test_program_runs(snippet: Snippet, server: Server) -> None:
    assert run(snippet.code, server).stderr == ""


@pytest.mark.parametrize(**names([each for each in PROGRAMS if "def temperature" in each.code]))
def test_function_is_a_source(snippet: Snippet, tmp_path: Path) -> None:
    (tmp_path / "weather.py").write_text(snippet.code, "utf-8")
    with dashapp(tmp_path, "--source", "weather:temperature") as process:
        process.serving()
        wait_for(lambda: {"temperature.kitchen", "temperature.cellar"} <= process.ticks()["y"].keys())


@pytest.mark.parametrize("page", RUN_ELSEWHERE)
def test_page_is_named_in_its_test(page: str) -> None:
    (path,) = (ROOT / "tests").rglob(RUN_ELSEWHERE[page])
    assert Path(page).name in path.read_text("utf-8")
    assert [each for each in of("python") if each.page == page]


def test_documents_have_each_program_that_is_not_run() -> None:
    used = {command.argv[0] for snippet in of("sh") for command in commands(snippet.code)}
    assert set(NOT_RUN) <= used
