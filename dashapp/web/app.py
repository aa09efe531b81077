"""The WSGI application: Dash page, API in front of it, security middleware around both.

The callbacks of the page have no output and no server side. An output that waits for the network on an
Interval loses responses: Dash drops the older one when the next tick fires first (plotly/dash#941).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dash import ClientsideFunction, Dash, Input, State
from dash.development.base_component import Component
from flask import has_request_context, request

from dashapp.api import badge, openapi
from dashapp.api.endpoints import FRAME_PATHS, PATHS, Api, ApiLimits
from dashapp.api.frame_builder import NO_PROCESSES
from dashapp.api.ingest.routes import token_endpoints
from dashapp.api.process_table import ProcessTable, process_table
from dashapp.api.prometheus import METRICS_PATH, PrometheusEndpoint
from dashapp.api.serializers import hosts_json
from dashapp.config.settings import Settings
from dashapp.config.visibility import is_public, shows_processes
from dashapp.http.responses import NO_STORE, PRIVATE_NO_STORE, SHARED_ONE_SECOND
from dashapp.http.static_files import FirstRequestLock, StaticCache
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.languages.accept import language_of, translator_of
from dashapp.languages.tables import ENGLISH, Translator, languages
from dashapp.model.panels import Panel, all_panels
from dashapp.query.overlay_metrics import overlay_panels
from dashapp.query.public_reader import PublicHosts, PublicReader, public_panels
from dashapp.query.shared_view import SharedView, SharedViewReader
from dashapp.stores.access import SharedAccess
from dashapp.stores.base import Reader
from dashapp.stores.documents import ZONE
from dashapp.stores.hosts import HostStore
from dashapp.stores.push_queue import PushWriter
from dashapp.web import assets, layout
from dashapp.web.components.host_controls import HostControls
from dashapp.web.dash_files import BUNDLE_NAME as DASH_BUNDLE_NAME
from dashapp.web.dash_files import DashFiles
from dashapp.web.host_routes import ENVIRON_KEY, HostRouter, PageTarget
from dashapp.web.machine_facts import machine_facts
from dashapp.web.middleware_stack import AccessControl, build_middleware
from dashapp.web.pages import CHART_PATH, DOCUMENT_PATHS, Pages, index_writer
from dashapp.web.shared_view_app import ENVIRON_KEY as VIEW
from dashapp.web.shared_view_app import shared_view_app, shared_view_page
from dashapp.web.write_routes import WriteRoutes, may_change_alerts, may_mark

OTHER_HOST_PROCESSES = "processes of this host are not available, only those of the server's machine"


def create_app(
    store: Reader,
    settings: Settings,
    push_writer: PushWriter | None = None,
    hosts: HostStore | None = None,
    host_name: str = "",
    *,
    folder: Path | None = None,
    local: Path | None = None,
    shared: SharedAccess | None = None,
    mounted: bool = False,
    restricted: bool = False,
    push_writer_of: Callable[[str], PushWriter] | None = None,
) -> WSGIApp:
    """Return the whole WSGI application over `store`; pushed metrics go into `push_writer`.

    `hosts`: all hosts that write to the same backend, each with a page below `/host/`. `host_name`: the host
    of this machine, which has the process table. `folder`: the folder of the store, for the key of sessions.
    `local`: a folder of this machine, if `folder` is None or read-only. `shared`: the Redis of several
    machines. `mounted`: another application contains this one, and its login and caches apply. `restricted`:
    it certainly checks who may see these pages. `push_writer_of`: returns the push queue of another host.
    """
    access = AccessControl(settings, folder, local, shared)
    # The names of pushed metrics are checked against all others.
    check = access.check_of(settings.push_token, "push token")
    programs = token_endpoints(check, push_writer, store, access.clients)
    is_shared = is_public(settings) and not settings.requires_authentication and not mounted
    if is_shared:
        store = PublicReader(store, shows_processes(settings))
        hosts = None if hosts is None else PublicHosts(hosts, shows_processes(settings))
        settings = replace(settings, panel=tuple(public_panels(settings.panel)))
    queue = None if mounted else push_writer
    writes = WriteRoutes(settings, access.clients, queue, push_writer_of, host_name)
    dash = _dash_app(PageTarget(store), settings, hosts, host_name, writes.is_open)
    is_private = settings.requires_authentication or mounted
    page_caching, data_caching, badge_caching = _caching(is_shared, is_private)
    limits = ApiLimits()
    dash_app = FirstRequestLock(dash.server.wsgi_app)
    files = assets.PageFiles(dash_app)
    page_routes = Pages(files)
    layout_key = partial(_layout_key, store, hosts)
    cache = partial(StaticCache, dash_app, page_caching, files.versioned, layout_key, queue=limits.queue)
    cache = partial(cache, documents=DOCUMENT_PATHS, prepared=assets.prepared_brotli)
    pages, host_pages, view_pages = cache(), cache(), cache()
    has_marks = writes.is_open and may_mark(settings, PageTarget(store))
    description = openapi.OpenApiEndpoint(settings, hosts is not None, is_shared, has_marks)
    table = process_table(settings.proc) if shows_processes(settings) else None

    def serve(target: PageTarget) -> WSGIApp:
        api = Api(
            target.reader,
            window=settings.window,
            interval=settings.interval,
            max_window=settings.max_window_s,
            processes=_processes(table, target.is_host(host_name), settings),
            hosts=None if hosts is None else partial(hosts_json, hosts),
            now=target.now,
            **_host_arguments(target),
            panels=_chosen_panels(settings, target),
            caching=data_caching,
            limits=limits,
            redacts_notices=mounted and not restricted,
            top_error="" if table else _processes_error(settings),
            streams=settings.transport != "poll",
        )
        badges = badge.BadgeEndpoint(target.reader, target.now, badge_caching)
        find_write = writes.of(target)
        is_root = not target.names or target.top
        files_of_page = pages if is_root else host_pages
        others: dict[str, WSGIApp] = {**programs, openapi.OPENAPI_PATH: description} if is_root else {}
        if len(target.names) < 2:  # a comparison has no exposition
            others[METRICS_PATH] = PrometheusEndpoint(target.reader, target.now)

        def route(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            path: str = environ["PATH_INFO"]
            if path in FRAME_PATHS:  # nearly all requests
                return api(environ, start_response)
            if write := find_write(environ):
                return write(environ, start_response)
            if endpoint := others.get(path):
                return endpoint(environ, start_response)
            if path.startswith(badge.BADGE_PREFIX):
                return badges(environ, start_response)
            if path in PATHS or path.startswith("/api/"):
                return api(environ, start_response)
            return page_routes.serve(files_of_page, target.reader, environ, start_response)

        return route

    app = serve(PageTarget(store))
    if hosts is not None:
        app = HostRouter(hosts, app, serve, host_name, is_expected=bool(host_name) and settings.collector)

    def build(view: SharedView) -> WSGIApp:
        reader = SharedViewReader(store, view, settings.panel)
        page = partial(page_routes.serve, view_pages, reader)
        return shared_view_app(reader, settings, page, limits)

    hashes = dash.csp_hashes()
    return build_middleware(app, settings, access, build, hashes, mounted=mounted, restricted=restricted)


def _processes(table: ProcessTable | None, is_own: bool, settings: Settings) -> ProcessTable | str:
    """Return the process table of a host, or the reason why there is none."""
    if table is None:
        return _processes_error(settings)
    return table if is_own else OTHER_HOST_PROCESSES


def _caching(is_shared: bool, is_private: bool) -> tuple[str, str, str]:
    """Return the Cache-Control headers of pages, data and badges."""
    if is_shared:
        return SHARED_ONE_SECOND, SHARED_ONE_SECOND, badge.SHARED_CACHING
    return "no-cache", PRIVATE_NO_STORE if is_private else NO_STORE, badge.PRIVATE_CACHING


def _page_app(
    default_target: PageTarget,
    settings: Settings,
    hosts: HostStore | None,
    host_name: str,
    has_marks: bool,
) -> Component:
    translate = _translator()
    if view := _current_target(VIEW):
        return shared_view_page(view, settings, translate)
    target = _current_target(ENVIRON_KEY) or default_target
    # A remote reader has its data after this call.
    target.reader.newest()
    metrics = target.reader.metrics()
    several = hosts is not None and len(hosts.hosts()) > 1
    is_own = settings.reads_system and target.is_host(host_name)
    return layout.page_layout(
        settings.window,
        settings.interval,
        settings.max_window_s,
        metrics,
        all_panels(metrics, _chosen_panels(settings, target), target.reader.panel_kinds()),
        translate,
        thresholds=[state.threshold for state in target.reader.thresholds()],
        processes=shows_processes(settings) and target.is_host(host_name),
        top=shows_processes(settings) and len(target.names) < 2,
        title=settings.title,
        theme=settings.theme,
        machine=settings.reads_system,
        facts=machine_facts(host_name, not is_public(settings), settings.machine_files) if is_own else (),
        session="password" if settings.password else "proxy" if settings.proxy_user else "",
        alert_controls=has_marks and may_change_alerts(settings, target),
        share=settings.requires_authentication and (hosts is None or target.is_host(host_name)),
        marks=has_marks and may_mark(settings, target),
        zone=target.reader.read_document(ZONE),
        hosts=None
        if hosts is None
        else HostControls(target.names, target.top or not target.names, several, translate),
    )


def _heading(settings: Settings, hosts: HostStore | None) -> str:
    """Return the first heading of a document. A shared view names no machine."""
    is_own = settings.reads_system and hosts is None and settings.title == layout.TITLE
    return settings.machine_files.host_name if is_own and _current_target(VIEW) is None else settings.title


def _layout_key(store: Reader, hosts: HostStore | None, environ: Mapping[str, Any]) -> Hashable:
    """Return all that the layout of a page depends on, besides the settings."""
    view, target = environ.get(VIEW), environ.get(ENVIRON_KEY) or PageTarget(store)
    reader = view or target.reader
    # A remote reader has its data after this call.
    reader.newest()
    return (
        (target.names, target.top, environ.get("SCRIPT_NAME"), language_of(environ)),
        view and view.view,
        hosts and len(hosts.hosts()),
        tuple(reader.metrics()),
        tuple(reader.panel_kinds().items()),
        reader.read_document(ZONE),
        tuple(state.threshold for state in reader.thresholds()),
    )


def _host_arguments(target: PageTarget) -> dict[str, Any]:
    """Return the arguments of Api that depend on the hosts of a page."""
    return {"host": target.label, "compared": target.names if len(target.names) > 1 else ()}


def _chosen_panels(settings: Settings, target: PageTarget) -> Sequence[Panel]:
    return settings.panel if len(target.names) < 2 else overlay_panels(settings.panel)


def _current_target(key: str) -> Any:
    """Return the target of this request, or None outside a request, when Dash checks its layout."""
    return request.environ.get(key) if has_request_context() else None


def _translator() -> Translator:
    """Return the texts in the language of this request, in English outside a request."""
    return translator_of(request.environ if has_request_context() else {})


def _path_to_root() -> str:
    """Return the path from the current document to the root of its host."""
    return "../" if has_request_context() and request.environ["PATH_INFO"] == CHART_PATH else "./"


def _path_to_files(target: PageTarget | None) -> str:
    """Return the path from the current document to the files, which all hosts share."""
    below_host = "../../" if target and not target.top else ""
    return (below_host + _path_to_root().removeprefix("./")) or "./"


def _processes_error(settings: Settings) -> str:
    """Error text for a request for processes. A public server does not mention the flag."""
    if is_public(settings):
        return NO_PROCESSES
    return f'processes are off because --processes is "{settings.processes}"; start with --processes local'


def _dash_app(
    default_target: PageTarget,
    settings: Settings,
    hosts: HostStore | None,
    host_name: str,
    has_marks: bool,
) -> Dash:
    app = Dash(
        "dashapp",
        assets_folder=str(assets.assets_directory()),
        assets_ignore=assets.IGNORED_ASSETS,
        title=settings.title,
        update_title=None,
        enable_mcp=False,
        use_pages=False,
        pages_folder="",
        # Otherwise each page contains its whole layout twice, for a check that our tests do.
        suppress_callback_exceptions=True,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    folder = assets.assets_directory()
    scripts = {
        language: (
            assets.TRANSLATED_BUNDLE_NAME.format(language) if language != ENGLISH else assets.BUNDLE_NAME,
            assets.ScriptBundle(folder, language=language),
        )
        for language in languages()
    }
    styles = assets.StyleBundle(folder)
    dash_files = DashFiles(folder, app.get_asset_url)
    bundles: tuple[tuple[str, Callable[[], str], str], ...] = (
        *((name, partial(_text_of, bundle), "text/javascript") for name, bundle in scripts.values()),
        (assets.STYLE_NAME, partial(_text_of, styles), "text/css"),
        (DASH_BUNDLE_NAME, dash_files.text, "text/javascript"),
    )
    for name, text, kind in bundles:
        app.server.add_url_rule(f"/assets/{name}", name, partial(_response, app, text, kind))

    def script_url(language: str) -> str:
        name, bundle = scripts[language]
        return f"{app.get_asset_url(name)}?m={bundle.mark}"

    app.interpolate_index = index_writer(
        dash_files=dash_files,
        icon=app.get_asset_url("favicon.svg"),
        plotly_url=app.get_asset_url(assets.plotlyjs_url()),
        script_url=script_url,
        style_url=f"{app.get_asset_url(assets.STYLE_NAME)}?m={styles.mark}",
        font_url=app.get_asset_url(assets.FONT_NAME),
        heading=partial(_heading, settings, hosts),
        translator=_translator,
        root=_path_to_root,
        files=lambda: _path_to_files(_current_target(ENVIRON_KEY)),
    )
    app.layout = partial(_page_app, default_target, settings, hosts, host_name, has_marks)
    register_callbacks(app)
    return app


def _text_of(bundle: assets.Bundle) -> str:
    return bundle.text


def _response(app: Dash, text: Callable[[], str], kind: str) -> Any:
    return app.server.response_class(text(), mimetype=kind)


def register_callbacks(app: Dash) -> None:
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
