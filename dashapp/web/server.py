"""The web process: granian in front of the application, the store's reader behind it.

The supervisor starts it, and it ends with the supervisor.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from threading import Event

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from dashapp.api.csv_export import MAX_DOWNLOADS
from dashapp.collector.service import COLLECTOR_NOTICE, collect_with_settings
from dashapp.config import settings as config
from dashapp.config.data_dir import web_state_directory
from dashapp.config.settings import Settings
from dashapp.http.request_body import MAX_CONCURRENT_BODIES
from dashapp.http.types import WSGIApp
from dashapp.model.notices import PublicNotice
from dashapp.model.ticks import SettingsError
from dashapp.process.signals import when_parent_exits
from dashapp.process.threads import start_thread
from dashapp.stores.base import Reader
from dashapp.stores.factory import DiskBackend, open_backend, rows_to_keep
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue, PushWriter
from dashapp.web.app import create_app

log = logging.getLogger("dashapp")

# Python threads for requests. One slow response (a first page, a long window) leaves the others free. A
# download occupies a thread until its client has read everything: granian runs the body there, and waits for
# a slow client without a limit. So there is one more thread for each possible download.
MIN_THREADS = 2 + MAX_DOWNLOADS


def build_app() -> WSGIApp:
    """Return the application of one worker. Granian calls this in each worker, after the fork."""
    settings = config.parse_settings(sys.argv[1:])
    _exit_with_parent(lambda: os._exit(0), grace=3.0)
    backend = open_backend(settings)
    store: Reader
    push_writer: PushWriter
    if backend is not None:
        store = backend.reader()
        push_writer = backend.push_writer()
        store.newest()  # a remote reader has its data before the first request for a page
    else:
        push_writer = queue = MemoryPushQueue(settings.interval)
        store = MemoryStore(
            keep=rows_to_keep(settings.interval),
            notice=PublicNotice("History is kept in memory only and is lost when the server stops."),
        )
        if settings.collector:
            push_reader = queue if settings.push_token else None
            start_thread(
                "dashapp collector",
                partial(collect_with_settings, settings, store, push_reader, Event()),
                lambda sentence: store.notice_sink(COLLECTOR_NOTICE).set(sentence),
            )
    folder = backend.folder if isinstance(backend, DiskBackend) else None
    app = create_app(
        store,
        settings,
        push_writer,
        backend.hosts() if backend else None,
        settings.host_name,
        folder=folder,
        local=web_state_directory(settings, folder) if backend and settings.requires_authentication else None,
    )
    # All objects so far are permanent. Without this, the garbage collector walks all of Dash during a
    # response.
    gc.collect()
    gc.freeze()
    return app


def _exit_with_parent(end: Callable[[], object], grace: float = 0) -> None:
    if os.environ.get("DASHAPP_CHILD"):
        when_parent_exits(end, grace)


def main() -> int:
    logging.basicConfig(format="%(asctime)s web: %(message)s", level=logging.WARNING)
    try:
        settings = config.parse_settings(sys.argv[1:])
    except SettingsError as error:
        # The supervisor has checked the settings, so the file has changed since then.
        log.error(str(error))
        return 2
    _exit_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    Granian(
        "dashapp.web.server:build_app",
        factory=True,
        address=settings.listen_address,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=_thread_count(settings),
        backpressure=1024,
        websockets=False,
        log_level=LogLevels.error,
        workers_kill_timeout=3,
        respawn_failed_workers=True,
        respawn_interval=0.5,
    ).serve()
    return 0


def _thread_count(settings: Settings) -> int:
    """Return the threads for responses, plus those that may wait for a body.

    Bodies are those of a push, of a login and of a request for a share link.
    """
    return (
        MIN_THREADS
        + (MAX_CONCURRENT_BODIES if settings.push_token else 0)
        + (2 * MAX_CONCURRENT_BODIES if settings.requires_authentication else 0)
    )
