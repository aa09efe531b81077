"""An example of ours as it is deployed, on one worker of granian: `python -m bench.ours NAME PORT`.

Dash's own files are packed by what Dash's `compress=True` uses.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from flask_compress import Compress
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from dashapp.web import THREADS


def build() -> Any:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
    app = import_module(os.environ["EXAMPLE"]).app
    server = getattr(app, "server", app)
    Compress(server)
    return server


def main(name: str, port: str) -> None:
    # The worker builds what it serves.
    os.environ["EXAMPLE"] = name
    Granian(
        "bench.ours:build",
        factory=True,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        websockets=False,
        log_level=LogLevels.error,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
