"""dashapp.run sends metrics with their steps, and the end of a run; it raises nothing."""

from __future__ import annotations

import atexit
import inspect
import logging
import math
import os
import pickle
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from effort import calls_of
from push_server import EndingMixin, Server, logged, pushed_to
from push_server import run as run_program
from waiting import PATIENCE_S, wait_for

import dashapp
from dashapp import training_run
from dashapp.training_run import MAX_CONFIG_CHARS, MAX_CONFIG_ENTRIES, Run, RunClient

server = pytest.fixture(pushed_to)


class EndingRuns(EndingMixin, RunClient):
    """A client of runs whose thread and connection end with the test."""


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch, server: Server) -> Iterator[EndingRuns]:
    monkeypatch.setattr(atexit, "register", lambda *_: None)
    monkeypatch.setattr(os, "register_at_fork", lambda **_: None)
    client = EndingRuns()
    monkeypatch.setattr(training_run, "_client", client)
    yield client
    client.end()


def steps_of(server: Server, name: str) -> list[tuple[float, float]]:
    """Return the steps and values of a metric, as the server received them."""
    return [
        (entry["step"], entry["metrics"][name]) for entry in list(server.entries) if name in entry["metrics"]
    ]


def states(server: Server) -> list[str]:
    return [entry["run"]["state"] for entry in list(server.entries) if "state" in entry["run"]]


def test_run_sends_values_with_steps_config_and_end(server: Server) -> None:
    with dashapp.run("resnet", lr=0.01, layers={"head": 2}) as run:
        run.log(loss=0.5, step=10)
        run.log({"val": {"f1": 0.8}})
    wait_for(lambda: "finished" in states(server))
    assert steps_of(server, "loss") == [(10, 0.5)]
    assert steps_of(server, "val.f1") == [(10, 0.8)]
    (last,) = [entry for entry in server.entries if entry["run"].get("state") == "finished"]
    assert last["run"]["config"] == {"lr": 0.01, "layers.head": 2}
    assert {entry["run"]["id"] for entry in server.entries} == {run.id}


def test_end_of_run_arrives_after_its_last_value(server: Server) -> None:
    with dashapp.run("resnet") as run:
        for step in range(5000):
            run.log(loss=step, step=step)
    wait_for(lambda: "finished" in states(server))
    assert steps_of(server, "loss")[-1] == (4999, 4999)


@pytest.mark.parametrize(
    ("error", "state", "name"),
    [
        (None, "finished", ""),
        (ValueError("secret"), "failed", "ValueError"),
        (KeyboardInterrupt(), "failed", "KeyboardInterrupt"),
        (SystemExit(), "finished", ""),
        (SystemExit(0), "finished", ""),
        (SystemExit(3), "failed", "SystemExit"),
    ],
)
def test_end_of_with_block_tells_how_the_run_ended(
    server: Server, error: BaseException | None, state: str, name: str
) -> None:
    run = dashapp.run("resnet")
    run.__exit__(type(error) if error else None, error, None)
    wait_for(lambda: state in states(server))
    (last,) = [entry["run"] for entry in server.entries if entry["run"].get("state") == state]
    assert last["error"] == name
    assert "secret" not in str(server.entries)


def test_failure_is_raised_again() -> None:
    with pytest.raises(ZeroDivisionError), dashapp.run("resnet"):
        raise ZeroDivisionError


def test_log_has_the_signature_of_wandb() -> None:
    parameters = inspect.signature(Run.log).parameters
    assert [*parameters][:4] == ["self", "data", "step", "commit"]
    assert all(parameters[name].default is None for name in ("data", "step", "commit"))


def test_step_rises_with_each_call_unless_it_is_not_committed(runs: EndingRuns) -> None:
    run = dashapp.run("resnet")
    steps = []
    for arguments in ({}, {}, {"commit": False}, {}, {"step": 10}, {}, {}, {"step": 10.5}):
        before = run.step
        run.log({"x": 1}, **arguments)
        steps.append(arguments.get("step", before))
    assert steps == [0, 1, 2, 2, 10, 10, 11, 10.5]
    assert run.step == 12, "a step that falls has no effect"


