"""dashapp.push sends each value once and soon; it logs invalid input and never raises."""

from __future__ import annotations

import logging
import math
import random
import time
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from effort import calls_of
from ports import free_port
from push_pipeline import TOKEN
from push_server import Server, logged, pushed_to, pusher_of_a_test
from waiting import PATIENCE_S, wait_for

from dashapp import client
from dashapp.client import MAX_QUEUED_NAMES, MAX_QUEUED_VALUES, MAX_VALUE_AGE_S, PushClient

server = pytest.fixture(pushed_to)
pusher = pytest.fixture(pusher_of_a_test)


def test_push_sends_one_value_or_mapping(pusher: PushClient, server: Server) -> None:
    pusher.push("loss", 0.31)
    pusher.push({"accuracy": 0.9, "train.loss": 1})
    wait_for(lambda: server.newest == {"loss": 0.31, "accuracy": 0.9, "train.loss": 1.0})
    assert server.headers[0] == ("/api/push", f"Bearer {TOKEN}")


def test_push_combines_burst_into_few_requests_with_newest_value(pusher: PushClient, server: Server) -> None:
    go = Event()
    server.answer = lambda metrics: 200 if go.wait(PATIENCE_S) else 500
    for number in range(5000):
        pusher.push("loss", number)
    go.set()
    assert pusher.flush(PATIENCE_S)
    assert server.newest == {"loss": 4999}
    assert len(server.got) <= 3
    assert pusher.dropped == 0


def test_push_sends_value_queued_during_request(pusher: PushClient, server: Server) -> None:
    entered, go = Event(), Event()

    def slow(metrics: dict[str, float]) -> int:
        entered.set()
        go.wait(PATIENCE_S)
        return 200

    server.answer = slow
    pusher.push("a", 1)
    assert entered.wait(PATIENCE_S)
    pusher.push("a", 2)
    go.set()
    wait_for(lambda: server.got == [{"a": 1}, {"a": 2}])


class RaisingFloat:
    def __float__(self) -> float:
        raise RuntimeError("a program's own")


class RaisingMapping(dict[str, float]):
    def items(self) -> Any:
        raise RuntimeError("a program's own")


CYCLE: dict[str, Any] = {}
CYCLE["a"] = CYCLE


@pytest.mark.parametrize(
    "call",
    [
        ("a", math.nan),
        ("a", math.inf),
        ("a", None),
        ("a", "0.31"),
        ("a", b"1"),
        ("a", [1]),
        ("a", 10**400),
        ("a", 1j),
        ("a", RaisingFloat()),
        ("a",),
        ("", 1),
        ("x" * 201, 1),
        ("a\n", 1),
        ("\ud800", 1),
        (7, 1),
        (None,),
        ([("a", 1)],),
        ({None: 1},),
        ({True: 1},),
        ({"a": {"b": None}},),
        ({"a": {None: 1}},),
        ({"a": CYCLE},),
        (RaisingMapping(a=1),),
    ],
)
def test_push_logs_invalid_input_once_without_raising(
    pusher: PushClient, server: Server, call: tuple[Any, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            pusher.push(*call)
    assert len(logged(caplog)) == 1
    assert len(logged(caplog)[0]) < 300
    pusher.push({"good": 1})
    wait_for(lambda: server.newest == {"good": 1})


class Series:
    """The part of a Series of pandas that counts: names with numbers, and no Mapping."""

    def __init__(self, **numbers: Any) -> None:
        self._numbers = numbers

    def items(self) -> Any:
        return zip(self._numbers, self._numbers.values(), strict=True)

    def __float__(self) -> float:
        raise TypeError("cannot convert the series")


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (
            {"val": {"f1": 0.8, "top": {"1": 0.7, "5": 0.9}}},
            {"val.f1": 0.8, "val.top.1": 0.7, "val.top.5": 0.9},
        ),
        ({"epoch": 3, 7: 1, "gpu": {0: 40, 1: 50}}, {"epoch": 3, "7": 1, "gpu.0": 40, "gpu.1": 50}),
        (Series(loss=0.3, f1=0.8), {"loss": 0.3, "f1": 0.8}),
        ({"val": Series(loss=0.3)}, {"val.loss": 0.3}),
        ({"up": True, "failed": False}, {"up": 1, "failed": 0}),
    ],
)
def test_push_sends_names_with_numbers_of_any_kind(
    pusher: PushClient, server: Server, metrics: Any, expected: dict[str, float]
) -> None:
    pusher.push(metrics)
    wait_for(lambda: server.newest == expected)


