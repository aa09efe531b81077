"""Redact user names and passwords in text from settings."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=//)\S*@")
_SCHEME = re.compile(r"[a-zA-Z+]*:/{0,2}")


def redact_credentials(text: str) -> str:
    """Return text from a setting without user and password in any URL in it.

    >>> redact_credentials("prometheus:http://me:secret@host/metrics")
    'prometheus:http://…@host/metrics'
    """
    return _USER.sub("…@", text)


def redact_url(text: str) -> str:
    """Return one URL, even a mistyped one, without anything that may be a user or password.

    >>> redact_url("reddis:/:sec ret@host"), redact_url("redis://host?password=x"), redact_url("data")
    ('reddis:/…@host', 'redis://host?…', 'data')
    """
    query = re.search(r"(?s)[?#][^@]*$", text)
    base = text[: query.start()] if query else text
    scheme, rest = (match[0], base[match.end() :]) if (match := _SCHEME.match(base)) else ("", base)
    if "@" in rest:
        rest = "…@" + rest.rpartition("@")[2]
    return scheme + rest + ("?…" if query else "")
