"""What collects beside somebody else's application: a thread of its process, or a process that dies with it.

A function of the application's own can only be called where it is: in a thread. The rest has a process to
itself where there is a folder to share. Knows no Dash and no HTTP.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from dashapp.collector.service import collect_into, collect_with_settings
from dashapp.config.settings import Settings
from dashapp.model.ticks import SettingsError, StoreError
from dashapp.process.supervisor import ChildProcess, python_command, supervise
from dashapp.process.threads import PerProcessThread
from dashapp.sources import function
from dashapp.sources.base import Source
from dashapp.sources.spec import MACHINE_SOURCE, NO_SOURCE
from dashapp.stores.factory import StoreBackend
from dashapp.stores.memory import MemoryStore

log = logging.getLogger("dashapp")

Sources = str | Callable[[], Any] | Iterable[str | Callable[[], Any]] | Mapping[str, Callable[[], Any]]


class EmbeddedCollector:
    """Collects once it is started: `settings` name the sources, `functions` are the application's own.

    `place` is the store itself where it is in memory, else where it is.
    """

    def __init__(
        self,
        settings: Settings,
        place: MemoryStore | StoreBackend,
        functions: Mapping[str, Callable[[], Any]],
        argv: Sequence[str],
        environ: Mapping[str, str],
    ) -> None:
        """`argv`: the same settings but for the place, for a collector's command line; `environ`: its
        variables."""
        self._settings = settings
        self._place = place
        self._functions = functions
        self._argv = argv
        self._environ = environ
        # The app may change its working folder before the child is started, or started again.
        self._where = Path.cwd()
        self._thread = PerProcessThread("dashapp collector", self._run)

    def start(self) -> None:
        """Begin, unless this process has begun already."""
        self._thread.start()

    def _run(self) -> None:
        if isinstance(self._place, MemoryStore):
            self._collect_into_memory(self._place)
        elif self._functions:
            self._collect_into_store(self._place)
        else:
            self._run_child(self._place)

    def _sources(self) -> list[Source]:
        return [function.source_of_function(name, each) for name, each in self._functions.items()]

    def _collect_into_memory(self, store: MemoryStore) -> None:
        # Who is told is the monitor's own to tell, whatever a settings file says for both.
        settings = replace(self._settings, notify=())
        collect_with_settings(settings, store, None, Event(), self._sources())

    def _collect_into_store(self, where: StoreBackend) -> None:
        try:
            collect_into(where, self._settings, Event(), self._sources())
        except StoreError as error:
            log.error("nothing is collected: %s", error)

    def _run_child(self, where: StoreBackend) -> None:
        if problem := where.problem():
            log.error("nothing is collected: %s", problem)
            return
        notice = where.notice_sink("supervisor")
        argv, environ = [*self._argv, *where.flags], {**self._environ, **where.environment}
        notice.clear()
        command = python_command("dashapp.collector", argv)
        supervise([ChildProcess("collector", command, notice, environ=environ, cwd=self._where)], Event())


def split_sources(sources: Sources | None) -> tuple[list[str], dict[str, Callable[[], Any]]]:
    """The sources that have a name, as settings say them, and the functions by theirs. SettingsError for what
    can be neither."""
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
    return texts if MACHINE_SOURCE in texts else [NO_SOURCE, *texts], functions
