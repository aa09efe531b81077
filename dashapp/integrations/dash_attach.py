"""`attach`: adds the server side of LiveGraphs to a Dash app, below a path of its own.

The app's routes, hooks and style do not change, and its login protects the data too.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from dash import MATCH, ClientsideFunction, Dash, Input, State

from dashapp.api.endpoints import FRAME_PATHS, Api
from dashapp.config.cli import CHILD_OF_ATTACH, CHILD_VARIABLE
from dashapp.config.parsers import MEMORY_STORE, is_redis
from dashapp.config.settings import Settings
from dashapp.http.concurrency import CLIENT_KEY
from dashapp.http.middleware.client_address import ClientResolver
from dashapp.http.middleware.language import vary_by_language
from dashapp.http.middleware.security import DATA_HEADERS, FILE_HEADERS
from dashapp.http.responses import NO_STORE, SHARED_ONE_SECOND
from dashapp.http.static_files import StaticCache
from dashapp.http.streams import STREAM_PATH
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.integrations import dash_routes
from dashapp.integrations.app_sources import Sources, split_sources
from dashapp.integrations.embedded_collector import EmbeddedCollector
from dashapp.integrations.keyword_settings import parse_keywords
from dashapp.integrations.worker_check import WorkerCheck
from dashapp.languages.accept import ENVIRON_KEY, language_of
from dashapp.languages.tables import ENGLISH, languages
from dashapp.model.text import describe_non_switch
from dashapp.model.ticks import SettingsError
from dashapp.query.public_reader import GraphReader
from dashapp.sources.registry import source_problem
from dashapp.sources.spec import SourceSpec
from dashapp.stores.base import Reader
from dashapp.stores.factory import DiskBackend, RedisBackend, StoreBackend, rows_to_keep
from dashapp.stores.memory import MemoryStore
from dashapp.web.assets import (
    LIVE_GRAPH_LAYERS,
    ScriptBundle,
    assets_directory,
    live_graph_style,
    plotlyjs_path,
)
from dashapp.web.live_graph import LiveGraph

log = logging.getLogger("dashapp")

# Below the prefix of the app.
ROUTE_PATH = "_dashapp/"
# Below that path: the script with the texts in the language of the request.
SCRIPT_PATH = "/live_graph.js"
ALLOWED_SETTINGS = (
    "store",
    "name",
    "forget",
    "interval",
    "retention",
    "size",
    "threshold",
    "source",
    "language",
    "transport",
    "config",
)
# Requests of a LiveGraph, and for a download of its values.
DATA_PATHS = (*FRAME_PATHS, STREAM_PATH, "/api/metrics", "/api/events", "/api/csv")
# Variables of these are for the app's own server, or for the monitor.
_IGNORED_SETTINGS = [field.name for field in fields(Settings) if field.name not in ALLOWED_SETTINGS]
_REJECTED_SETTINGS = {
    **dict.fromkeys(_IGNORED_SETTINGS, "attach serves no page"),
    "notify": "the monitor sends notifications, attach does not",
    "source": "use sources, which also accepts functions",
}


def attach(
    app: Dash,
    *,
    store: str | Path | None = None,
    sources: Sources | None = None,
    collect: bool = True,
    basic: bool = False,
    public: bool = False,
    eager: bool = False,
    **settings: Any,
) -> EmbeddedCollector:
    """Serve the data of the LiveGraphs of `app`, collect it, and return the collector.

    It starts at the first request that a process serves, or now if `eager`, and ends with the process. `stop`
    ends it earlier, as does the end of a `with` block. SettingsError if an argument is wrong.

    `store`: a folder or a Redis for the history. The default is memory, which each process has for itself.
    `sources`: functions of the app, a dict of names to functions, or names of sources such as "machine" and
    "module:function". The default is "machine". A thread of this process calls the functions. `collect`:
    False if another process collects.
    `basic`: give the whole app the basic bundle of plotly.js, a twelfth of the bytes. It draws lines, bars
    and pies only.
    `public`: everybody may see the app, so a cache may send one response to all viewers of the same tick. Do
    not use it behind a login, which a cache does not check.
    `settings`: interval, retention, size, threshold and others. The environment and dashapp.toml set the
    rest.
    """
    dash_routes.check_path(app, ROUTE_PATH)
    switches = {"collect": collect, "basic": basic, "public": public, "eager": eager}
    if problems := [
        problem for name, value in switches.items() if (problem := describe_non_switch(name, value))
    ]:
        raise SettingsError(problems)
    names, functions = split_sources(sources)
    parsed = parse_keywords(
        settings if store is None else {**settings, "store": store},
        _REJECTED_SETTINGS,
        ignored=_IGNORED_SETTINGS,
        others=("sources", "collect", "basic", "public", "eager"),
        # With functions, the flag for no other source would be an error.
        flags=[] if functions else [f"--source={name}" for name in names],
        prog="dashapp.attach",
        serving=False,
    )
    # The monitor sends the notifications, although both may read the same settings file.
    collector_settings = replace(parsed.settings, notify=())
    if functions:
        collector_settings = replace(collector_settings, source=_source_specs(names))
    if not collector_settings.store:
        collector_settings = replace(collector_settings, store=MEMORY_STORE)
    interval = collector_settings.interval
    named_specs = [spec for spec in collector_settings.source if spec.name]
    if problems := [problem for spec in named_specs if (problem := source_problem(spec, interval))]:
        raise SettingsError(problems)
    backend = _open_backend(collector_settings, collect)
    environ = {**parsed.environ, CHILD_VARIABLE: CHILD_OF_ATTACH}
    collector = EmbeddedCollector(collector_settings, backend, parsed.argv, environ, functions)
    if not collect or _is_collector_child():
        collector.stop()
    reader: Reader = backend if isinstance(backend, MemoryStore) else backend.reader()
    bundles = {each: ScriptBundle(assets_directory(), LIVE_GRAPH_LAYERS, each) for each in languages()}
    # The address is the same in all languages: the host app writes it into a document that all viewers get.
    mark = "".join(bundle.mark[:6] for bundle in bundles.values())
    style = live_graph_style(assets_directory())
    files = {
        **{(SCRIPT_PATH, each): ("text/javascript", bundle.text) for each, bundle in bundles.items()},
        ("/live_graph.css", ENGLISH): ("text/css", style),
    }
    scripts = [f"{SCRIPT_PATH[1:]}?m={mark}"]
    if basic:
        # A dcc.Graph takes the Plotly that is there, and asks for no other.
        files["/plotly.js", ENGLISH] = ("text/javascript", plotlyjs_path().read_text("utf-8"))
        scripts.append(f"plotly.js?m={plotlyjs_path().stem}")
    caching = SHARED_ONE_SECOND if public else NO_STORE
    sheet = f"live_graph.css?m={mark}"
    versioned = [f"/{name}" for name in (*scripts, sheet)]
    routes = _build_routes(reader, collector_settings, files, versioned, collector, caching)
    dash_routes.add_routes(app, ROUTE_PATH, routes)
    address = app.config.requests_pathname_prefix + ROUTE_PATH
    app.config.external_scripts = [*app.config.external_scripts, *(address + script for script in scripts)]
    app.config.external_stylesheets = [*app.config.external_stylesheets, address + sheet]
    _register_callbacks(app)
    EmbeddedCollector.stop_unused()
    weakref.finalize(app, collector.request_stop)
    dash_routes.before_first_request(app, collector.start_or_log)
    if eager:
        collector.start()
    return collector


def _source_specs(names: Sequence[str]) -> tuple[SourceSpec, ...]:
    try:
        return tuple(SourceSpec.parse(name) for name in names)
    except ValueError as error:
        raise SettingsError([f"sources contains {' and '.join(names)}; {error}"]) from None


def _open_backend(settings: Settings, collect: bool) -> MemoryStore | StoreBackend:
    if settings.store == MEMORY_STORE:
        if not collect:
            problem = "expected a folder or a Redis with collect=False"
            raise SettingsError([f'store is "{MEMORY_STORE}"; {problem}'])
        return MemoryStore(keep=rows_to_keep(settings.interval))
    if is_redis(settings.store):
        return RedisBackend(settings)
    # The app may change its working folder later.
    folder = Path(settings.store).absolute()
    backend = DiskBackend(settings, folder)
    if collect and backend.problem():
        raise SettingsError(
            [f'store is "{folder}", which is not writable; choose another folder, or "{MEMORY_STORE}"']
        )
    if not collect and not (folder / "tail").exists():
        log.warning(
            '%s contains no store yet; its charts stay empty until a collector writes it: '
            'python -m dashapp collect --store "%s"', folder, folder
        )  # fmt: skip
    return backend


def _is_collector_child() -> bool:
    """Whether this is our own child, which imports the app for a function of its."""
    return bool(os.environ.get(CHILD_VARIABLE))


def _build_routes(
    reader: Reader,
    settings: Settings,
    files: Mapping[tuple[str, str], tuple[str, str]],
    versioned: Sequence[str],
    collector: EmbeddedCollector,
    caching: str,
) -> WSGIApp:
    # A chart may show more than a memory keeps: it is empty there.
    api: WSGIApp = Api(
        GraphReader(reader, is_public=caching == SHARED_ONE_SECOND),
        interval=settings.interval,
        max_window=max(settings.retention),
        caching=caching,
        streams=settings.transport != "poll",
    )
    if isinstance(reader, MemoryStore):
        api = WorkerCheck(api, lambda: reader.newest().generation)
    static_files = StaticCache(
        lambda environ, start: _serve_file(files, environ, start),
        versioned=lambda: versioned,
        documents=(SCRIPT_PATH,),
    )

    clients = ClientResolver()

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        collector.start_or_log()
        path: str = environ["PATH_INFO"]
        environ[CLIENT_KEY] = clients.rate_limit_client(environ)
        environ[ENVIRON_KEY] = settings.language

        is_data = path.startswith("/api/")

        def start(status: str, headers: list[tuple[str, str]]) -> Any:
            headers = vary_by_language(headers) if path == SCRIPT_PATH else headers
            return start_response(status, [*headers, *(DATA_HEADERS if is_data else FILE_HEADERS)])

        return (api if path in DATA_PATHS else static_files)(environ, start)

    return serve


def _serve_file(
    files: Mapping[tuple[str, str], tuple[str, str]], environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    language = language_of(environ) if path == SCRIPT_PATH else ENGLISH
    kind, text = files.get((path, language), ("text/plain", ""))
    start_response("200 OK" if text else "404 Not Found", [("content-type", f"{kind}; charset=utf-8")])
    return [text.encode()]


def _register_callbacks(app: Dash) -> None:
    """Callbacks without an output: nothing of ours waits in Dash for the network."""
    ids = LiveGraph.ids
    for name, part, prop in (
        ("tick", ids.interval, "n_intervals"),
        ("window", ids.window, "value"),
        ("pause", ids.pause, "n_clicks"),
    ):
        app.clientside_callback(
            ClientsideFunction("dashapp_live_graph", name),
            Input(part(MATCH), prop),
            State(ids.spec(MATCH), "data"),
            prevent_initial_call=False,
        )
