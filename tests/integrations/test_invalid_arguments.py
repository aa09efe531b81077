"""Wrong arguments of the public functions: one sentence with the correct form."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dash import Dash
from flask import Flask

import dashapp
from dashapp import client
from dashapp.model.ticks import DashappError


class Hostile:
    """A value whose own code fails."""

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    __str__ = __repr__


VALUES = [
    *(None, "", -1, 10**400, math.nan, b"x", [None], {"a": {"b": None}}, "x" * 5000, "\ud800", Hostile()),
    np.arange(3000.0),
]


def mount(**kwargs: Any) -> object:
    dashapp.mount(Flask("host"), **{"collect": False, **kwargs})
    return None


def wsgi_app(**kwargs: Any) -> object:
    return dashapp.wsgi_app(**{"collect": False, **kwargs})


def attach(**kwargs: Any) -> object:
    return dashapp.attach(Dash("host"), **{"collect": False, "store": "kept", **kwargs})


def live_graph(**kwargs: Any) -> object:
    return dashapp.LiveGraph(**{"metrics": "loss", **kwargs}).to_plotly_json()


MONITOR = ("collect", "protect", "sources", "eager", "store", "window", "interval", "hosts", "name")
ATTACH = ("collect", "sources", "eager", "basic", "public", "store", "interval", "size", "threshold", "name")
GRAPH = (
    *("metrics", "window", "title", "of", "kind", "right", "reference", "unit", "low", "high", "controls"),
    *("longest", "theme", "height", "aio_id"),
)
SHOW = ("window", "height", "theme", "sources")
CALLS = [
    *((mount, name) for name in ("at", *MONITOR)),
    *((wsgi_app, name) for name in MONITOR),
    *((attach, name) for name in ATTACH),
    *((live_graph, name) for name in GRAPH),
    *((lambda **kwargs: dashapp.show("loss", **kwargs), name) for name in SHOW),
    (lambda metric: dashapp.show(metric), "metric"),
    (lambda name: dashapp.run(name).finish(), "name"),
    (lambda config: dashapp.run("net", config).finish(), "config"),
]


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
@pytest.mark.parametrize(("call", "argument"), CALLS)
def test_invalid_argument_is_named_in_one_line(
    call: Callable[..., object], argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for value in VALUES:
        try:
            call(**{argument: value})
        except (DashappError, ValueError, TypeError) as error:
            sentence = str(error)
            assert 10 < len(sentence) < 500, sentence
            assert "\n" not in sentence
            assert "expected" in sentence or "needs" in sentence or "need " in sentence


@pytest.mark.parametrize("value", ["no", 0, 1, None, "False"])
@pytest.mark.parametrize("argument", ["collect", "basic", "public", "eager"])
def test_attach_takes_no_text_for_a_switch(argument: str, value: object) -> None:
    with pytest.raises(
        dashapp.model.ticks.SettingsError, match=f"^{argument} is .*; expected True or False$"
    ):
        attach(**{argument: value})


@pytest.mark.parametrize("store", [0, math.nan, ("a",), b"a", True])
@pytest.mark.parametrize("call", [mount, wsgi_app, attach])
def test_store_of_another_type_is_rejected(call: Callable[..., object], store: object) -> None:
    with pytest.raises(DashappError, match=r"^store is .*; expected"):
        call(store=store)


@pytest.mark.parametrize("value", VALUES[:1] + VALUES[2:])
def test_push_and_mark_log_one_line_about_an_invalid_value(
    value: object, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHAPP_PUSH_TOKEN", "t" * 20)
    monkeypatch.setenv("DASHAPP_URL", "http://127.0.0.1:9")
    own = client.PushClient()
    own.push(value, 1.0)  # type: ignore[arg-type]
    own.push({"loss": value})
    for record in caplog.records:
        assert "\n" not in record.getMessage()
    if value is None:
        expected = "None is not a name; expected 1 to 200 printable characters"
        assert expected in [record.getMessage() for record in caplog.records]
