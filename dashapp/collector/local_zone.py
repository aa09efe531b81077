"""The time zone of this machine: a name of the IANA, or an offset from UTC if none is known."""

from __future__ import annotations

import os
import re
import time
import zoneinfo
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

_NAME = re.compile(r"[A-Za-z][\w+-]*(?:/[\w+-]+){0,3}")


def local_zone(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str:
    """Return a name such as "Europe/Berlin" or "UTC", or an offset such as "+05:30".

    The C library takes the variable TZ first, and then the file etc/localtime below `root`. A name counts
    only if its zone has the offset that this process has now.
    """
    candidates = [environ.get("TZ", "").removeprefix(":")] if environ.get("TZ") else _names_in_files(root)
    return next((name for name in candidates if _is_current(name)), format_offset(_offset_s()))


def format_offset(seconds: int) -> str:
    """Return an offset from UTC as text.

    >>> format_offset(19800), format_offset(-12600), format_offset(0)
    ('+05:30', '-03:30', 'UTC')
    """
    if not seconds:
        return "UTC"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}:{minutes:02}"


def _names_in_files(root: Path) -> list[str]:
    names = []
    # It may be a copy of a file. Only some systems have the second one.
    with suppress(OSError):
        target = str((root / "etc/localtime").readlink())
        names.append(target.partition("zoneinfo/")[2].removeprefix("posix/"))
    with suppress(OSError, ValueError):
        names.append((root / "etc/timezone").read_text("ascii")[:100].strip())
    return names


def _is_current(name: str) -> bool:
    if not _NAME.fullmatch(name):
        return False
    try:
        zone = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return time.localtime().tm_gmtoff == _offset_in(zone)


def _offset_in(zone: zoneinfo.ZoneInfo) -> float | None:
    offset = datetime.now(zone).utcoffset()
    return None if offset is None else offset.total_seconds()


def _offset_s() -> int:
    return time.localtime().tm_gmtoff
