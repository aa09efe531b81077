"""Credentials: how the text of what lets visitors in becomes what it means, or a ValueError."""

from __future__ import annotations

import ipaddress
import re

# What is on every list of passwords, and what lies in a row on a keyboard.
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertzuiopasdfghjkl", "qwertyuiopasdfghjkl", "01234567890123456789")
_COMMON = ("password", "passwort", "changeme", "letmein", "dashapp", "administrator")


def password(text: str) -> str:
    """What nobody guesses at five tries a minute."""
    plain = text.lower()
    weak = len(set(text)) < 5 or any(plain in row or plain[::-1] in row for row in _ROWS)
    for word in _COMMON:
        plain = plain.replace(word, "")
    weak = weak or len(plain) < 5
    # At its ends no header can carry a space.
    if not 10 <= len(text) <= 200 or not text.isprintable() or text != text.strip() or weak:
        raise ValueError
    return text


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


_HEADER = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


def header(text: str) -> str:
    """A header of the proxy's own: none that browsers send."""
    if len(text) > 64 or _HEADER.fullmatch(text) is None or text.lower() in _BROWSERS:
        raise ValueError
    return text


_BROWSERS = ("host", "cookie", "authorization", "user-agent", "accept", "referer", "origin")
