"""The names of control groups that are containers, services or users, of every runtime and driver."""

from __future__ import annotations

import pytest

from dashapp.sources.system.groups.identity import Identity, identify, unescape_unit

ID = "3f" * 32
POD = "8ac6e6d4-5d0f-4c8b-9d57-1f8f4b3b9a10"
POD_SLICE = f"kubepods-burstable-pod{POD.replace('-', '_')}.slice"

CONTAINERS = {
    "docker, systemd": (f"system.slice/docker-{ID}.scope", "docker"),
    "docker, cgroupfs": (f"docker/{ID}", "docker"),
    "docker, own parent": (f"jobs/docker/{ID}", "docker"),
    "podman, systemd": (f"machine.slice/libpod-{ID}.scope", "podman"),
    "podman, cgroupfs": (f"libpod_parent/libpod-{ID}", "podman"),
    "podman, user": (f"user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", "podman"),
    "podman, in a service": (f"system.slice/web.service/libpod-payload-{ID}", "podman"),
    "containerd": (f"system.slice/cri-containerd-{ID}.scope", "containerd"),
    "nerdctl": (f"system.slice/nerdctl-{ID}.scope", "containerd"),
    "crio": (f"system.slice/crio-{ID}.scope", "crio"),
    "kubernetes, systemd": (
        f"kubepods.slice/kubepods-burstable.slice/{POD_SLICE}/cri-containerd-{ID}.scope",
        "containerd",
    ),
    "kubernetes, crio": (f"kubepods.slice/{POD_SLICE}/crio-{ID}.scope", "crio"),
    "kubernetes, cgroupfs": (f"kubepods/besteffort/pod{POD}/{ID}", "kubernetes"),
    "kubernetes, crio and cgroupfs": (f"kubepods/pod{POD}/crio-{ID}", "crio"),
    "kubernetes, mixed drivers": (
        f"system.slice/containerd.service/{POD_SLICE}:cri-containerd:{ID}",
        "containerd",
    ),
    "kind": (
        f"kubelet.slice/kubelet-kubepods.slice/kubelet-{POD_SLICE}/cri-containerd-{ID}.scope",
        "containerd",
    ),
    "ecs": (f"ecs/0123456789abcdef0123456789abcdef/{ID}", "container"),
}


def found(path: str) -> Identity | None:
    *parents, name = path.split("/")
    return identify(parents, name)


@pytest.mark.parametrize(("path", "runtime"), CONTAINERS.values(), ids=CONTAINERS.keys())
def test_identify_finds_container_with_id(path: str, runtime: str) -> None:
    identity = found(path)
    assert identity is not None
    assert (identity.kind, identity.runtime, identity.id, identity.name) == ("container", runtime, ID, "")
    assert identity.pod == (POD if "kubepods" in path else "")
    assert identity.user == (1000 if "user-1000" in path else None)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lxc.payload.web", "web"),
        ("lxc.payload.web.2", "web.2"),
        ("lxc/101", "101"),
        ("lxc.payload/web", "web"),
        ("user.slice/user-7.slice/session-1.scope/lxc.payload.dev", "dev"),
        ("machine.slice/machine-debian.scope", "debian"),
        (r"machine.slice/machine-my\x2dbox.scope", "my-box"),
        (r"machine.slice/machine-qemu\x2d3\x2dwin\x2d11.scope", "win-11"),
        (r"machine.slice/machine-lxc\x2d12\x2dmail.scope", "mail"),
        ("machine.slice/systemd-nspawn@build.service", "build"),
    ],
)
def test_identify_finds_container_with_name(path: str, name: str) -> None:
    identity = found(path)
    assert identity is not None
    assert (identity.kind, identity.name) == ("container", name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("system.slice/nginx.service", "nginx"),
        (r"system.slice/foo\x2dbar.service", "foo-bar"),
        (r"system.slice/system-getty.slice/getty@tty1.service", "getty@tty1"),
        (r"system.slice/system-dbus\x2d:1.2\x2dorg.slice/dbus-:1.2-org@0.service", "dbus-:1.2-org@0"),
        (r"system.slice/caf\xc3\xa9.service", "café"),
        (r"system.slice/a\xffb.service", "a\ufffdb"),
        ("web.slice/web-front.slice/gunicorn.service", "gunicorn"),
        ("docker.service", "docker"),
        ("user.slice/user-1000.slice", "user-1000"),
    ],
)
def test_identify_finds_service(path: str, name: str) -> None:
    identity = found(path)
    assert identity is not None
    assert (identity.kind, identity.name) == ("service", name)


@pytest.mark.parametrize(
    "path",
    [
        "system.slice",
        "init.scope",
        ".service",
        "docker",
        f"docker/{ID[:-1]}",
        f"docker/{ID.upper()}",
        f"machine.slice/libpod-conmon-{ID}.scope",
        f"kubepods.slice/crio-conmon-{ID}.scope",
        "lxc",
        "lxc.payload.",
        "lxc.monitor.web",
        "machine.slice/machine-.scope",
        "system.slice/machine-web.scope",
        "system.slice/dev-hugepages.mount",
        "system.slice/run-r0123.scope",
        "user.slice/user-x.slice",
        "user.slice/user-1000.slice/user@1000.service",
        "user.slice/user-1000.slice/user@1000.service/app.slice/foo.service",
        f"kubepods/pod{POD}",
        "process_api/606d735493efdfcb4933019115a63a11",
    ],
)
def test_identify_ignores_other_groups(path: str) -> None:
    assert found(path) is None


@pytest.mark.parametrize("name", ["", "\\x", "\\xg0", "a\udcffb", "\\x00"])
def test_unescape_unit_accepts_any_text(name: str) -> None:
    unescape_unit(name).encode()
