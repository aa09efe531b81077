"""`python leak_probe.py EXAMPLE SYMBOL …`: find objects that remain after viewers have left.

It runs in its own process, so that no other code creates objects. It prints JSON: for each round of viewers,
a list of types.
"""

from __future__ import annotations

import gc
import json
import runpy
import sys
from collections import Counter
from typing import Any
from unittest.mock import patch

from wsgi_client import ask

ROUNDS, VIEWERS = 4, 21


def main(example: str, *symbols: str) -> None:
    with patch("dashapp.integrations.dash_attach.EmbeddedCollector.start", lambda self: None):
        app = runpy.run_path(example)["app"].server.wsgi_app
        before = standing()
        rounds = []
        for _ in range(ROUNDS):
            for symbol in symbols * (VIEWERS // len(symbols)):
                visit(app, symbol)
            now = standing()
            rounds.append([name for name, count in (now - before).items() if count >= VIEWERS - 1])
            before = now
    print(json.dumps(rounds))


def visit(app: Any, symbol: str) -> None:
    """Request the page, its callback, and then ticks."""

    def in_json(environ: dict[str, Any], start: Any) -> Any:
        return app({**environ, "CONTENT_TYPE": "application/json"}, start)

    asked = {
        "output": "main.children",
        "outputs": {"id": "main", "property": "children"},
        "inputs": [{"id": "url", "property": "search", "value": f"?symbol={symbol}"}],
        "changedPropIds": ["url.search"],
        "state": [],
    }
    assert ask(app, "/").status == 200
    answer = ask(in_json, "/_dash-update-component", method="POST", body=json.dumps(asked).encode())
    assert f"quotes.{symbol}".encode() in answer.body
    for _ in range(3):
        ticks = ask(app, f"/_dashapp/api/ticks?window=900&like=quotes.{symbol},quotes.{symbol}.close")
        assert ticks.json["t"]


def standing() -> Counter[str]:
    gc.collect()
    return Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())


if __name__ == "__main__":
    main(*sys.argv[1:])
