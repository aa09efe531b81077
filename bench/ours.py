"""`python -m bench.ours NAME PORT`: one of our examples as deployed, on one granian worker.

The library behind Dash's `compress=True` compresses Dash's own files.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from flask_compress import Compress

from bench.one_worker import serve


def build() -> Any:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
    app = import_module(os.environ["EXAMPLE"]).app
    server = getattr(app, "server", app)
    Compress(server)
    return server


def main(name: str, port: str) -> None:
    # The worker process builds the application.
    os.environ["EXAMPLE"] = name
    serve("bench.ours:build", int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
