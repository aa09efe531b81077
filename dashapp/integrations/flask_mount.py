"""Mounting: our whole application below a prefix of somebody's Flask application, by one call.

Wiring only. The host's routes, hooks, config and sessions stay as they are; it is neither asked nor told, but
for what `protect` asks it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from flask import Flask

from dashapp.config import kwargs
from dashapp.config import settings as config
from dashapp.config.data_dir import can_write, leader_directory, user_data_directory
from dashapp.config.parsers import MEMORY_STORE, is_redis
from dashapp.config.settings import Settings
from dashapp.http.responses import redirect_to_slash
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.integrations.collector_leader import CollectorLeader
from dashapp.integrations.flask_auth import AccessCheck
from dashapp.integrations.flask_chart import TemplateCharts
from dashapp.integrations.flask_dispatch import (
    Dispatcher,
    install_dispatcher,
    normalize_prefix,
    prefix_conflict,
    route_conflict,
)
from dashapp.model.ticks import MountError, SettingsError
from dashapp.stores import factory

log = logging.getLogger("dashapp")

HOOKS_WARNING = (
    "the application's before_request hooks are not run before %s: if one of them is its login, mount with "
    "protect=…; protect=lambda: True says that whoever comes may see"
)

EXTENSION_NAME = "dashapp"
_SERVER_DECIDES = "the application's own server decides it"
_PROTECT_DECIDES = "the application's own login decides it, through protect"
REJECTED_SETTINGS = {
    "host": _SERVER_DECIDES,
    "port": _SERVER_DECIDES,
    "public": "who may see the application may see the pages, but for what protect says",
    "workers": _SERVER_DECIDES,
    "collector": "collect=False leaves it to another process",
    "password": _PROTECT_DECIDES,
    "proxy_user": _PROTECT_DECIDES,
    "trusted_proxy": "the application's own middleware knows its proxies, such as werkzeug's ProxyFix",
    "limit": _SERVER_DECIDES,
}
# Whoever the host lets in is the public of these pages: names of processes stay unseen unless asked for.
PUBLIC_FLAG = "--public"
# A platform tells them to the server, its Redis is the application's, and what was meant for
# `python -m dashapp` is not meant for this.
_IGNORED_VARIABLES = (
    "PORT",
    "WEB_CONCURRENCY",
    "REDIS_URL",
    *(f"DASHAPP_{name.upper()}" for name in REJECTED_SETTINGS),
)


def mount(
    host: Flask,
    at: str = "/monitor/",
    *,
    collect: bool = True,
    protect: Callable[[], Any] | None = None,
    **settings: Any,
) -> None:
    """Serve our pages below the prefix `at` of `host`, and give its templates `dashapp_chart`.

    `collect`: run a collector as long as the server runs, one however many processes serve; False where one
    runs elsewhere. `protect` says, as a view of the host's would, who may see: True or False, or what to
    answer instead. `settings` are those of the command line, `window=300`. SettingsError or MountError, a
    sentence each, for what cannot work.
    """
    if not isinstance(host, Flask):
        hint = "; hand it its server" if isinstance(getattr(host, "server", None), Flask) else ""
        raise MountError(f"mount takes a Flask application, and was given a {type(host).__name__}{hint}")
    if protect is not None and not callable(protect):
        raise MountError(f"protect is {protect!r}; expected a function without arguments")
    own = normalize_prefix(at)
    mine: dict[str, MountedMonitor] = getattr(host.extensions.get(EXTENSION_NAME), "mounted", {})
    if wrong := prefix_conflict(own, mine) or route_conflict(
        own, (rule.rule for rule in host.url_map.iter_rules())
    ):
        raise MountError(wrong)
    mounted = MountedMonitor(host, own, AccessCheck(host, protect), collect, settings)
    place = host.extensions.get(EXTENSION_NAME) or _extension_state(host)
    place.mounted[own] = mounted
    place.dispatcher.add(own, mounted)
    place.charts.add(own, mounted.settings.max_window_s)


class FlaskExtensionState:
    """What a host has of ours: by its own name among the host's extensions."""

    def __init__(self, dispatcher: Dispatcher, charts: TemplateCharts) -> None:
        self.dispatcher = dispatcher
        self.charts = charts
        self.mounted: dict[str, MountedMonitor] = {}


