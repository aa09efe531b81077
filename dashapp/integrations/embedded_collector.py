"""The collector of an app: a thread, or a process that ends with the app's server.

Functions of the app run in a thread of its process. Without them, the collector is a process of its own.
"""

from __future__ import annotations

import gc
import logging
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self

from dashapp.config.settings import Settings
from dashapp.integrations.collector_leader import CollectorLeader
from dashapp.process.threads import PerProcessThread
from dashapp.sources.base import Source
from dashapp.stores.factory import StoreBackend
from dashapp.stores.memory import MemoryStore

log = logging.getLogger("dashapp")

# Those of this process and of the one that forked it.
_started: weakref.WeakSet[EmbeddedCollector] = weakref.WeakSet()


class EmbeddedCollector:
    """Collects from `start` to `stop`, or until this process ends.

    With a store that processes share, one of them collects, and another takes over when that one ends. A
    memory store belongs to this process, which therefore collects for itself.
    """

    def __init__(
        self,
        settings: Settings,
        store: MemoryStore | StoreBackend,
        argv: Sequence[str],
        environ: Mapping[str, str],
        functions: Mapping[str, Callable[[], Any]] | None = None,
        directory: Path | None = None,
    ) -> None:
        """`argv` and `environ` are for a collector process, without its store.

        `functions`: sources of this process, by name. `directory`: working directory of the collector
        process.
        """
        self._settings = settings
        self._store = store
        self._argv = argv
        self._environ = environ
        self._functions = functions or {}
        # The app may change its own before the process starts, or starts again.
        self._directory = directory or Path.cwd()
        self._created_in = os.getpid()
        self._stop = Event()
        self._thread = PerProcessThread("dashapp collector", self._run, self._report, self._stop.wait)

    def start(self) -> None:
        """Start the thread, unless this process has one already or `stop` was called."""
        if not self._stop.is_set():
            _started.add(self)
            self._thread.start()

    def start_or_log(self) -> None:
        """Start it during a request of the app, which must not fail because of it."""
        try:
            self.start()
        except (OSError, RuntimeError) as error:
            # No home folder, or no more threads.
            log.warning("starting the collector failed: %s", error)

    def stop(self) -> None:
        """Stop collecting for good, and wait until the thread has ended."""
        self._stop.set()
        self._thread.join()

    def request_stop(self) -> None:
        """Stop collecting for good, without waiting."""
        self._stop.set()

    @staticmethod
    def stop_unused() -> None:
        """Let Python delete apps that nothing uses any more, which stops their collectors.

        Each run of a notebook's cell replaces an app. The server of a real app creates one only.
        """
        if any(not collector._stop.is_set() for collector in _started):
            gc.collect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _report(self, sentence: str) -> None:
        # A new object each time, because each one omits a sentence that it has set before.
        self._store.notice_sink("collector").set(sentence)

    def _run(self) -> None:
        if isinstance(self._store, MemoryStore):
            if self._created_in != os.getpid():
                # A server forked after it imported the app: the ticks of each worker are its own.
                self._created_in = os.getpid()
                self._store.clear()
            self._collect_into_memory(self._store)
        elif self._functions:
            self._collect_functions(self._store)
        else:
            leader = CollectorLeader(self._store, self._settings, self._argv, self._environ, self._directory)
            leader.run(self._stop)

    # The two imports are local: the leader does without psutil and the sampler, 15 MB in each worker.

    def _collect_into_memory(self, store: MemoryStore) -> None:
        from dashapp.collector.service import collect_with_settings

        collect_with_settings(self._settings, store, None, self._stop, self._function_sources())

    def _collect_functions(self, backend: StoreBackend) -> None:
        """The store's writer lock chooses the process that collects; the others stand by."""
        from dashapp.collector.service import collect_into

        collect_into(backend, self._settings, self._stop, self._function_sources())

    def _function_sources(self) -> list[Source]:
        from dashapp.sources.function import source_of_function

        return [source_of_function(name, call) for name, call in self._functions.items()]
