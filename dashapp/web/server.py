"""The web process: granian in front of the application, the store's reader behind it.

The supervisor starts it, and it ends with the supervisor.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from dashapp.config import settings as config
from dashapp.http.middleware.signing_key import process_secret
from dashapp.model.ticks import SettingsError
from dashapp.process.log_format import log_to_terminal
from dashapp.process.signals import call_on_signals, when_parent_exits

if TYPE_CHECKING:
    from dashapp.http.asgi import AsgiBridge

log = logging.getLogger("dashapp")

# Connections of a worker. Beyond these, granian accepts none, so a thread closes the idlest before.
MAX_CONNECTIONS = 4096
SPARE_DESCRIPTORS = 256
# Connections that wait until the server accepts them.
BACKLOG = 1024
# Seconds for responses that are under way when the server stops.
SHUTDOWN_S = 3
# HTTP/1 only: with HTTP/2 allowed, granian waits for the first byte of a connection for ever, and a
# connection may hold megabytes. Without https no browser uses HTTP/2. The buffer limits the headers, and what
# a connection holds of a response.
HTTP1 = HTTP1Settings(header_read_timeout=30_000, max_buffer_size=16 << 10)


def build_app() -> AsgiBridge:
    """Return the application, in the process that serves it."""
    app: AsgiBridge = _worker_module().build_app()
    return app


def _build_worker_app() -> AsgiBridge:
    """Return the application of one of several workers, after the fork."""
    exit_with_parent(lambda: os._exit(0), grace=SHUTDOWN_S)
    return build_app()


def _worker_module() -> ModuleType:
    """Import Dash and the application."""
    # These imports create no garbage, so collections only take time.
    gc.disable()
    # If it is installed, Dash imports it for charts in notebooks: 9 MB and a tenth of a second.
    blocked = sys.modules.setdefault("IPython", None) is None  # type: ignore[arg-type]
    try:
        from dashapp.web import worker
    finally:
        if blocked:
            del sys.modules["IPython"]
        gc.enable()
    return worker


def exit_with_parent(end: Callable[[], object], grace: float = 0) -> None:
    if os.environ.get("DASHAPP_CHILD"):
        when_parent_exits(end, grace)


def main() -> int:
    log_to_terminal("web", logging.WARNING)
    try:
        settings = config.parse_settings(sys.argv[1:], checked=True)
    except SettingsError as error:
        # The supervisor has checked the settings, so the file has changed since then.
        log.error(str(error))
        return 2
    options = {
        "factory": True,
        "address": settings.listen_address,
        "port": settings.port,
        # Without the lifespan protocol. Only with ASGI does a sender learn that a client reads slowly.
        "interface": Interfaces.ASGINL,
        "http": HTTPModes.http1,
        "http1_settings": HTTP1,
        "backpressure": max_connections(),
        "websockets": False,
        "log_level": LogLevels.error,
    }
    if settings.workers > 1:
        _serve_with_workers(settings.workers, options)
    else:
        asyncio.run(_serve_alone(options))
    return 0


async def _serve_alone(options: dict[str, Any]) -> NoReturn:
    """Serve in this process; one that only waits for a worker costs 12 MB."""
    server = Server(build_app, backlog=BACKLOG, **options)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        # Responses that their clients do not read would keep the server.
        loop.call_later(SHUTDOWN_S, os._exit, 0)
        server.stop()  # type: ignore[no-untyped-call]

    def end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        # The event loop may hang.
        time.sleep(SHUTDOWN_S + 1)
        os._exit(0)

    call_on_signals(loop, stop)
    exit_with_parent(end)
    await server.serve()
    # All responses are complete. Without this, Python would restore the default of the signals before it
    # waits for threads, and a second signal would then end the process with a traceback.
    os._exit(0)


def _serve_with_workers(workers: int, options: dict[str, Any]) -> None:
    exit_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    process_secret()  # before the fork, so that all workers have the same
    # They share the pages of memory with Dash.
    _worker_module()
    # A garbage collection in a worker would otherwise write to all objects, and share no memory with us.
    gc.freeze()
    Granian(
        "dashapp.web.server:_build_worker_app",
        loop=Loops.asyncio,
        workers=workers,
        workers_kill_timeout=SHUTDOWN_S,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        **options,
    ).serve()


def max_connections() -> int:
    """Return MAX_CONNECTIONS, or fewer if this process may have few descriptors.

    It raises the limit of descriptors if it can. Without a descriptor for the next connection, granian uses a
    whole core.
    """
    try:
        import resource
    except ImportError:  # Windows
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - SPARE_DESCRIPTORS, soft // 2)
    return MAX_CONNECTIONS