def _extension_state(host: Flask) -> FlaskExtensionState:
    place = host.extensions[EXTENSION_NAME] = FlaskExtensionState(install_dispatcher(host), TemplateCharts())
    # Not one of the environment's globals: asking for those makes the environment, too early for settings of
    # the host's that are still to come.
    host.template_context_processors[None].append(place.charts.template_globals)
    return place


class MountedMonitor:
    """Our application below one prefix; made when somebody first asks for a page of it."""

    def __init__(
        self, host: Flask, own: str, gate: AccessCheck, collect: bool, given: dict[str, Any]
    ) -> None:
        said = kwargs.to_command_line(given, REJECTED_SETTINGS, others=("collect", "protect"))
        environ = {
            name: text for name, text in os.environ.items() if name not in _IGNORED_VARIABLES
        } | said.variables
        try:
            self.settings = config.parse_settings([*said.argv, PUBLIC_FLAG], environ, prog="dashapp.mount")
            _check_settings(self.settings)
        except SettingsError as error:
            raise kwargs.as_keyword_error(error, said) from None
        self._host = host
        self._prefix = own
        self._gate = gate
        self._collect = collect
        self._argv = [*said.argv, PUBLIC_FLAG]
        # A function of the host's is found by its collector where the host itself finds it.
        self._environ = environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._where = Path.cwd()
        self._app: WSGIApp | None = None
        self._lock = Lock()
        self._place: factory.StoreBackend | None = None
        self._keeper: CollectorLeader | None = None

    def start(self) -> None:
        """At the first request of a process: what an application's start, tests or commands do not."""
        if wrong := route_conflict(self._prefix, (rule.rule for rule in self._host.url_map.iter_rules())):
            log.warning(wrong)
        if self._gate.is_open and self._host.before_request_funcs.get(None):
            log.warning(HOOKS_WARNING, self._prefix)
        if not self._collect or self._host.testing:
            return
        try:
            if self._keeper is None:
                self._keeper = self._new_leader()
            self._keeper.ensure_started()
        except (OSError, RuntimeError) as error:
            # No home, no more threads: it is somebody else's request that this happens in.
            log.warning("no collector is kept here: %s", error)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        instead = self._gate.denial(environ)
        if instead is not None:
            return instead(environ, start_response)
        bare = self._prefix[:-1]
        path: str = environ["PATH_INFO"]
        if path == bare:
            return redirect_to_slash(bare.rpartition("/")[2], environ, start_response)
        app = self._app or self._build_app()
        inside = {"SCRIPT_NAME": environ.get("SCRIPT_NAME", "") + bare, "PATH_INFO": path[len(bare) :]}
        return app({**environ, **inside}, start_response)

    def _build_app(self) -> WSGIApp:
        # Only here: half a second and a few dozen megabytes, in each process where somebody looks.
        from dashapp.web.app import create_app

        with self._lock:
            if self._app is None:
                place = self._store()
                self._app = create_app(
                    place.reader(),
                    self.settings,
                    place.push_writer(),
                    place.hosts(),
                    self.settings.host_name,
                    mounted=True,
                )
            return self._app

    def _new_leader(self) -> CollectorLeader:
        place = self._store()
        folder = place.folder if isinstance(place, factory.DiskBackend) else leader_directory(self.settings)
        return CollectorLeader(folder, place, self.settings, self._argv, self._environ, self._where)

    def _store(self) -> factory.StoreBackend:
        """Where the ticks are. What only reads makes no folder."""
        if self._place is None and is_redis(self.settings.store):
            self._place = factory.RedisBackend(self.settings)
        elif self._place is None:
            here = self._where / (self.settings.store or "data")
            if not self.settings.store and self._collect and not can_write(here):
                here = user_data_directory()
            self._place = factory.DiskBackend(self.settings, here)
        return self._place


def _check_settings(settings: Settings) -> None:
    if settings.store == MEMORY_STORE:
        raise SettingsError(
            [f'store is "{MEMORY_STORE}"; expected a folder, which collector and pages share']
        )
    if settings.requires_authentication:
        # Of a settings file: a keyword says no by itself.
        raise SettingsError([f"password and proxy_user are no settings here: {_PROTECT_DECIDES}"])
    if any(spec.name == "stdin" for spec in settings.source):
        raise SettingsError(['source is "stdin", which is the server\'s; collect it by a process elsewhere'])
