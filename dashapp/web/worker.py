"""One worker of the web server: the application, over the store's reader.

It imports Dash.
"""

from __future__ import annotations

import gc
import sys
from functools import partial
from threading import Event

import plotly.io

from dashapp.api.csv_export import MAX_DOWNLOADS
from dashapp.api.endpoints import MAX_CONCURRENT_BUILDS, MAX_WAITING_REQUESTS
from dashapp.config import settings as config
from dashapp.config.data_dir import web_state_directory
from dashapp.config.settings import Settings
from dashapp.http.asgi import AsgiBridge
from dashapp.http.connections import ConnectionWatch
from dashapp.http.large_responses import MAX_LARGE_RESPONSES
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.request_body import MAX_CONCURRENT_BODIES
from dashapp.model.notices import PublicNotice
from dashapp.process.threads import start_thread
from dashapp.stores.base import Reader
from dashapp.stores.factory import DiskBackend, open_backend, rows_to_keep
from dashapp.stores.memory import MemoryStore
from dashapp.stores.push_queue import MemoryPushQueue, PushWriter
from dashapp.web.app import create_app
from dashapp.web.server import max_connections

# Python threads for requests. One slow response (a first page, a long window) leaves the others free. A
# download or a large response occupies a thread until its client has read everything. So there is one more
# thread for each that can be under way, and clients cannot occupy the last ones.
MIN_THREADS = 2 + MAX_DOWNLOADS + MAX_LARGE_RESPONSES + MAX_CONCURRENT_BUILDS + MAX_WAITING_REQUESTS


def build_app() -> AsgiBridge:
    """Return the application of one worker."""
    settings = config.parse_settings(sys.argv[1:], checked=True)
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
            # Imported only here: it loads every source, 2 MB and 60 ms of the start.
            from dashapp.collector.service import COLLECTOR_NOTICE, collect_with_settings

            start_thread(
                "dashapp collector",
                partial(collect_with_settings, settings, store, queue, Event()),
                lambda sentence: store.notice_sink(COLLECTOR_NOTICE).set(sentence),
            )
    folder = backend.folder if isinstance(backend, DiskBackend) else None
    needs_state = bool(settings.requires_authentication or settings.push_token)
    app = create_app(
        store,
        settings,
        push_writer,
        backend.hosts() if backend else None,
        settings.host_name,
        folder=folder,
        local=web_state_directory(settings, folder) if needs_state else None,
        shared=backend.access() if backend and needs_state else None,
        push_writer_of=backend.push_writer if backend else None,
    )
    # With orjson, plotly copies each layout in Python before, and loads the masked arrays of numpy for that.
    plotly.io.json.config.default_engine = "json"
    client_of = partial(connection_client, ClientResolver(settings.trusted_proxy))
    watch = ConnectionWatch(settings.port, max_connections() * 7 // 8, client_of)
    start_thread("dashapp connections", watch.run)
    bridge = AsgiBridge(app, _thread_count(settings), watch.end)
    # All objects so far are permanent. Without this, the garbage collector walks all of Dash during a
    # response. A collection before it would free nothing measurable and take 45 ms of the start.
    gc.freeze()
    return bridge


def connection_client(clients: ClientResolver, address: str) -> str:
    """Return the client of a connection; empty for an address that a proxy may have.

    >>> [connection_client(ClientResolver(), address) for address in ("8.8.8.8", "10.1.2.3", "127.0.0.1")]
    ['8.8.8.8', '', '']
    """
    return clients.connection_client(address)


def _thread_count(settings: Settings) -> int:
    """Return the threads for responses, plus those that may wait for a body.

    Bodies are those of a push, of a login, of a request for a share link, and of marks and requests about
    alerts, which share their places.
    """
    return (
        MIN_THREADS
        + MAX_CONCURRENT_BODIES
        + (MAX_CONCURRENT_BODIES if settings.push_token else 0)
        + (2 * MAX_CONCURRENT_BODIES if settings.requires_authentication else 0)
    )
