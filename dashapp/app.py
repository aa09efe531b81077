"""Wiring: the Dash page, the API in front of it, the guard in front of both."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from dash import Dash
from dash.development.base_component import Component

from dashapp import bundle, callbacks, document, layout
from dashapp.api import NO_PROCESSES, PATHS, Api, App, StartResponse
from dashapp.config import Settings
from dashapp.exposition import Exposition
from dashapp.panels import panels
from dashapp.process_table import ProcessTable
from dashapp.receiver import PATH as PUSH
from dashapp.receiver import receiver
from dashapp.security import Guard
from dashapp.static import Static
from dashapp.stores import Reader
from dashapp.stores.spool import Intake

PAGES = ("/", "/_dash-layout", "/_dash-dependencies")
FILES = ("/assets/", "/_dash-component-suites/")


def create_app(store: Reader, settings: Settings, spool: Intake | None = None) -> App:
    """The whole WSGI application over `store`; what programs push goes into `spool`."""
    dash = _dash(store, settings)
    pages = Static(dash.server.wsgi_app)
    api = Api(
        store,
        window=settings.window,
        interval=settings.interval,
        longest=settings.longest,
        processes=ProcessTable() if shows_processes(settings) else _no_processes(settings),
    )

    pushed = receiver(settings.push_token, spool, store)

    def route(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if path == PUSH:
            return pushed(environ, start_response)
        if path in PATHS or path.startswith("/api/"):
            return api(environ, start_response)
        # Dash answers any path it does not know with the page, so only those that the page asks for go there.
        if path in PAGES or path.startswith(FILES):
            package = path.split("/", 3)[2] if path.startswith("/_dash-component-suites/") else None
            # Dash answers an unknown package with a traceback.
            if package is None or package in dash.registered_paths:
                return pages(environ, start_response)
        body = b"There is nothing at this address."
        start_response(
            "404 Not Found",
            [("content-type", "text/plain"), ("content-length", str(len(body)))],
        )
        return [body]

    listening = f"[{settings.host}]" if ":" in settings.host else settings.host
    hosts = None if settings.public and not settings.hosts else (*settings.hosts, listening)
    return Guard(Exposition(route, store), script_hashes=dash.csp_hashes(), hosts=hosts)


def _page(store: Reader, settings: Settings) -> Component:
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
    )


def shows_processes(settings: Settings) -> bool:
    """Whether the names of processes may leave: `local` keeps them from a page that others can reach, and
    from one that shows nothing else of the machine."""
    if settings.processes == "local":
        return not _others_reach(settings) and settings.machine
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