class Scalar:
    """A number as torch has it: no float, but `item`."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def item(self) -> Any:
        return self._value


@pytest.mark.parametrize(
    "value",
    [2, 2.0, np.float32(2), np.int64(2), np.array(2.0), np.array([2.0]), np.array([[2]]), Scalar(2), 10 // 5],
)
def test_numbers_of_any_type_arrive(server: Server, value: Any) -> None:
    dashapp.run("resnet").log(x=value)
    wait_for(lambda: steps_of(server, "x") == [(0, 2.0)])


def test_booleans_arrive_as_numbers(server: Server) -> None:
    data: dict[Any, Any] = {"yes": True, "no": np.bool_(False), 7: 1}
    dashapp.run("resnet").log(data)
    wait_for(lambda: server.newest == {"yes": 1, "no": 0, "7": 1})


class Hostile:
    def __float__(self) -> float:
        raise RuntimeError("a program's own")

    def __repr__(self) -> str:
        raise RuntimeError("a program's own")


@pytest.mark.parametrize(
    "call",
    [
        {"data": 5},
        {"data": "loss"},
        {"data": [("loss", 1)]},
        {"data": {"a": None}},
        {"data": {"a": "text"}},
        {"data": {"a": b"1"}},
        {"data": {"a": math.nan}},
        {"data": {"a": -math.inf}},
        {"data": {"a": 10**400}},
        {"data": {"a": 1e301}},
        {"data": {"a": 1j}},
        {"data": {"a": [1]}},
        {"data": {"a": np.array([1, 2])}},
        {"data": {"a": Hostile()}},
        {"data": {"a": {"b": None}}},
        {"data": {None: 1}},
        {"data": {True: 1}},
        {"data": {"": 1}},
        {"data": {"a\n": 1}},
        {"data": {"a" * 121: 1}},
        {"data": {"step:a": 1}},
        {"data": {"a": 1}, "step": -1},
        {"data": {"a": 1}, "step": "5"},
        {"data": {"a": 1}, "step": math.nan},
        {"data": {"a": 1}, "step": True},
        {"data": {"a": 1}, "step": [5]},
        {"data": {"a": 1, "step": "x"}},
    ],
)
def test_invalid_input_of_log_is_named_once_and_raises_nothing(
    server: Server, call: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    run = dashapp.run("resnet")
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            run.log(**call)
    assert len(logged(caplog)) == 1
    assert len(logged(caplog)[0]) < 300
    assert "expected" in logged(caplog)[0] or "failed" in logged(caplog)[0]
    run.log(good=1)
    wait_for(lambda: server.newest == {"good": 1})


def test_falling_step_is_dropped_with_one_warning(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    run = dashapp.run("resnet")
    run.log(loss=0.5, step=100)
    with caplog.at_level(logging.WARNING):
        run.log(loss=9, step=99)
        run.log(loss=9, step=5)
    run.log(other=1, step=100)
    wait_for(lambda: "other" in server.newest)
    assert [value for _, value in steps_of(server, "loss")] == [0.5]
    assert len(logged(caplog)) == 1


@pytest.mark.parametrize("data", [{"loss": 0.3, "step": 7}, {"loss": 0.3, "step": np.int64(7)}])
def test_step_among_the_values_is_the_step(server: Server, data: dict[str, Any]) -> None:
    dashapp.run("resnet").log(data)
    wait_for(lambda: steps_of(server, "loss") == [(7, 0.3)])
    assert "step" not in server.newest


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "\ud800"])
def test_invalid_name_of_run_is_a_value_error_with_the_form(name: str) -> None:
    with pytest.raises(ValueError, match=r'^run has the name .+; expected .+run\("resnet"\)$'):
        dashapp.run(name)


@pytest.mark.parametrize("name", [None, 5, b"resnet", ["resnet"], Hostile()])
def test_name_of_run_that_is_no_text_is_a_type_error(name: Any) -> None:
    with pytest.raises(TypeError, match=r'^run has the name .+; expected text, such as run\("resnet"\)$'):
        dashapp.run(name)


@pytest.mark.parametrize("config", ["lr=0.01", 5, [("lr", 0.01)], dict, print])
def test_invalid_config_is_a_type_error_with_the_form(config: Any) -> None:
    with pytest.raises(TypeError, match=r"^config is .+; expected a dict, such as config="):
        dashapp.run("resnet", config)


def test_config_of_any_content_becomes_plain_values() -> None:
    config: dict[Any, Any] = {
        "lr": np.float32(0.5),
        "n": np.int64(3),
        "flag": True,
        "none": None,
        "nan": math.nan,
        "betas": (0.9, 0.99),
        "long": "x" * 1000,
        "text": "a\nb",
        "deep": {"a": {1: 2}},
        "bad": Hostile(),
        7: 8,
        **{f"n{number}": number for number in range(200)},
    }
    entries = training_run._encodable(dashapp.run("resnet", config).config)
    assert len(entries) == MAX_CONFIG_ENTRIES
    assert len(entries.pop("long")) == MAX_CONFIG_CHARS
    assert {name: value for name, value in entries.items() if name[1:].isdigit() is False or name == "7"} == {
        "lr": 0.5,
        "n": 3,
        "flag": True,
        "none": None,
        "nan": "nan",
        "betas": "(0.9, 0.99)",
        "text": "a b",
        "deep.a.1": 2,
        "bad": "of type Hostile",
        "7": 8,
    }


def test_config_accepts_the_result_of_argparse() -> None:
    assert dashapp.run("a", Namespace(lr=0.1), batch=8).config == {"lr": 0.1, "batch": 8}


def test_change_of_config_arrives_at_the_end(server: Server) -> None:
    with dashapp.run("resnet") as run:
        run.config["best"] = 0.9
    wait_for(lambda: "finished" in states(server))
    assert server.entries[-1]["run"]["config"] == {"best": 0.9}


def test_heartbeat_arrives_without_values(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(RunClient, "idle_timeout_s", 0.05)
    dashapp.run("resnet")
    wait_for(lambda: len(states(server)) > 3)
    assert set(states(server)) == {"running"}


def test_log_after_the_end_is_dropped_with_one_warning(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with dashapp.run("resnet") as run:
        pass
    with caplog.at_level(logging.WARNING):
        run.log(loss=1)
        run.log(loss=1)
    assert logged(caplog) == ["run resnet has finished; its values are dropped; begin another run"]


def test_run_in_another_process_logs_but_does_not_end_the_run(server: Server) -> None:
    run = dashapp.run("resnet", lr=1)
    copy = pickle.loads(pickle.dumps(run))
    copy.log(worker=1)
    copy.finish()
    assert (copy.id, copy.state) == (run.id, "running")
    wait_for(lambda: "worker" in server.newest)
    assert [entry["run"] for entry in server.entries if entry["metrics"]] == [
        {"id": run.id, "name": "resnet"}
    ]


WORKERS = """
    import multiprocessing, dashapp
    def work(run, number):
        with run:
            run.log({f"worker{number}": number}, step=number)
    if __name__ == "__main__":
        context = multiprocessing.get_context("METHOD")
        with dashapp.run("resnet") as run:
            workers = [context.Process(target=work, args=(run, number)) for number in range(2)]
            for worker in workers: worker.start()
            for worker in workers: worker.join()
            run.log(main=5)
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_log_to_the_run_of_their_parent(server: Server, method: str, tmp_path: Path) -> None:
    run_program(WORKERS.replace("METHOD", method), server, file=tmp_path / "program.py")
    assert server.newest == {"worker0": 0, "worker1": 1, "main": 5}
    assert len({entry["run"]["id"] for entry in server.entries}) == 1
    assert states(server)[-1] == "finished"
    assert set(states(server)[:-1]) <= {"running"}


