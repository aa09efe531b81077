"""One granian worker, set up like dashapp's web process, for another application."""

from __future__ import annotations

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from dashapp.web.worker import MIN_THREADS


def serve(target: str, port: int, threads: int = MIN_THREADS) -> None:
    """Serve the application that the function `target` builds, such as "bench.ours:build"."""
    Granian(
        target,
        factory=True,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=threads,
        websockets=False,
        log_level=LogLevels.error,
    ).serve()
