"""dashapp.push retries when the server is down or rejects a request; other values are sent."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import pytest
from ports import free_port
from push_server import Server, logged, pushed_to, pusher_of_a_test, serving
from waiting import PATIENCE_S, wait_for

from dashapp import client
from dashapp.client import PushClient, PushTransport

server = pytest.fixture(pushed_to)
pusher = pytest.fixture(pusher_of_a_test)


def test_push_warns_once_and_sends_newest_when_server_returns(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, pusher: PushClient
) -> None:
    port = free_port()
    monkeypatch.setenv("DASHAPP_URL", f"http://127.0.0.1:{port}")
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            pusher.push({"a": number, "b": number})
            assert pusher.flush(PATIENCE_S)
        assert logged(caplog) == [
            f"push to http://127.0.0.1:{port} failed: [Errno 111] Connection refused; retrying"
        ]
        with serving(port) as back:
            wait_for(lambda: back.newest == {"a": 2, "b": 2})
            wait_for(lambda: len(logged(caplog)) == 2)
    assert "again" in logged(caplog)[1]


@pytest.mark.parametrize("status", [503, 401, 302])
def test_push_retries_with_backoff_when_server_rejects(
    pusher: PushClient,
    server: Server,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers = [status, status]
    server.answer = lambda metrics: answers.pop() if answers else 200
    pauses: list[float] = []
    send = PushTransport.send

    def noted(self: PushTransport, values: Mapping[str, float]) -> tuple[set[str], float]:
        found = send(self, values)
        pauses.append(found[1])
        return found

    monkeypatch.setattr(PushTransport, "send", noted)
    with caplog.at_level(logging.WARNING):
        pusher.push("a", 1)
        wait_for(lambda: server.newest == {"a": 1})
        wait_for(lambda: len(logged(caplog)) == 2)
    assert f"a sentence about {status}" in logged(caplog)[0]
    wait_for(lambda: len(pauses) >= 3)
    first, second = pauses[:2]
    least = client.BACKOFF_INITIAL_S / 2
    assert least <= first <= 4 * least
    assert least <= second <= 8 * least


def test_push_drops_only_rejected_name_and_sends_others(
    pusher: PushClient, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    refused: list[dict[str, float]] = []

    def refuse(metrics: dict[str, float]) -> int:
        if "bad" not in metrics:
            return 200
        refused.append(metrics)
        return 400

    server.answer = refuse
    values = {f"m{number}": float(number) for number in range(20)}
    with caplog.at_level(logging.WARNING):
        pusher.push({**values, "bad": 1})
        assert pusher.flush(PATIENCE_S)
        assert server.newest == values
        asked = len(refused)
        pusher.push({**values, "bad": 2})
        assert pusher.flush(PATIENCE_S)
    assert len(refused) == asked, "it is not tried at each push"
    assert logged(caplog) == ["bad is rejected: a sentence about 400"]


def test_error_message_of_server_is_one_printable_line_in_the_log(
    pusher: PushClient, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Over http, somebody else can answer in place of the server."""
    server.error = "no\n2026-01-01 ERROR forged\x1b[2J\x9b"
    server.answer = lambda metrics: 400
    with caplog.at_level(logging.WARNING):
        pusher.push("a", 1)
        assert pusher.flush(PATIENCE_S)
    (line,) = logged(caplog)
    assert line.isprintable()
    assert "no 2026-01-01 ERROR forged" in line


def test_push_splits_requests_at_server_size_limit(pusher: PushClient, server: Server) -> None:
    sizes: list[int] = []

    def measure(metrics: dict[str, float]) -> int:
        sizes.append(len(json.dumps({"metrics": metrics}, ensure_ascii=False).encode()))
        return 200

    server.answer = measure
    values = {"é" * 190 + str(number): 1.5 for number in range(700)}
    pusher.push(values)
    assert pusher.flush(PATIENCE_S)
    assert server.newest == values
    assert max(sizes) <= 64 << 10


def test_push_thread_continues_after_exception(
    server: Server, pusher: PushClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "MAX_VALUE_AGE_S", 0.01)
    drain, failing = pusher._drain_queue, True

    def fail(pending: dict[str, tuple[float, float]]) -> None:
        if failing:
            raise KeyError("a defect")
        drain(pending)

    monkeypatch.setattr(pusher, "_drain_queue", fail)
    with caplog.at_level(logging.WARNING):
        pusher.push("a", 1)
        wait_for(lambda: logged(caplog))
    assert "KeyError" in logged(caplog)[0]
    monkeypatch.setattr(client, "MAX_VALUE_AGE_S", PATIENCE_S)
    failing = False
    pusher.push("a", 2)
    wait_for(lambda: server.newest == {"a": 2})
