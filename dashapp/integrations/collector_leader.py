"""The keeper: sees to it, from within somebody else's server, that one collector runs as long as that does.

However many processes serve, one of them has the keeper's lock and the collector for a child, which dies with
it; another takes over then. Knows no request and no application.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dashapp.collector.preflight import check_sources
from dashapp.config.settings import Settings
from dashapp.model.notices import NoticeSink
from dashapp.model.ticks import SettingsError
from dashapp.process.file_lock import lock_file
from dashapp.process.supervisor import SHUTDOWN_TIMEOUT_S, ChildProcess, python_command
from dashapp.process.threads import PerProcessThread
from dashapp.stores.factory import StoreBackend

log = logging.getLogger("dashapp")

LOCK_FILE_NAME = "keeper.lock"
# Seconds between two looks: at the collector, and at whether another process keeps it.
CHECK_INTERVAL_S, LOCK_RETRY_S = 0.2, 1.0


class CollectorLeader:
    """`argv`, `environ` and `where` (a folder) are the collector's, and led to `settings`."""

    def __init__(
        self,
        folder: Path,
        place: StoreBackend,
        settings: Settings,
        argv: Sequence[str],
        environ: Mapping[str, str],
        where: Path,
    ) -> None:
        """`folder`: where this machine's processes agree which of them keeps it."""
        self._folder = folder
        self._settings = settings
        self._place = place
        self._argv = [*argv, *place.flags]
        self._environ = {**environ, **place.environment}
        self._where = where
        self._thread = PerProcessThread("dashapp keeper", self._run)

    def ensure_started(self) -> None:
        """Begin, in this process: called at its first request, since a server may fork until then.

        (A thread that is inside Popen in one that forks hangs for good.)
        """
        self._thread.start()

    def _run(self) -> None:
        said = False
        while True:
            try:
                self._try_to_lead()
            except OSError as error:
                if not said:
                    log.warning("no collector can be started for %s: %s", self._place.label, error)
                    said = True
            time.sleep(LOCK_RETRY_S)

    def _try_to_lead(self) -> None:
        """Keep the collector, unless another process does."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / LOCK_FILE_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            lock_file(descriptor)
        except OSError:
            os.close(descriptor)
            return
        try:
            self._lead(path, os.fstat(descriptor).st_ino)
        finally:
            os.close(descriptor)

    def _lead(self, path: Path, inode: int) -> None:
        """As long as the lock is the one that others see."""
        notice = self._place.notice_sink("supervisor")
        notice.clear()
        child = self._collector_process(notice)
        try:
            while _inode(path) == inode:
                if child is not None:
                    child.check()
                time.sleep(CHECK_INTERVAL_S)
        finally:
            if child is not None:
                child.stop()
                child.wait(time.monotonic() + SHUTDOWN_TIMEOUT_S)

    def _collector_process(self, notice: NoticeSink) -> ChildProcess | None:
        """None where a source cannot be made: a restart would change nothing."""
        try:
            check_sources(self._settings, self._argv, environ=self._environ, directory=self._where)
        except SettingsError as error:
            notice.set(str(error))
            return None
        argv = python_command("dashapp.collector", self._argv)
        # Apart from the terminal's Ctrl-C, which is the server's; the pipe ends it.
        return ChildProcess(
            "collector", argv, notice, environ=self._environ, cwd=self._where, start_new_session=True
        )


def _inode(path: Path) -> int | None:
    """None where it is gone: somebody deleted the store."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
