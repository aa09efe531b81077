"""Folders such as /sys/class/net and /sys/class/block, from short descriptions.

A description is some words. `over=A,B`: the devices below this one. `file=text`: a file, such as `type=512`.
`at=BUS`: hardware on that bus. `in=BRIDGE`: a port of a bridge. `of=DISK`: an area of a memory card. Each
other word is one of ALIASES or the name of a folder, such as `bridge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ALIASES = {
    "card": "at=pci",
    "cable": "iflink=77",
    "ppp": "type=512",
    "tunnel": "type=65534",
    "tap": "tun_flags=0x1002",
    "loopback": "type=772",
    "scsi": "at=scsi",
    "nvme": "at=nvme",
    "part": "partition=1",
}


def parse_devices(text: str) -> tuple[dict[str, str], set[str]]:
    """Return the description of each device, one a line, and the names with a star after them."""
    lines = [line.split(maxsplit=1) for line in text.strip().splitlines()]
    marked = {name.rstrip("*") for name, *_ in lines if name.endswith("*")}
    return {name.rstrip("*"): " ".join(words) for name, *words in lines}, marked


def write_links(sys: Path, descriptions: Mapping[str, str]) -> None:
    """Write network interfaces, with Ethernet as their type, and without a peer elsewhere."""
    top = sys / "class" / "net"
    for number, name in enumerate(descriptions, 1):
        _write(top / name / "ifindex", str(number))
        _write(top / name / "iflink", str(number))
        _write(top / name / "type", "1")
    for name, words in _words(descriptions):
        for word, _, text in words:
            if word == "over":
                for lower in text.split(","):
                    (top / name / f"lower_{lower}").symlink_to(f"../{lower}")
                    (top / lower / f"upper_{name}").symlink_to(f"../{name}")
            elif word == "in":
                (top / name / "master").symlink_to(f"../{text}")
                (top / name / "brport").mkdir()
                (top / name / f"upper_{text}").symlink_to(f"../{text}")
                (top / text / f"lower_{name}").symlink_to(f"../{name}")
            else:
                _describe(sys, top / name, word, text)


def write_disks(sys: Path, descriptions: Mapping[str, str]) -> None:
    """Write block devices."""
    top = sys / "class" / "block"
    for name in descriptions:
        (top / name / "slaves").mkdir(parents=True)
        _write(top / name / "hidden", "0")
        _write(top / name / "dev", "8:0")
        (top / name / "queue").mkdir()
    for name, words in _words(descriptions):
        for word, _, text in words:
            if word == "over":
                for lower in text.split(","):
                    (top / name / "slaves" / lower).symlink_to(f"../../{lower}")
            elif word == "of":
                (top / name / "device").symlink_to(f"../{text}")
            else:
                _describe(sys, top / name, word, text)


def _words(descriptions: Mapping[str, str]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    return [
        (name, [ALIASES.get(word, word).partition("=") for word in text.split()])
        for name, text in descriptions.items()
    ]


def _describe(sys: Path, device: Path, word: str, text: str) -> None:
    if word == "at":
        parent = sys / "devices" / text / device.name
        parent.mkdir(parents=True, exist_ok=True)
        if not (parent / "subsystem").is_symlink():
            (parent / "subsystem").symlink_to(f"../../../bus/{text}")
        (device / "device").symlink_to(parent)
    elif text:
        _write(device / word, text)
    else:
        (device / word).mkdir()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")
