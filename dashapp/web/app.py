"""Wiring: the Dash page, the API in front of it, the security middleware in front of both.

The page's callbacks have no output and no server side: an output that waits for the network on an Interval
loses responses, since Dash drops the older one when the next tick fires first (plotly/dash#941).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from dash import ClientsideFunction, Dash, Input, State
from dash.development.base_component import Component
from flask import has_request_context, request

from dashapp.api import openapi
from dashapp.api.endpoints import NO_PROCESSES, PATHS, Api
from dashapp.api.process_table import ProcessTable
from dashapp.api.prometheus import Exposition
from dashapp.api.push import PATH as PUSH
from dashapp.api.push import receiver
from dashapp.api.serializers import host_list
from dashapp.config.settings import Settings
from dashapp.http.responses import NEVER, PRIVATE, SHARED
from dashapp.http.static_files import Static, plain
from dashapp.http.types import App, StartResponse
from dashapp.model.panels import Panel, panels
from dashapp.query.overlay_metrics import panels_of_all
from dashapp.query.shared_view import View, Viewed
from dashapp.stores.base import Reader
from dashapp.stores.hosts import Hosts
from dashapp.stores.push_queue import Intake
from dashapp.web import assets, index, layout
from dashapp.web.host_controls import HostsShown
from dashapp.web.host_routes import KEY, HostPaths, Place
from dashapp.web.middleware_stack import entrance
from dashapp.web.shared_view_app import KEY as VIEW
from dashapp.web.shared_view_app import view_page, viewing

PAGES = ("/", "/_dash-layout", "/_dash-dependencies")
ELSEWHERE = "processes of this host are not available, only those of the server's machine"
SUITES = "/_dash-component-suites/"
FILES = ("/assets/", SUITES)


def create_app(
    store: Reader,
    settings: Settings,
    spool: Intake | None = None,
    hosts: Hosts | None = None,
    own: str = "",
    *,
    folder: Path | None = None,
    local: Path | None = None,
    mounted: bool = False,
) -> App:
    """The whole WSGI application over `store`; what programs push goes into `spool`.

    `hosts`: all that write to the same place, each with a page below `/host/`; `own` is the one whose store
    this is, and whose processes are this machine's. `folder`: the store's, which keeps the key of sessions;
    None where it is none. `local`: one of this machine's, where that cannot be written. `mounted`: in an
    application of somebody else's, whose own login and caches decide who sees and keeps what.
    """
    dash = _dash(Place(store), settings, hosts, own)
    # The page below a host's path has other addresses in it.
    many = _others_reach(settings) and not settings.guarded and not mounted
    fixed = SHARED if many else "no-cache"
    pages, below, seen = (Static(dash.server.wsgi_app, fixed) for _ in range(3))
    description = openapi.Description(settings, hosts is not None)
    pushed = receiver(settings.push_token, spool, store)
    table = ProcessTable() if shows_processes(settings) else None
    listed = partial(host_list, hosts) if hosts is not None else None

    def page(kept: App, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        # Dash answers any path it does not know with the page: only what the page asks for goes there.
        if path in PAGES or path.startswith(FILES):
            package, _, name = path.removeprefix(SUITES).partition("/")
            # Dash answers a package or a file that it does not know with a traceback.
            if not path.startswith(SUITES) or plain(name) in dash.registered_paths.get(package, ()):
                return kept(environ, start_response)
        return _nothing(start_response)

    def serve(place: Place) -> App:
        api = Api(
            place.reader,
            window=settings.window,
            interval=settings.interval,
            longest=settings.longest,
            processes=_no_processes(settings) if table is None else table if place.is_of(own) else ELSEWHERE,
            hosts=listed,
            now=place.now,
            called=place.called,
            chosen=_chosen(settings, place),
            caching=SHARED if many else PRIVATE if settings.guarded or mounted else NEVER,
        )
        at_root = not place.names or place.top
        kept = pages if at_root else below

        def route(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            path: str = environ["PATH_INFO"]
            if path == PUSH and at_root:
                return pushed(environ, start_response)
            if path == openapi.PATH and at_root:
                return description(environ, start_response)
            if path in PATHS or path.startswith("/api/"):
                return api(environ, start_response)
            return page(kept, environ, start_response)

        return route if len(place.names) > 1 else Exposition(route, place.reader, place.now)

    app = serve(Place(store))
    if hosts is not None:
        app = HostPaths(hosts, app, serve, own, coming=bool(own) and settings.collector)

    def build(view: View) -> App:
        return viewing(Viewed(store, view, settings.panel), settings, partial(page, seen))

    return entrance(app, settings, folder, build, dash.csp_hashes(), local=local, mounted=mounted)


def _nothing(start_response: StartResponse) -> Iterable[bytes]:
    body = b"Page not found."
    start_response(
        "404 Not Found",
        [("content-type", "text/plain"), ("content-length", str(len(body)))],
    )
    return [body]


def _page(bare: Place, settings: Settings, hosts: Hosts | None, own: str) -> Component:
    if viewed := _asked(VIEW):
        return view_page(viewed, settings)
    place = _asked(KEY) or bare
    # What is polled in the background is there then.
    place.reader.newest()
    metrics = place.reader.metrics()
    several = hosts is not None and len(hosts.hosts()) > 1
    tagline = "this machine, live" if settings.machine and settings.title == layout.TITLE else "live"
    return layout.page(
        settings.window,
        settings.interval,
        settings.longest,
        metrics,
        panels(metrics, _chosen(settings, place), place.reader.looks()),
        thresholds=[state.threshold for state in place.reader.thresholds()],
        processes=shows_processes(settings) and place.is_of(own),
        title=settings.title,
        theme=settings.theme,
        machine=settings.machine,
        tagline=tagline,
        session="password" if settings.password else "proxy" if settings.proxy_user else "",
        share=settings.guarded and (hosts is None or place.is_of(own)),
        hosts=None if hosts is None else HostsShown(place.names, place.top or not place.names, several),
    )


def _chosen(settings: Settings, place: Place) -> Sequence[Panel]:
    return settings.panel if len(place.names) < 2 else panels_of_all(settings.panel)


def _asked(key: str) -> Any:
    """What this request is for; None outside of one, where Dash looks at its layout first."""
    return request.environ.get(key) if has_request_context() else None


def shows_processes(settings: Settings) -> bool:
    """Whether the names of processes may leave: `local` keeps them from a page that others can reach without
    a password, and from one that shows nothing else of the machine."""
    if settings.processes == "local":
        return settings.machine and (bool(settings.password) or not _others_reach(settings))
    return settings.processes == "always"


def _others_reach(settings: Settings) -> bool:
    """By its address, or by a further name that a proxy in front gives it."""
    return settings.public or bool(settings.hosts)


def _no_processes(settings: Settings) -> str:
    """What is said to who asks for them; not to others how they could be had."""
    if _others_reach(settings):
        return NO_PROCESSES
    return f'processes are off because --processes is "{settings.processes}"; start with --processes local'


def _dash(bare: Place, settings: Settings, hosts: Hosts | None, own: str) -> Dash:
    app = Dash(
        "dashapp",
        assets_folder=str(assets.assets_folder()),
        assets_ignore=assets.IGNORED,
        title=settings.title,
        update_title=None,
        enable_mcp=False,
        use_pages=False,
        pages_folder="",
        # Else every page carries its whole layout twice, for a check that the tests make.
        suppress_callback_exceptions=True,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    scripts = assets.Bundle(assets.assets_folder())
    app.server.add_url_rule(
        f"/assets/{assets.NAME}",
        "bundle",
        lambda: app.server.response_class(scripts.text, mimetype="text/javascript"),
    )
    app.interpolate_index = index.writer(
        icon=app.get_asset_url("favicon.svg"),
        own=f"{app.get_asset_url(assets.NAME)}?m={scripts.mark}",
        heading=settings.title,
        files=lambda: "../../" if (place := _asked(KEY)) and not place.top else "./",
    )
    app.layout = partial(_page, bare, settings, hosts, own)
    connect(app)
    return app


def connect(app: Dash) -> None:
    for function, component, prop in (
        ("tick", "interval", "n_intervals"),
        ("window", "window", "value"),
        ("pause", "pause", "n_clicks"),
        ("earlier", "earlier", "n_clicks"),
        ("later", "later", "n_clicks"),
    ):
        app.clientside_callback(
            ClientsideFunction("dashapp", function), Input(component, prop), State("charts", "data")
        )
