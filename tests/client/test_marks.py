"""dashapp.mark and `dashapp mark`: each mark arrives once, and a wrong one is one sentence."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from processes import ROOT
from push_server import EndingMixin, Server, logged, pushed_to
from waiting import PATIENCE_S, wait_for

from dashapp.marks import MarkClient, send_mark

server = pytest.fixture(pushed_to)


class EndingMarks(EndingMixin, MarkClient):
    """A client of marks whose thread and connection end with the test."""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, server: Server) -> Iterator[EndingMarks]:
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)
    found = EndingMarks()
    yield found
    found.end()


def texts(server: Server) -> list[str]:
    return [entry["event"] for entry in server.entries]


def test_marks_arrive_with_their_times(client: EndingMarks, server: Server) -> None:
    before = time.time()
    client.mark("deploy 1.4")
    client.mark("deploy\n 1.5 🚀")
    client.mark("deploy 1.4")
    assert client.flush(PATIENCE_S)
    assert texts(server) == ["deploy 1.4", "deploy 1.5 🚀", "deploy 1.4"]
    assert all(before - 0.001 <= entry["t"] <= time.time() + 0.001 for entry in server.entries)


def test_mark_that_server_could_not_store_is_sent_again(
    client: EndingMarks, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashapp.client.BACKOFF_INITIAL_S", 0.02)
    statuses = [503, 503]
    server.answer = lambda metrics: statuses.pop() if statuses else 200
    client.mark("deploy")
    wait_for(lambda: texts(server) == ["deploy"])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "''"),
        ("  ", "expected 1 to 200"),
        ("x" * 201, "xxx"),
        ("a\x00", "x00"),
        (5, "int"),
        (None, "NoneType"),
    ],
)
def test_wrong_mark_is_dropped_with_one_sentence(
    client: EndingMarks, server: Server, caplog: pytest.LogCaptureFixture, text: object, part: str
) -> None:
    client.mark(text)  # type: ignore[arg-type]
    client.mark(text)  # type: ignore[arg-type]
    (sentence,) = logged(caplog)
    assert part in sentence
    assert "expected 1 to 200 printable characters" in sentence
    client.mark("right")
    assert client.flush(PATIENCE_S)
    assert texts(server) == ["right"]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "dashapp", "mark", *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_command_marks_moment(server: Server) -> None:
    found = command("deploy 1.4")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    assert texts(server) == ["deploy 1.4"]


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        ([], 2, "usage: dashapp mark"),
        (["deploy", "1.4"], 2, "usage: dashapp mark"),
        (["--help"], 0, "usage: dashapp mark"),
        ([" "], 2, "expected 1 to 200 printable characters"),
    ],
)
def test_command_explains_wrong_words(words: list[str], status: int, part: str, server: Server) -> None:
    found, message = send_mark(words)
    assert (found, part in message) == (status, True)
    assert server.entries == []


@pytest.mark.parametrize("status", [400, 403, 503])
def test_command_fails_if_server_does_not_take_mark(status: int, server: Server) -> None:
    server.answer = lambda metrics: status
    found, message = send_mark(["deploy"])
    assert (found, f"a sentence about {status}" in message) == (1, True)


def test_command_fails_without_token_or_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.stop()
    found, message = send_mark(["deploy"])
    assert (found, "refused" in message) == (1, True)
    monkeypatch.delenv("DASHAPP_PUSH_TOKEN")
    assert send_mark(["deploy"]) == (
        1,
        "DASHAPP_PUSH_TOKEN is not set; expected the server's token; no value is sent",
    )
