"""The time zone of a host, from the text in its store."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")


def zone_of(name: str) -> tzinfo:
    """Return the zone of a name of the IANA or of an offset; UTC if it is unknown here.

    >>> zone_of("+05:30").utcoffset(None), zone_of("Europe/Berlin").key, zone_of("")
    (datetime.timedelta(seconds=19800), 'Europe/Berlin', datetime.timezone.utc)
    """
    if match := _OFFSET.fullmatch(name):
        size = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-size if match[1] == "-" else size, name)
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, LookupError):
        return UTC
