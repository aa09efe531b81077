"""Wiring: the Dash page, the API in front of it, the guard in front of both."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from dash import Dash
from dash.development.base_component import Component

from dashapp import bundle, callbacks, document, layout, openapi
from dashapp.answer import NEVER, PRIVATE, SHARED
from dashapp.api import NO_PROCESSES, PATHS, Api, App, StartResponse
from dashapp.config import SHORTEST_WINDOW, Settings
from dashapp.entrance import entrance
from dashapp.exposition import Exposition
from dashapp.panels import panels
from dashapp.process_table import ProcessTable
from dashapp.receiver import PATH as PUSH
from dashapp.receiver import receiver
from dashapp.static import Static, plain
from dashapp.stores import Reader
from dashapp.stores.spool import Spool
from dashapp.view import View, Viewed

# What of the numbers a shared link answers.
VIEWED = ("/api/ticks", "/api/frames", "/api/metrics", "/api/alerts", "/api/csv")
# Through which view the page is asked for; None for all of it.
_viewed: ContextVar[Viewed | None] = ContextVar("viewed", default=None)

PAGES = ("/", "/_dash-layout", "/_dash-dependencies")
SUITES = "/_dash-component-suites/"
FILES = ("/assets/", SUITES)


def create_app(
    store: Reader,
    settings: Settings,
    spool: Spool | None = None,
    folder: Path | None = None,
    *,
    mounted: bool = False,
) -> App:
    """The whole WSGI application over `store`; what programs push goes into `spool`.

    `folder`: where the key of sessions is kept; None for memory. `mounted`: in an application of somebody
    else's, whose own login and caches decide who sees and keeps what.
    """
    dash = _dash(store, settings)
    many = _others_reach(settings) and not settings.guarded and not mounted
    pages = Static(dash.server.wsgi_app, SHARED if many else "no-cache")
    api = Api(
        store,
        window=settings.window,
        interval=settings.interval,
        longest=settings.longest,
        processes=ProcessTable() if shows_processes(settings) else _no_processes(settings),
        caching=SHARED if many else PRIVATE if settings.guarded or mounted else NEVER,
    )

    pushed = receiver(settings.push_token, spool, store)
    description = openapi.Description(settings)

    def route(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path == PUSH:
            return pushed(environ, start_response)
        if path == openapi.PATH:
            return description(environ, start_response)
        if path in PATHS or path.startswith("/api/"):
            return api(environ, start_response)
        return page(environ, start_response)

    def page(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        # Dash answers any path it does not know with the page, so only those that the page asks for go there.
        if path in PAGES or path.startswith(FILES):
            package, _, name = path.removeprefix(SUITES).partition("/")
            # Dash answers a package or a file that it does not know with a traceback.
            if not path.startswith(SUITES) or plain(name) in dash.registered_paths.get(package, ()):
                return pages(environ, start_response)
        body = b"There is nothing at this address."
        start_response(
            "404 Not Found",
            [("content-type", "text/plain"), ("content-length", str(len(body)))],
        )
        return [body]

    def build(view: View) -> App:
        return _viewing(Viewed(store, view, settings.panel), settings.interval, page)

    whole = Exposition(route, store)
    return entrance(whole, settings, folder, build, dash.csp_hashes(), mounted=mounted)


def _viewing(store: Viewed, interval: float, page: App) -> App:
    """The application of a shared link: page and numbers of one view."""
    seconds = max(store.view.seconds, SHORTEST_WINDOW)
    api = Api(store, window=seconds, longest=seconds, interval=interval, caching=PRIVATE)

    def show(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in VIEWED:
            return api(environ, start_response)
        before = _viewed.set(store)
        try:
            return page(environ, start_response)
        finally:
            _viewed.reset(before)

    return show


def _page(store: Reader, settings: Settings) -> Component:
    if viewed := _viewed.get():
        return _view_page(viewed, settings)
    metrics = store.metrics()
    return layout.page(
        settings.window,
        settings.interval,
        settings.longest,
        metrics,
        panels(metrics, settings.panel, store.looks()),
        thresholds=[state.threshold for state in store.thresholds()],
        processes=shows_processes(settings),
        title=settings.title,
        theme=settings.theme,
        machine=settings.machine,
        tagline="this machine, live" if settings.machine and settings.title == layout.TITLE else "live",
        session="password" if settings.password else "proxy" if settings.proxy_user else "",
    )


def _view_page(store: Viewed, settings: Settings) -> Component:
    metrics = store.metrics()
    shown = panels(metrics, settings.panel, store.looks())
    seconds = max(store.view.seconds, SHORTEST_WINDOW)
    return layout.page(
        seconds,
        settings.interval,
        seconds,
        metrics,
        [panel for panel in shown if panel.name in store.view.panels],
        thresholds=[state.threshold for state in store.thresholds()],
        title=settings.title,
        theme=settings.theme,
        machine=False,
        tagline="a shared view",
    )


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
    return f'processes are off, as --processes is "{settings.processes}"; start with --processes local'


def _dash(store: Reader, settings: Settings) -> Dash:
    app = Dash(
        "dashapp",
        assets_folder=str(bundle.assets_folder()),
        assets_ignore=bundle.IGNORED,
        title=settings.title,
        update_title=None,
        enable_mcp=False,
        use_pages=False,
        pages_folder="",
        # Else every page carries its whole layout twice, for a check that the tests make.
        suppress_callback_exceptions=True,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    own = bundle.Bundle(bundle.assets_folder())
    app.server.add_url_rule(
        f"/assets/{bundle.NAME}",
        "bundle",
        lambda: app.server.response_class(own.text, mimetype="text/javascript"),
    )
    app.interpolate_index = document.writer(
        icon=app.get_asset_url("favicon.svg"),
        own=f"{app.get_asset_url(bundle.NAME)}?m={own.mark}",
        heading=settings.title,
    )
    app.layout = partial(_page, store, settings)
    callbacks.connect(app)
    return app
