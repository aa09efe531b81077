"""The devices whose counters make up a total, so that each byte counts once.

A byte can pass several devices: a bridge and its network card, or a RAID and its disks. The kernel
reports in /sys which device is above another one, and which one is hardware. Names decide only on other
platforms, and for a device that /sys does not list.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

Select = Callable[[Collection[str]], Collection[str]]

# Seconds between checks of devices with the same names: a card can join another one.
CHECK_INTERVAL_S = 10.0

# The interfaces of containers and virtual machines come and go with random names.
_EPHEMERAL_LINK = re.compile(r"veth|cali|lxc|vnet|tap|cni-|fwpr|fwln|fwbr|nodelocaldns")
_VIRTUAL_LINK = re.compile(
    r"lo\d*$|lo$|docker|br-|br\d|virbr|vmbr|cni|flannel|vxlan|vlan|macvlan|macvtap|ipvl|geneve|kube|cilium|weave|"
    r"dummy|ifb|bond|team|tun|utun|wg|tailscale|zt|nordlynx|ovs|bat\d|gre|sit\d|ip6tnl|ipip|bridge|awdl|llw|gif|"
    r"stf|anpi|ap\d|podman|lxd|vmnet|vboxnet|Loopback|lagg|trunk\d|aggr\d|epair|vether|vEthernet|carp|feth|ipsec|"
    r"enc\d|pflog|pfsync|.*[.@]"
)
# A modem, or PPPoE, whose bytes a card counts as well.
_PPP_LINK = re.compile(r"ppp\d|pppoe|ng\d")
# A port of a switch inside a card, which belongs to a virtual function.
_REPRESENTOR = re.compile(r"(c\d+)?pf\d+[vs]f\d+")
# Values of `type` in /sys/class/net, see include/uapi/linux/if_arp.h in Linux.
_ETHERNET, _PPP, _LOOPBACK, _MONITORS = "1", "512", "772", ("802", "803")
# The end of a cable to another namespace, a modem, the same with an ephemeral name, and the others.
_CABLE_RANK, _MODEM_RANK, _EPHEMERAL_RANK, _TUNNEL_RANK = range(4)

_NO_WHOLE_DISK = re.compile(
    r"(loop|ram|zram|dm-|md|bcache|zd|sr|fd|nbd|drbd)\d|mmcblk\d+(boot|rpmb)|nvme\d+c\d"
)
# Major numbers, see Documentation/admin-guide/devices.txt in Linux. Memory, loop devices and ZFS volumes are
# no disks. Floppy and optical disks have no lines.
_NO_DISK_MAJORS = ("1", "7", "230", "2", "11")
_DISK_RANK, _REMOTE_RANK = range(2)


class CachedSelection:
    """Selects devices when their names change, after `forget`, and every CHECK_INTERVAL_S."""

    def __init__(self, select: Select) -> None:
        self._select = select
        self._names: frozenset[str] = frozenset()
        self._selected: Collection[str] = ()
        self._next_check = float("-inf")

    def __call__(self, names: Mapping[str, object], now: float) -> Collection[str]:
        if now >= self._next_check or names.keys() != self._names:
            self._names = frozenset(names)
            self._selected = self._select(self._names)
            self._next_check = now + CHECK_INTERVAL_S
        return self._selected

    def forget(self) -> None:
        """Select again at the next call: a device may have the name of an earlier one."""
        self._next_check = float("-inf")


def base_links(names: Collection[str], sys: str = "/sys") -> set[str]:
    """Return the interfaces that each byte passes once.

    These are network cards, without a card whose bytes another card counts as well. A machine without a card,
    such as a container, has the end of a cable to another namespace, a modem, or a tunnel.
    """
    folders = {name: f"{sys}/class/net/{name}" for name in names}
    known = {name: folder for name, folder in folders.items() if os.path.lexists(folder)}
    cards = {name for name, folder in known.items() if _is_card(folder)}
    # The folder may be of another namespace, or missing.
    cards |= {name for name in links_by_name(names) if name not in known}
    if cards:
        return {name for name in cards if not cards & _upper_links(folders[name])}
    return _lowest_ranks({name: _virtual_rank(name, folder) for name, folder in folders.items()})


def links_by_name(names: Collection[str]) -> set[str]:
    """Return the interfaces with names of network cards; without a card, those of modems."""
    found = {name for name in names if not _VIRTUAL_LINK.match(name) and not is_ephemeral(name)}
    return {name for name in found if not _PPP_LINK.match(name)} or found


def is_ephemeral(name: str) -> bool:
    """Return whether an interface has a name of those of containers and virtual machines."""
    return _EPHEMERAL_LINK.match(name) is not None


def _is_card(folder: str) -> bool:
    if not os.path.lexists(f"{folder}/device") or _read(f"{folder}/type") in _MONITORS:
        return False
    # Both are ends of a cable to a virtual machine, and its bytes pass the card as well.
    is_xen_backend = _link_name(f"{folder}/device/subsystem") == "xen-backend"
    return not is_xen_backend and not _REPRESENTOR.fullmatch(_read(f"{folder}/phys_port_name"))


def _upper_links(folder: str) -> set[str]:
    """Return the interfaces above this one, such as the card that a virtual function belongs to."""
    uppers = {entry.removeprefix("upper_") for entry in _entries(folder) if entry.startswith("upper_")}
    return uppers | {_link_name(f"{folder}/master")}


def _virtual_rank(name: str, folder: str) -> int | None:
    """Return the rank of an interface without hardware; None if others count its bytes.

    The interfaces of the lowest rank count.
    """
    # A port of a bridge with such a name leads to a container inside this one. There can be hundreds.
    if is_ephemeral(name) and os.path.lexists(f"{folder}/brport"):
        return _TUNNEL_RANK
    entries = _entries(folder)
    kind = _read(f"{folder}/type")
    if name == "lo" or kind == _LOOPBACK or "bridge" in entries:
        return None
    if any(entry.startswith("lower_") for entry in entries):
        return None
    is_cable = kind == _ETHERNET and _read(f"{folder}/iflink") not in ("", "0", _read(f"{folder}/ifindex"))
    is_modem = kind == _PPP or (kind == _ETHERNET and "tun_flags" in entries)
    if not is_cable and not is_modem:
        return _TUNNEL_RANK
    if is_ephemeral(name):
        return _EPHEMERAL_RANK
    return _CABLE_RANK if is_cable else _MODEM_RANK


def base_disks(names: Collection[str], sys: str = "/sys") -> set[str]:
    """Return the whole disks that are not above another one.

    A machine without any, such as one that starts from the network, has remote disks.
    """
    return _lowest_ranks({name: _disk_rank(name, names, sys) for name in names})


def disks_by_name(names: Collection[str]) -> set[str]:
    """Return the disks with names of whole ones."""
    return {name for name in names if is_whole_disk(name, names)}


def is_whole_disk(name: str, names: Collection[str]) -> bool:
    """Return whether `name` is that of a physical disk: not stacked on another, nor part of one.

    >>> names = {"sda", "sda1", "nvme0n1", "nvme0n1p2", "xvda1", "dm-0"}
    >>> [name for name in sorted(names) if is_whole_disk(name, names)]
    ['nvme0n1', 'sda', 'xvda1']
    """
    if _NO_WHOLE_DISK.match(name):
        return False
    disk = name.rstrip("0123456789")
    if disk == name:
        return True
    # If the name of a disk ends with a digit, a "p" precedes the number of a partition.
    parent = disk[:-1] if disk[-1:] == "p" and disk[-2:-1].isdigit() else disk
    return parent not in names


def _disk_rank(name: str, names: Collection[str], sys: str) -> int | None:
    """Return the rank of a disk; None if it is no disk, or others count its bytes.

    The disks of the lowest rank count.
    """
    folder = f"{sys}/class/block/{name.replace('/', '!')}"
    entries = _entries(folder)
    if not entries:
        return _DISK_RANK if is_whole_disk(name, names) else None
    if "partition" in entries or _entries(f"{folder}/slaves"):
        return None
    if _read(f"{folder}/dev").partition(":")[0] in _NO_DISK_MAJORS or "comp_algorithm" in entries:
        return None
    # A path to a disk with several paths. Before Linux 6.2 only the paths count the bytes.
    if _read(f"{folder}/hidden") == "1" and re.sub(r"c\d+(?=n\d)", "", name) in names:
        return None
    if "device" not in entries:
        return _REMOTE_RANK
    # The boot areas of a memory card are devices of the card's disk.
    return None if os.path.lexists(f"{folder}/device/queue") else _DISK_RANK


def _lowest_ranks(ranks: Mapping[str, int | None]) -> set[str]:
    lowest = min((rank for rank in ranks.values() if rank is not None), default=None)
    return {name for name, rank in ranks.items() if rank is not None and rank == lowest}


def _entries(folder: str) -> list[str]:
    with suppress(OSError):
        return [path.name for path in Path(folder).iterdir()]
    return []


def _read(path: str) -> str:
    """Return the text of a small file, empty if the device does not have it."""
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _link_name(path: str) -> str:
    with suppress(OSError):
        return Path(path).readlink().name
    return ""
