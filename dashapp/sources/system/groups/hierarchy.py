"""Find the containers and services in the control groups, version 1, 2 and hybrid.

https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dashapp.sources.system.groups.identity import CONTAINER, Identity, identify

# The kernel itself allows a deeper tree, which would take too long.
MAX_DEPTH, MAX_GROUPS = 16, 20_000

# The role of a version 1 hierarchy, by the name of its controller.
_V1_ROLES = {"cpuacct": "cpu", "memory": "memory", "blkio": "io"}


class Folder(NamedTuple):
    """The folder of a group in one hierarchy; `inode` differs after it was created again."""

    path: str
    version: int
    inode: int


class Root(NamedTuple):
    """A mount point, its version, and what its groups count: cpu, memory or io."""

    path: str
    version: int
    roles: tuple[str, ...]


# By what is counted.
Folders = Mapping[str, Folder]


def find_roots(sys: str = "/sys") -> list[Root]:
    """Return the mounted hierarchies that count something, the preferred ones first."""
    top = f"{sys}/fs/cgroup"
    if Path(top, "cgroup.controllers").exists():
        return [Root(top, 2, ("cpu", "memory", "io"))]
    try:
        with os.scandir(top) as entries:
            # "cpu,cpuacct" is one hierarchy, and "cpuacct" a link to it.
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    roots = [
        Root(f"{top}/{name}", 1, tuple(_V1_ROLES[part] for part in name.split(",") if part in _V1_ROLES))
        for name in names
    ]
    roots = [root for root in roots if root.roles]
    # In a hybrid machine this tree has each service, and it counts CPU time without a controller.
    if Path(top, "unified/cgroup.controllers").exists():
        roots.append(Root(f"{top}/unified", 2, ("cpu", "memory", "io")))
    return roots


def find_groups(roots: list[Root]) -> Mapping[Identity, Folders]:
    """Return the folders of each container and service.

    A container inside another one, and a service inside a container, a service or a user's slice, is a part
    of the outer one. A container inside a service is in both.
    """
    groups: dict[Identity, dict[str, Folder]] = {}
    for root in roots:
        for identity, path, inode in _walk(root.path):
            folders = groups.setdefault(identity, {})
            for role in root.roles:
                folders.setdefault(role, Folder(path, root.version, inode))
    return groups


def _walk(root: str) -> Iterator[tuple[Identity, str, int]]:
    stack: list[tuple[str, tuple[str, ...], bool]] = [(root, (), False)]
    visit_count = 0
    while stack:
        folder, parents, is_inside = stack.pop()
        for name, path, inode, has_children in _children(folder):
            visit_count += 1
            if visit_count > MAX_GROUPS:
                return
            identity = identify(parents, name)
            is_container = identity is not None and identity.kind == CONTAINER
            if identity is not None and (is_container or not is_inside):
                yield identity, path, inode
            if not is_container and has_children and len(parents) < MAX_DEPTH:
                stack.append((path, (*parents, name), is_inside or identity is not None))


def _children(folder: str) -> Iterator[tuple[str, str, int, bool]]:
    """Yield name, path, inode, and whether there may be children.

    A folder that has vanished has none.
    """
    try:
        with os.scandir(folder) as entries:
            folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for entry in sorted(folders, key=lambda entry: entry.name):
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            continue
        # A folder has one link for itself, one in its parent, and one in each child. Some file systems do
        # not count them, and then there is 1.
        yield entry.name, entry.path, status.st_ino, status.st_nlink != 2
