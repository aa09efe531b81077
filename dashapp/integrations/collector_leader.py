"""Leader election: of all processes that serve an app, one runs the collector.

The leader holds a file lock, and the collector is its child. When the leader's process ends, the child ends
with it, the system frees the lock, and another process becomes the leader within two seconds.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event

from dashapp.collector.preflight import check_sources
from dashapp.config.cli import COLLECT_COMMAND
from dashapp.config.data_dir import leader_directory
from dashapp.config.settings import Settings
from dashapp.model.notices import NoticeSink
from dashapp.model.ticks import SettingsError
from dashapp.process.file_lock import lock_file, unlock_file
from dashapp.process.supervisor import SHUTDOWN_TIMEOUT_S, ChildProcess, python_command
from dashapp.stores.factory import DiskBackend, StoreBackend

log = logging.getLogger("dashapp")

# The name is a format: processes of two versions share it.
LOCK_FILE_NAME = "keeper.lock"
# Seconds between two checks of the collector, and between two attempts to become the leader.
CHECK_INTERVAL_S, LOCK_RETRY_S = 0.2, 1.0


class CollectorLeader:
    """One candidate: leads if no other process of this machine leads for the same store."""

    def __init__(
        self,
        backend: StoreBackend,
        settings: Settings,
        argv: Sequence[str],
        environ: Mapping[str, str],
        directory: Path,
    ) -> None:
        """`argv`, `environ` and `directory` are the collector's, without its store."""
        self._backend = backend
        self._settings = settings
        self._argv = [*argv, *backend.flags]
        self._environ = {**environ, **backend.environment}
        self._directory = directory

    def run(self, stop: Event) -> None:
        """Lead whenever no other process does, until `stop`."""
        is_logged = False
        while not stop.is_set():
            try:
                self._try_to_lead(stop)
            except OSError as error:
                if not is_logged:
                    log.warning("starting the collector for %s failed: %s", self._backend.label, error)
                    is_logged = True
            stop.wait(LOCK_RETRY_S)

    def _try_to_lead(self, stop: Event) -> None:
        """Run the collector, unless another process has the lock."""
        backend = self._backend
        folder = backend.folder if isinstance(backend, DiskBackend) else leader_directory(self._settings)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / LOCK_FILE_NAME
        no_links = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | no_links, 0o600)
        try:
            lock_file(descriptor)
        except OSError:
            os.close(descriptor)
            return
        try:
            self._lead(path, os.fstat(descriptor).st_ino, stop)
        finally:
            unlock_file(descriptor)
            os.close(descriptor)

    def _lead(self, path: Path, inode: int, stop: Event) -> None:
        """Run the collector until `stop`, or until others no longer see this lock file."""
        notice = self._backend.notice_sink("supervisor")
        notice.clear()
        child = self._collector_process(notice)
        try:
            while _inode(path) == inode and not stop.is_set():
                if child is not None:
                    child.check()
                stop.wait(CHECK_INTERVAL_S)
        finally:
            if child is not None:
                child.stop()
                child.wait(time.monotonic() + SHUTDOWN_TIMEOUT_S)

    def _collector_process(self, notice: NoticeSink) -> ChildProcess | None:
        """Return None if a source is invalid: a restart would change nothing."""
        try:
            args = [COLLECT_COMMAND, *self._argv]
            check_sources(self._settings, args, environ=self._environ, directory=self._directory)
        except SettingsError as error:
            notice.set(str(error))
            return None
        command = python_command("dashapp.collector", self._argv)
        # A session of its own: Ctrl-C in the terminal is for the server. The pipe ends the collector.
        return ChildProcess(
            "collector", command, notice, environ=self._environ, cwd=self._directory, start_new_session=True
        )


def _inode(path: Path) -> int | None:
    """Return None if the file is missing, because somebody deleted the store."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