@pytest.mark.parametrize("value", [None, "text", math.nan, RaisingFloat(), [1]])
def test_push_drops_only_the_invalid_value_of_a_mapping_and_names_it(
    pusher: PushClient, server: Server, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        pusher.push({"a": 1, "bad.one": value, "bad.two": value, "z": 2})
    wait_for(lambda: server.newest == {"a": 1, "z": 2})
    assert [message.partition(" ")[0] for message in logged(caplog)] == ["bad.one", "bad.two"]


def test_push_keeps_random_state_of_program_when_retrying(pusher: PushClient, server: Server) -> None:
    server.answer = lambda metrics: 503
    before = random.getstate()
    pusher.push("loss", 0.31)
    wait_for(lambda: len(server.headers) >= 2)
    assert random.getstate() == before


def test_push_accepts_object_with_float_method(pusher: PushClient, server: Server) -> None:
    class Scalar:
        def __float__(self) -> float:
            return 2.5

    pusher.push("a", Scalar())
    wait_for(lambda: server.newest == {"a": 2.5})


def test_push_is_fast_when_server_hangs(pusher: PushClient, server: Server) -> None:
    """Count calls while the server sends no response."""
    entered, go = Event(), Event()

    def stuck(metrics: dict[str, float]) -> int:
        entered.set()
        go.wait(PATIENCE_S)
        return 200

    server.answer = stuck
    pusher.push("loss", 0)
    assert entered.wait(PATIENCE_S)

    def push() -> None:
        for number in range(2000):
            pusher.push("loss", number)

    assert calls_of(push) < 2000 * 25
    assert server.got == []
    go.set()
    wait_for(lambda: server.newest == {"loss": 1999})


def test_push_queue_drops_and_counts_values_when_full(
    monkeypatch: pytest.MonkeyPatch, pusher: PushClient
) -> None:
    monkeypatch.setenv("DASHAPP_URL", f"http://127.0.0.1:{free_port()}")
    pusher._start_lock.acquire()  # no thread starts, so all values wait in the queue
    for number in range(MAX_QUEUED_VALUES + 7):
        pusher.push("a", number)
    assert (len(pusher._queue), pusher.dropped) == (MAX_QUEUED_VALUES, 7)
    pusher.push({f"m{number}": number for number in range(MAX_QUEUED_NAMES + 5)})
    before = pusher.dropped
    pusher._start_lock.release()
    pusher.push("m0", 0)
    assert pusher.flush(PATIENCE_S)
    assert pusher.dropped >= before + 5, "names, of which the oldest give way"


def test_push_starts_thread_later_when_none_is_available(
    pusher: PushClient, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(Thread, "start", refused)
        for number in range(3):
            pusher.push("a", number)
        assert not pusher.flush(0), "it waits still"
    assert len(logged(caplog)) == 1
    pusher.push("b", 3)
    assert pusher.flush(PATIENCE_S)
    assert server.newest == {"a": 2, "b": 3}


def test_push_drops_values_that_waited_too_long(
    pusher: PushClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda metrics: 503
    pusher.push("old", 1)
    assert pusher.flush(PATIENCE_S)
    steady = time.monotonic
    monkeypatch.setattr(client, "time", SimpleNamespace(monotonic=lambda: steady() + MAX_VALUE_AGE_S + 1))
    server.answer = lambda metrics: 200
    pusher.push("new", 1)
    assert pusher.flush(PATIENCE_S)
    assert server.newest == {"new": 1}
    assert pusher.dropped == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DASHAPP_PUSH_TOKEN", "", "DASHAPP_PUSH_TOKEN is not set"),
        ("DASHAPP_PUSH_TOKEN", "a\nb: c", "DASHAPP_PUSH_TOKEN"),
        ("DASHAPP_PUSH_TOKEN", "é" * 16, "DASHAPP_PUSH_TOKEN"),
        ("DASHAPP_URL", "127.0.0.1:8050", "DASHAPP_URL is"),
        ("DASHAPP_URL", "ftp://x", "DASHAPP_URL is"),
        ("DASHAPP_URL", "http://", "DASHAPP_URL is"),
        ("DASHAPP_URL", "http://x:port", "DASHAPP_URL is"),
        ("DASHAPP_URL", "http://[x", "DASHAPP_URL is"),
        ("DASHAPP_URL", "http://x\r\ny", "DASHAPP_URL is"),
    ],
)
def test_push_logs_one_warning_when_environment_is_invalid(
    pusher: PushClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    with caplog.at_level(logging.WARNING):
        for number in range(20):
            pusher.push("a", number)
        assert pusher.flush(PATIENCE_S)
    assert len(logged(caplog)) == 1
    assert said in logged(caplog)[0]
    assert "no value is sent" in logged(caplog)[0]
