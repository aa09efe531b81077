"""The names of control groups that are containers, services or users."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

CONTAINER, SERVICE = "container", "service"

# `docker-ID.scope`, `libpod-ID`, `cri-containerd-ID.scope`, `….slice:cri-containerd:ID`, or only the id.
_CONTAINER_ID = re.compile(r"(?:(.*)[-:])?([0-9a-f]{64})(?:\.scope)?")
_RUNTIMES = {
    "libpod": "podman",
    "libpod-payload": "podman",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
}
_POD = re.compile(
    r"(?:.*-)?pod([0-9a-f]{8}[-_]?(?:[0-9a-f]{4}[-_]?){3}[0-9a-f]{12}|[0-9a-f]{32})(?:\.slice.*)?"
)
_USER_SLICE = re.compile(r"user-(\d+)\.slice")
# libvirt puts the number of the start before the name.
_LIBVIRT_NUMBER = re.compile(r"(?:qemu|lxc)-\d+-(?=.)")
_SYSTEMD_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


class Identity(NamedTuple):
    """A container or a service.

    `name` is empty if the control group has only an id. `pod` is the UID of a Kubernetes pod. `user` is the
    owner's id if the group is below a user's slice.
    """

    kind: str
    runtime: str
    id: str
    name: str = ""
    pod: str = ""
    user: int | None = None


def identify(parents: Sequence[str], name: str) -> Identity | None:
    """Return what the group `name` below `parents` is, None if it is neither.

    >>> identify(["system.slice"], r"foo\x2dbar.service").name
    'foo-bar'
    >>> identify(["system.slice"], f"docker-{'0' * 64}.scope").runtime
    'docker'
    """
    return _container(parents, name) or _service(parents, name)


def unescape_unit(name: str) -> str:
    """Return the name of a systemd unit without its escapes, such as `\\x2d` for `-`."""
    raw = name.encode(errors="surrogateescape")
    return _SYSTEMD_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), raw).decode(errors="replace")


def _container(parents: Sequence[str], name: str) -> Identity | None:
    parent = parents[-1] if parents else ""
    user = _user(parents)
    if match := _CONTAINER_ID.fullmatch(name):
        prefix = re.split(":", match[1] or "")[-1]
        if prefix.endswith("conmon"):
            return None  # the monitor of a container, which is a small process outside
        return Identity(CONTAINER, _runtime(prefix, parents), match[2], "", _pod([*parents, name]), user)
    if name.startswith("lxc.payload.") and len(name) > len("lxc.payload."):
        return Identity(CONTAINER, "lxc", name, name.removeprefix("lxc.payload."), "", user)
    if parent in ("lxc", "lxc.payload"):
        return Identity(CONTAINER, "lxc", name, name, "", user)
    if parent == "machine.slice":
        for start, end in (("machine-", ".scope"), ("systemd-nspawn@", ".service")):
            if name.startswith(start) and name.endswith(end) and len(name) > len(start + end):
                text = unescape_unit(name.removeprefix(start).removesuffix(end))
                return Identity(CONTAINER, "machine", name, _LIBVIRT_NUMBER.sub("", text, 1), "", user)
    return None


def _service(parents: Sequence[str], name: str) -> Identity | None:
    if _user(parents) is not None:
        return None  # a part of the user's slice
    if match := _USER_SLICE.fullmatch(name):
        return Identity(SERVICE, "user", name, f"user-{match[1]}")
    if name.endswith(".service") and len(name) > len(".service"):
        return Identity(SERVICE, "systemd", name, unescape_unit(name.removesuffix(".service")))
    return None


def _runtime(prefix: str, parents: Sequence[str]) -> str:
    if prefix:
        return _RUNTIMES.get(prefix, prefix)
    for parent, runtime in (("docker", "docker"), ("libpod_parent", "podman"), ("kubepods", "kubernetes")):
        if any(part.removesuffix(".slice").startswith(parent) for part in parents):
            return runtime
    return CONTAINER


def _pod(path: Sequence[str]) -> str:
    """Return the UID of the pod in a path with dashes; systemd's slices have underscores."""
    matches = (_POD.fullmatch(part) for part in path)
    return next((match[1].replace("_", "-") for match in matches if match), "")


def _user(parents: Sequence[str]) -> int | None:
    matches = (_USER_SLICE.fullmatch(part) for part in parents)
    # A number that is too large for a user id is no user.
    return next((int(match[1]) for match in matches if match and len(match[1]) <= 10), None)
