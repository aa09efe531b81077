"""An example of ours on the server that the original is measured on: `python -m bench.ours NAME PORT`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from gevent.pywsgi import WSGIServer


def main(name: str, port: str) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
    app = import_module(name).app
    WSGIServer(("127.0.0.1", int(port)), getattr(app, "server", app), log=None).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
