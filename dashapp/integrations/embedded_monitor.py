"""The monitor inside another application: settings, collector and pages; no framework."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from dashapp.config.cli import CHILD_VARIABLE
from dashapp.config.data_dir import can_write, user_data_directory
from dashapp.config.parsers import MEMORY_STORE, is_redis
from dashapp.config.settings import Settings
from dashapp.http.types import WSGIApp
from dashapp.integrations.app_sources import Sources, split_sources
from dashapp.integrations.embedded_collector import EmbeddedCollector
from dashapp.integrations.keyword_settings import parse_keywords
from dashapp.model.text import describe_non_switch
from dashapp.model.ticks import MountError, SettingsError
from dashapp.sources.loader import missing_modules
from dashapp.sources.spec import NO_SOURCE
from dashapp.stores import factory

log = logging.getLogger("dashapp")

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
    "transport": "the pages of a WSGI application always poll",
}
# The arguments that are no settings, for the hint at a misspelt one.
OWN_ARGUMENTS = ("collect", "protect", "sources", "eager")
# All users of the host see these pages, so names of processes need `processes="always"`.
PUBLIC_FLAG = "--public"


class EmbeddedMonitor:
    """One monitor of a host application; its pages exist from the first request for one on."""

    def __init__(
        self,
        keywords: Mapping[str, Any],
        *,
        collect: bool,
        sources: Sources | None,
        eager: bool,
        restricted: bool,
        caller: str,
        adapt: Callable[[Callable[[], Any]], Callable[[], Any]] | None = None,
    ) -> None:
        """SettingsError or MountError, one sentence each, if an argument is wrong.

        `restricted`: the host certainly checks who may see the pages. `caller`: the public function, for
        messages. `adapt` returns a function of `sources` as a thread of this process can call it.
        """
        for name, value in (("collect", collect), ("eager", eager)):
            if problem := describe_non_switch(name, value):
                raise MountError(problem)
        names, functions = split_sources(sources)
        if sources is not None and not collect:
            raise MountError("sources need collect=True; another process has its own sources")
        # The page is a monitor, so the machine is always a part of it.
        names = [name for name in names if name != NO_SOURCE]
        self._functions = {name: adapt(call) if adapt else call for name, call in functions.items()}
        self._parsed = parse_keywords(
            keywords,
            REJECTED_SETTINGS,
            ignored=REJECTED_SETTINGS,
            others=OWN_ARGUMENTS,
            flags=[PUBLIC_FLAG, *(f"--source={name}" for name in names)],
            prog=f"dashapp.{caller}",
            serving=True,
        )
        self.settings = self._parsed.settings
        _check_settings(self.settings)
        if collect and (missing := missing_modules(self.settings.source)):
            raise SettingsError(missing)
        self._collect = collect
        self._eager = eager
        self._restricted = restricted
        # The host may change its own later.
        self._directory = Path.cwd()
        self._app: WSGIApp | None = None
        self._lock = Lock()
        self._backend: factory.StoreBackend | None = None
        self.collector: EmbeddedCollector | None = None

    def start_if_eager(self) -> None:
        """Start the collector before the first request, if the application asked for it."""
        # Our own collector imports the application for its functions.
        if self._eager and not os.environ.get(CHILD_VARIABLE):
            self.start_collector()

    def start_collector(self) -> None:
        """Start collecting in this process; cheap if it has started. It logs why it cannot start."""
        if not self._collect:
            return
        try:
            if self.collector is None:
                with self._lock:
                    self.collector = self.collector or self._new_collector()
            self.collector.start()
        except (OSError, RuntimeError) as error:
            # No home folder, or no more threads: the request of the host must not fail.
            log.warning("starting the collector failed: %s", error)

    def app(self) -> WSGIApp:
        """Return the pages and the API, whose root is the prefix."""
        return self._app or self._build_app()

    def _new_collector(self) -> EmbeddedCollector:
        return EmbeddedCollector(
            self.settings,
            self._store_backend(),
            self._parsed.argv,
            self._parsed.environ,
            self._functions,
            directory=self._directory,
        )

    def _build_app(self) -> WSGIApp:
        # A local import: it takes half a second and some dozen megabytes in each process with a viewer.
        from dashapp.web.app import create_app

        with self._lock:
            if self._app is None:
                backend = self._store_backend()
                self._app = create_app(
                    backend.reader(),
                    self.settings,
                    backend.push_writer(),
                    backend.hosts(),
                    self.settings.host_name,
                    folder=getattr(backend, "folder", None),
                    shared=backend.access() if self.settings.push_token else None,
                    mounted=True,
                    restricted=self._restricted,
                )
            return self._app

    def _store_backend(self) -> factory.StoreBackend:
        """Return the backend of the store. A monitor that only reads creates no folder."""
        if self._backend is None and is_redis(self.settings.store):
            self._backend = factory.RedisBackend(self.settings)
        elif self._backend is None:
            here = self._directory / (self.settings.store or "data")
            if not self.settings.store and self._collect and not can_write(here):
                here = user_data_directory()
            self._backend = factory.DiskBackend(self.settings, here)
        return self._backend


def _check_settings(settings: Settings) -> None:
    if settings.store == MEMORY_STORE:
        raise SettingsError(
            [f'store is "{MEMORY_STORE}"; expected a folder, which collector and pages share']
        )
    if settings.requires_authentication:
        # They are in a settings file: `parse_keywords` rejects keywords.
        raise SettingsError([f"password and proxy_user are no settings here: {_PROTECT_DECIDES}"])
    if any(spec.name == "stdin" for spec in settings.source):
        raise SettingsError(['source is "stdin", which is the server\'s; read it with `dashapp collect`'])
