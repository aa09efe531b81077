"""File systems: how full each local, real one is, once for each device.

Network file systems are omitted: a request for the size blocks if the server is down.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

import psutil

from dashapp.model.ticks import Metric
from dashapp.sources.slug import SlugRegistry
from dashapp.sources.system.procfs import ProcFile
from dashapp.sources.system.psutil_safe import PsutilCall, as_list, call_or_none

# squashfs and iso9660 are full by design; tmpfs is memory.
REAL_FILESYSTEMS = re.compile(
    r"ext[234]|[xjz]fs|btrfs|f2fs|reiser(fs|4)|bcachefs|nilfs2|vfat|fat32|exfat|ntfs3?|fuseblk|"
    r"apfs|hfs|ufs|ffs|hammer2|refs"
)
# The root of a container. Elsewhere an overlay shows a file system that is counted already.
ROOT_ONLY_FILESYSTEMS = frozenset({"overlay", "aufs"})

MAX_FILESYSTEMS = 16

# A volume of a container, such as disk3s1 of disk3, or its snapshot disk3s1s1.
_APFS_VOLUME = re.compile(r"(s\d+)+$")
_OCTAL_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    device: str
    point: str
    kind: str


class StatvfsResult(Protocol):
    """The fields of os.statvfs in use, in blocks of `f_frsize` bytes, or of one byte without it."""

    @property
    def f_blocks(self) -> int: ...
    @property
    def f_bfree(self) -> int: ...
    @property
    def f_bavail(self) -> int: ...


class FilesystemSource:
    """Reads sizes; `mounts` lists the mounts, and `size` can block if a disk fails."""

    is_optional = True

    def __init__(
        self,
        mounts: Callable[[], Iterable[Mount]] | None = None,
        size: Callable[[str], StatvfsResult] | None = None,
        root: str = "/",
    ) -> None:
        """`root`: the folder in which the machine's file systems are, `/` without a container."""
        self._root = root.rstrip("/")
        self._mounts = mounts or ProcMounts()
        self._size = size or os.statvfs
        self._slugs = SlugRegistry(root="/")

    def read(self) -> Mapping[Metric, float]:
        """Return used percent of the space for users, as df(1): used / (used + available) x 100.

        The datasets of one pool share its free space, so they are one line with the sum of their sizes.
        """
        values: dict[Metric, float] = {}
        for mounts in mounts_by_filesystem(self._mounts(), self._root):
            used, available = 0, 0
            for mount in mounts:
                try:
                    size = self._size(self._root + mount.point)
                except OSError:
                    continue  # unmounted meanwhile, or access denied
                # Two datasets of one pool can have blocks of different sizes.
                block = getattr(size, "f_frsize", 1)
                used += max(0, size.f_blocks - size.f_bfree) * block
                available = max(available, size.f_bavail * block)
            if used + available > 0:
                point = mounts[0].point
                name = self._slugs(point)
                label = point if len(point) <= 32 else f"…{point[-31:]}"
                metric = Metric(f"filesystem.{name}.percent", label, "%", "filesystem", 0.0, 100.0)
                values[metric] = round(100 * used / (used + available), 1)
        return values


def shown_mounts(mounts: Iterable[Mount]) -> list[Mount]:
    """Return the mount that gives each real file system its name."""
    return [same_filesystem[0] for same_filesystem in mounts_by_filesystem(mounts)]


def mounts_by_filesystem(mounts: Iterable[Mount], root: str = "") -> list[list[Mount]]:
    """Return the mounts of each real file system: one of a device, and each dataset of a pool.

    Their paths are below `root`. The first mount is the one with the shortest path. There are at most
    MAX_FILESYSTEMS file systems.
    """
    mounts_by_pool: dict[str, dict[str, Mount]] = {}
    for mount in sorted(mounts, key=lambda mount: (len(mount.point), mount.point)):
        is_local = REAL_FILESYSTEMS.fullmatch(mount.kind) or (
            mount.point == "/" and mount.kind in ROOT_ONLY_FILESYSTEMS
        )
        if is_local and not _is_single_file(mount.point, root):
            mounts_by_pool.setdefault(_pool(mount), {}).setdefault(mount.device, mount)
    return [list(by_device.values()) for by_device in mounts_by_pool.values()][:MAX_FILESYSTEMS]


def _pool(mount: Mount) -> str:
    """Return the device, or the pool of which it is a dataset or a volume."""
    if mount.kind == "zfs":
        return mount.device.partition("/")[0]
    if mount.kind == "apfs":
        return _APFS_VOLUME.sub("", mount.device)
    return mount.device


def _is_single_file(point: str, root: str) -> bool:
    """Return whether a mount point is a file: container engines mount files such as /etc/hosts.

    Another user's mount point may be invisible, so its path counts too.
    """
    if point.startswith(("/etc/", "/dev/")):
        return True
    try:
        return not stat.S_ISDIR(os.stat(root + point).st_mode)  # noqa: PTH116
    except OSError:
        return False


class ProcMounts:
    """Linux: reads a file such as /proc/self/mounts, which escapes spaces as octal numbers.

    Raises OSError at construction if it is not readable.
    """

    def __init__(self, path: str = "/proc/self/mounts") -> None:
        self._file = ProcFile(path)
        self._file.read()

    def __call__(self) -> list[Mount]:
        mounts = []
        for line in os.fsdecode(self._file.read()).split("\n"):
            words = line.split(" ")
            if len(words) >= 3:
                point = _OCTAL_ESCAPE.sub(lambda match: chr(int(match[1], 8)), words[1])
                mounts.append(Mount(words[0], point, words[2]))
        return mounts


class PsutilMounts:
    """Other platforms; `all=False` omits file systems without a device."""

    def __init__(self, partitions: PsutilCall = lambda: psutil.disk_partitions(all=False)) -> None:
        self._partitions = partitions

    def __call__(self) -> list[Mount]:
        return [
            Mount(str(partition.device), str(partition.mountpoint), str(partition.fstype).lower())
            for partition in as_list(call_or_none(self._partitions))
            if hasattr(partition, "mountpoint")
        ]


class _PsutilSize(NamedTuple):
    f_blocks: int
    f_bfree: int
    f_bavail: int


def psutil_size(point: str) -> StatvfsResult:
    """Return the size in blocks of one byte, for a platform without statvfs."""
    usage = psutil.disk_usage(point)
    return _PsutilSize(usage.used + usage.free, usage.free, usage.free)
