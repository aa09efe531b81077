"""dashapp.push to a server that is away, or refuses: all of it is tried again, and costs nothing else."""

from __future__ import annotations

import json
import logging
import time

import pytest
from processes import free_port
from push_server import Server, pushed_to, pusher_of_a_test, serving, told
from waiting import wait_for

from dashapp.client import Pusher

server = pytest.fixture(pushed_to)
pusher = pytest.fixture(pusher_of_a_test)


def test_the_server_away_is_one_warning_and_the_newest_come_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, pusher: Pusher
) -> None:
    port = free_port()
    monkeypatch.setenv("DASHAPP_URL", f"http://127.0.0.1:{port}")
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            pusher.push({"a": number, "b": number})
            assert pusher.flush(5), "a refused connection is no wait"
        assert told(caplog) == [
            f"http://127.0.0.1:{port} does not take what is pushed "
            "([Errno 111] Connection refused); trying again"
        ]
        with serving(port) as back:
            wait_for(lambda: back.newest == {"a": 2, "b": 2})
            wait_for(lambda: len(told(caplog)) == 2)
    assert "again" in told(caplog)[1]


@pytest.mark.parametrize("status", [500, 503, 429, 401, 403, 404, 302])
def test_what_the_server_does_not_take_now_is_tried_again_later(
    pusher: Pusher, server: Server, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [status, status]
    tried: list[float] = []

    def refuse_twice(metrics: dict[str, float]) -> int:
        tried.append(time.monotonic())
        return answers.pop() if answers else 200

    server.answer = refuse_twice
    with caplog.at_level(logging.WARNING):
        pusher.push("a", 1)
        wait_for(lambda: server.newest == {"a": 1})
        wait_for(lambda: len(told(caplog)) == 2)
    assert f"a sentence about {status}" in told(caplog)[0]
    assert tried[1] - tried[0] > 0.2
    assert tried[2] - tried[1] > 0.2


def test_one_bad_name_does_not_cost_the_others(
    pusher: Pusher, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = lambda metrics: 400 if "bad" in metrics else 200
    values = {f"m{number}": float(number) for number in range(20)}
    with caplog.at_level(logging.WARNING):
        pusher.push({**values, "bad": 1})
        assert pusher.flush(5)
        assert server.newest == values
        asked = len(server.headers)
        pusher.push({**values, "bad": 2})
        assert pusher.flush(5)
    assert len(server.headers) == asked + 1, "it is not tried at each push"
    assert told(caplog) == ["bad is not taken: a sentence about 400"]


def test_no_request_is_greater_than_the_server_takes(pusher: Pusher, server: Server) -> None:
    sizes: list[int] = []

    def measure(metrics: dict[str, float]) -> int:
        sizes.append(len(json.dumps({"metrics": metrics}, ensure_ascii=False).encode()))
        return 200

    server.answer = measure
    values = {"é" * 190 + str(number): 1.5 for number in range(700)}
    pusher.push(values)
    assert pusher.flush(10)
    assert server.newest == values
    assert max(sizes) <= 64 << 10
