"""Attaching: gives somebody else's Dash app the server's side of its LiveGraphs, below a path of its own.

The app's routes, hooks, logins and looks stay its own: whoever may not see the app does not see the numbers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dash import MATCH, ClientsideFunction, Dash, Input, State
from flask import request

from dashapp.api import Api, App, StartResponse
from dashapp.bundle import Bundle, assets_folder
from dashapp.collector import rows_to_keep
from dashapp.component import LiveGraph
from dashapp.config import Settings, chosen
from dashapp.folders import can_write
from dashapp.hosted import Collection
from dashapp.model import SettingsError
from dashapp.sources.registry import problem
from dashapp.sources.spec import MACHINE, NONE
from dashapp.static import Static
from dashapp.stores import Reader
from dashapp.stores.disk_reader import DiskReader
from dashapp.stores.memory import MemoryStore
from dashapp.values import MEMORY

log = logging.getLogger("dashapp")

# Below the app's own prefix.
PATH = "_dashapp/"
# The scripts of our page that draw charts, and those that stand in for the page around them.
SCRIPTS = (
    *(
        "asker",
        "catalogue",
        "chart",
        "crosshair",
        "crosshair_line",
        "curve",
        "easel",
        "element",
        "feed",
        "headlines",
    ),
    *("layout", "lines", "live", "moment", "panel_of", "patterns", "quantity", "series", "server_clock"),
    *("snapshot", "status", "embedded/scale", "embedded/live_graph", "embedded/live_graphs"),
)
SETTINGS = ("store", "interval", "retention", "size", "threshold", "source")

Sources = str | Callable[[], Any] | Iterable[str | Callable[[], Any]] | Mapping[str, Callable[[], Any]]


def attach(
    app: Dash,
    *,
    store: str | Path = MEMORY,
    sources: Sources | None = None,
    collect: bool = True,
    **settings: Any,
) -> None:
    """Serve what the LiveGraphs of `app` show, and collect it. SettingsError tells why it cannot.

    `store`: a folder that keeps the history, or memory:, which one process has to itself.
    `sources`: what to read, this machine where nothing is said: functions of the app's own, or names for them
    with the functions, called in a thread of this process; "machine", "module:function", or any other source
    by its name. `collect`: False where another process does.
    `settings`: interval, retention, size and threshold, as everywhere.
    """
    _check(app, settings)
    texts, functions = _sources(sources)
    known = chosen({**settings, "store": os.fspath(store), "source": texts}, SETTINGS)
    if found := [said for spec in known.source if spec.name and (said := problem(spec, known.interval))]:
        raise SettingsError(found)
    place = _place(known, collect)
    argv = [f"--{name}={value}" for name, value in _flags(settings)]
    argv += [f"--store={place}", *(f"--source={text}" for text in texts)]
    collection = Collection(known, place, functions, argv) if collect and not _is_collector() else None
    reader: Reader = place if isinstance(place, MemoryStore) else DiskReader(place)
    own = Bundle(assets_folder(), SCRIPTS)
    style = (assets_folder() / "embedded" / "live_graph.css").read_text("utf-8")
    files = {"/live_graph.js": ("text/javascript", own.text), "/live_graph.css": ("text/css", style)}
    _route(app, _served(reader, known, files, collection))
    address = app.config.requests_pathname_prefix + PATH
    app.config.external_scripts = [*app.config.external_scripts, f"{address}live_graph.js?m={own.mark}"]
    sheet = f"{address}live_graph.css?m={own.mark}"
    app.config.external_stylesheets = [*app.config.external_stylesheets, sheet]
    _connect(app)
    if collection is not None:
        collection.start()


def _check(app: Dash, settings: Mapping[str, Any]) -> None:
    if not isinstance(app, Dash):
        raise SettingsError([f"attach takes a dash.Dash; this is a {type(app).__name__}"])
    if not hasattr(app.server, "url_map"):
        kind = type(app.server).__name__
        raise SettingsError([f"attach needs a Dash app on Flask, with its server; this one's is a {kind}"])
    if "source" in settings:
        raise SettingsError(["source is not one of its settings; did you mean sources?"])
    rules = [each.rule for each in app.server.url_map.iter_rules()]
    theirs = app.config.routes_pathname_prefix
    if f"{theirs}_dash-layout" not in rules:
        raise SettingsError(["attach needs the server that Dash is to use; call app.init_app(server) before"])
    ours = [rule for rule in rules if rule.startswith(theirs + PATH)]
    if _endpoint(theirs + PATH) in app.server.view_functions:
        raise SettingsError(["attach was called for this app before; once serves all its LiveGraphs"])
    if ours:
        raise SettingsError([f"the app has a route {ours[0]}, where attach would serve; rename it"])


def _sources(sources: Sources | None) -> tuple[list[str], dict[str, Callable[[], Any]]]:
    """The sources that have a name, as settings say them, and the functions by theirs."""
    if sources is None:
        return [], {}
    if isinstance(sources, Mapping):
        listed: list[Any] = [*sources.items()]
    elif isinstance(sources, str) or callable(sources):
        listed = [sources]
    else:
        listed = [*sources]
    texts: list[str] = []
    functions: dict[str, Callable[[], Any]] = {}
    for each in listed:
        name, function = each if isinstance(each, tuple) else (getattr(each, "__name__", ""), each)
        if isinstance(each, str):
            texts.append(each)
        elif not callable(function):
            raise SettingsError([f"sources holds {function!r:.60}; expected functions, or names of sources"])
        elif not isinstance(name, str) or not name.isidentifier():
            raise SettingsError(
                [f"sources holds {name or type(function).__name__}; give it a name: {{name: function}}"]
            )
        elif name in functions:
            raise SettingsError([f"sources holds two functions {name}; name them: {{name: function}}"])
        else:
            functions[name] = function
    if not texts and not functions:
        raise SettingsError(["sources is empty; expected functions, or names of sources; or leave it out"])
    # What is asked for, and not this machine beside it, unless that is asked for too.
    return texts if MACHINE in texts else [NONE, *texts], functions


def _place(settings: Settings, collect: bool) -> MemoryStore | Path:
    if settings.store == MEMORY:
        if not collect:
            said = f'store is "{MEMORY}"; expected a folder with collect=False, which another process fills'
            raise SettingsError([said])
        return MemoryStore(keep=rows_to_keep(settings.interval))
    # The app may change its working folder later.
    folder = Path(settings.store).absolute()
    if collect and not can_write(folder):
        raise SettingsError([f'store is "{folder}", it cannot be written; choose another, or "{MEMORY}"'])
    if not collect and not (folder / "tail").exists():
        log.warning(
            '%s holds no store yet; its charts stay empty until a collector writes there: '
            'python -m dashapp.collector --store "%s"', folder, folder
        )  # fmt: skip
    return folder


def _flags(settings: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in settings.items():
        several = not isinstance(value, str | int | float)
        yield from ((name, each) for each in (value if several else [value]))


def _is_collector() -> bool:
    """Whether this is our own child, which imports the app for a function of its."""
    return bool(os.environ.get("DASHAPP_CHILD"))


def _served(
    reader: Reader, settings: Settings, files: Mapping[str, tuple[str, str]], collection: Collection | None
) -> App:
    api = Api(reader, interval=settings.interval, longest=settings.longest)
    kept = Static(lambda environ, start: _file(files, environ, start))

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if collection is not None:
            collection.start()
        app = api if environ["PATH_INFO"].startswith("/api/") else kept
        return app(environ, start_response)

    return serve


def _file(
    files: Mapping[str, tuple[str, str]], environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    kind, text = files.get(environ["PATH_INFO"], ("text/plain", ""))
    start_response("200 OK" if text else "404 Not Found", [("content-type", f"{kind}; charset=utf-8")])
    return [text.encode()]


def _route(app: Dash, served: App) -> None:
    prefix = app.config.routes_pathname_prefix + PATH
    respond = app.server.response_class.from_app

    # A route of the app's own, and not a layer in front of it: its login stands before this one too.
    def view(rest: str) -> Any:
        return respond(served, {**request.environ, "PATH_INFO": f"/{rest}"})

    app.server.add_url_rule(f"{prefix}<path:rest>", endpoint=_endpoint(prefix), view_func=view)


def _endpoint(prefix: str) -> str:
    return f"dashapp {prefix}"


def _connect(app: Dash) -> None:
    """Callbacks without an output: nothing of ours waits in Dash for the network."""
    ids = LiveGraph.ids
    for name, part, prop in (
        ("beat", ids.interval, "n_intervals"),
        ("window", ids.window, "value"),
        ("pause", ids.pause, "n_clicks"),
    ):
        app.clientside_callback(
            ClientsideFunction("dashapp_live_graph", name),
            Input(part(MATCH), prop),
            State(ids.spec(MATCH), "data"),
            prevent_initial_call=False,
        )
