"""A user's Dash app, a store for it to show, and requests to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from dash import Dash, html
from wsgi_client import Answer, ask

from dashapp.model.ticks import Metric, SettingsError, Tick
from dashapp.stores.disk.store import DiskStore

LOSS = Metric("loss", "loss", "", "loss")


def loss() -> float:
    return 0.5


def get(app: Dash, path: str, accept_encoding: str = "") -> Answer:
    return ask(app.server.wsgi_app, path, accept_encoding=accept_encoding)


def theirs() -> Dash:
    app = Dash(__name__)
    app.layout = html.Div("Theirs")
    return app


def filled(folder: Path, count: int = 5) -> Path:
    with closing(DiskStore(folder)) as store:
        store.describe([LOSS])
        for number in range(count):
            store.append(Tick(1_700_000_000.0 + number, 1.0, {"loss": float(number)}))
    return folder


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(SettingsError) as caught:
        call()
    said = str(caught.value)
    assert said.count("\n") == 0, said
    return said