@pytest.mark.parametrize(
    ("ending", "state", "error"),
    [
        ("", "finished", ""),
        ("try: 1 / 0\nexcept ZeroDivisionError: pass", "finished", ""),
        ("import sys, os\nsys.excepthook = lambda *_: None\n1 / 0", "failed", "ZeroDivisionError"),
    ],
)
def test_program_that_ends_without_finish_ends_its_run(
    server: Server, ending: str, state: str, error: str
) -> None:
    code = f"import dashapp\nrun = dashapp.run('resnet')\nrun.log(loss=1)\n{ending}\n"
    run_program(code, server, check=False)
    assert server.newest == {"loss": 1}
    assert (server.entries[-1]["run"]["state"], server.entries[-1]["run"]["error"]) == (state, error)


def test_log_is_cheap(runs: EndingRuns) -> None:
    run = dashapp.run("resnet")
    run.log(loss=0.5, accuracy=0.5)
    assert calls_of(lambda: run.log(loss=0.5, accuracy=0.5)) < 60


def test_wandb_is_one_import(server: Server) -> None:
    import dashapp.wandb as wandb

    with pytest.raises(RuntimeError, match=r"expected wandb\.init"):
        wandb.log({"loss": 1})
    with wandb.init(project="mnist", name="resnet", config={"lr": 0.1}, tags=["a"]) as run:
        wandb.log({"loss": 0.5}, step=3)
        assert wandb.run is run
        assert wandb.config == {"lr": 0.1}
        wandb.finish()
    wait_for(lambda: "finished" in states(server))
    assert steps_of(server, "loss") == [(3, 0.5)]
    assert server.entries[-1]["run"]["name"] == "resnet"


def test_unknown_step_is_kept_apart_from_a_rejected_value(server: Server) -> None:
    server.answer = lambda metrics: 400 if "bad" in metrics else 200
    run = dashapp.run("resnet")
    run.log(bad=1, good=2, step=4)
    wait_for(lambda: steps_of(server, "good") == [(4, 2)], PATIENCE_S)
