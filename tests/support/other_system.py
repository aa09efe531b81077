"""Run dashapp without what another system lacks: `other_system.py win32 FOLDER`.

It imports every module, then collects into a store, reads it, and passes a push on. The libraries that
dashapp uses are loaded before, because they were built for this system.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

MODULES = {
    "win32": ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"),
    "darwin": (),
}
LINUX_ONLY = {
    os: ("O_PATH", "sched_getaffinity", "posix_fadvise", "waitid", "memfd_create", "fdatasync"),
    select: ("epoll",),
    signal: ("sigtimedwait", "sigwaitinfo"),
    socket: ("AF_NETLINK", "AF_PACKET", "SO_BINDTODEVICE"),
    time: ("CLOCK_BOOTTIME", "pthread_getcpuclockid"),
}
UNIX_ONLY = {
    os: (
        *("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "fchmod", "fork", "geteuid", "getegid"),
        *("getgid", "getloadavg", "getpgid", "getuid", "killpg", "mkfifo", "pread", "pwrite"),
        *("register_at_fork", "setsid", "statvfs", "sysconf", "uname"),
    ),
    select: ("poll",),
    signal: ("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "pthread_sigmask"),
    socket: ("AF_UNIX", "MSG_DONTWAIT", "SO_REUSEPORT"),
    time: ("clock_gettime", "tzset"),
}
# They start a program when they are imported.
LEFT_OUT = ("dashapp.__main__", "dashapp.web.__main__", "dashapp.collector.__main__")
# They import an extra, which may be missing.
EXTRAS = ("dashapp.mcp.server", "dashapp.mcp.tools")


def module_names() -> list[str]:
    package = importlib.import_module("dashapp")
    found = pkgutil.walk_packages(package.__path__, "dashapp.")
    return [each.name for each in found if each.name not in (*LEFT_OUT, *EXTRAS)]


def become(system: str) -> None:
    """Forget dashapp, and take away what `system` lacks."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "dashapp"]:
        del sys.modules[name]
    # The libraries below have a version of their own for that system.
    usage = shutil.disk_usage("/")
    shutil.disk_usage = lambda path: usage
    for table in (LINUX_ONLY, UNIX_ONLY if system == "win32" else {}):
        for module, names in table.items():
            for name in names:
                if hasattr(module, name):
                    delattr(module, name)
    for name in MODULES[system]:
        sys.modules[name] = None  # type: ignore[assignment]
    if system == "win32":
        sys.modules["msvcrt"] = fake_msvcrt()
    sys.platform = system


def fake_msvcrt() -> ModuleType:
    """Return locks by bytes, which a process cannot take twice by two descriptors."""
    module = ModuleType("msvcrt")
    locked: dict[int, int] = {}

    def locking(descriptor: int, mode: int, count: int) -> None:
        assert count == 1
        inode = os.fstat(descriptor).st_ino
        if mode == 0:
            locked.pop(inode, None)
        elif locked.get(inode, descriptor) != descriptor and is_open(locked[inode], inode):
            raise OSError(13, "Permission denied")
        else:
            locked[inode] = descriptor

    def is_open(descriptor: int, inode: int) -> bool:
        try:
            return os.fstat(descriptor).st_ino == inode
        except OSError:
            return False

    vars(module).update(LK_UNLCK=0, LK_LOCK=1, LK_NBLCK=2, locking=locking)
    return module


def use(folder: Path) -> None:
    """Collect, store, read and push, as on that system."""
    from dashapp.collector.sampler import Sampler
    from dashapp.model.ticks import StoreLockedError
    from dashapp.sources.function import FunctionSource
    from dashapp.stores.disk.push_queue import DiskPushQueue
    from dashapp.stores.disk.reader import DiskReader
    from dashapp.stores.disk.store import DiskStore

    store = DiskStore(folder)
    with pytest.raises(StoreLockedError, match=str(os.getpid())):
        DiskStore(folder)
    # psutil here is that of this system; tests/sources/test_platform_failures.py gives it other answers.
    sampler = Sampler([FunctionSource("answer", {}, lambda: 42.0)], store, 1.0)
    for moment in (1000.0, 1001.0, 1002.0):
        sampler.tick(moment)
    reader = DiskReader(folder)
    assert reader.newest().time_ms == 1_002_000
    assert [metric.key for metric in reader.metrics()] == ["answer"]
    queue = DiskPushQueue(folder)
    records: list[bytes] = []

    def accept(record: bytes) -> bool:
        records.append(record)
        return True

    queue.take(1, accept)
    queue.put(b'{"a": 1}')
    queue.put(b'{"a": 2}')
    queue.take(2, accept)
    assert records == [b'{"a": 1}', b'{"a": 2}'], records
    store.close()


def main(system: str, folder: str) -> int:
    names = module_names()
    for name in names:
        importlib.import_module(name)
    become(system)
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
    use(Path(folder))
    print(f"{len(names)} modules")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
