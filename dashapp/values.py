"""Values: how the text of a setting becomes what it means. Each raises ValueError for what it cannot be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

MEMORY = "memory:"
THEMES = ("auto", "dark", "light")

_USER = re.compile(r"(?<=//)\S*@")


def masked(text: str) -> str:
    """Text from a setting without the user and password that an address in it may have.

    >>> masked("prometheus:http://me:secret@host/metrics")
    'prometheus:http://…@host/metrics'
    """
    return _USER.sub("…@", text)


def number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def text(longest: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not (text := text.strip()) or len(text) > longest or not text.isprintable():
            raise ValueError
        return text

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return parse


def switch(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"": False, "0": False, "false": False, "no": False, "off": False}
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise ValueError from None


def audience(text: str) -> str:
    if text not in ("local", "always", "never"):
        raise ValueError
    return text


_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def address(text: str) -> str:
    if text != "localhost":
        ipaddress.ip_address(text)
    return text


def hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    if not all(_HOST.fullmatch(name) for name in names):
        raise ValueError
    return names


_TOKEN = re.compile(r"[!-~]{16,200}")


def token(text: str) -> str:
    """A secret that a header can carry: too short a one could be guessed."""
    if _TOKEN.fullmatch(text) is None:
        raise ValueError
    return text


_NOTIFY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,39}://\S{1,2000}")


def notify(text: str) -> str:
    """Where a message goes. Which of them there are is for apprise to say."""
    if _NOTIFY.fullmatch(text := text.strip()) is None or not text.isprintable():
        raise ValueError
    return text


# What is on every list of passwords, and what lies in a row on a keyboard.
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertzuiopasdfghjkl", "qwertyuiopasdfghjkl", "01234567890123456789")
_COMMON = ("password", "passwort", "changeme", "letmein", "dashapp", "administrator")


def password(text: str) -> str:
    """What nobody guesses at five tries a minute."""
    plain = text.lower()
    weak = len(set(text)) < 5 or any(plain in row or plain[::-1] in row for row in _ROWS)
    weak = weak or any(len(plain) - len(word) < 5 and word in plain for word in _COMMON)
    if not 10 <= len(text) <= 200 or not text.isprintable() or weak:
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


def store(text: str) -> str:
    if not text.strip() or ("://" in text) or (":" in text and text != MEMORY):
        raise ValueError
    return text


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdwy])")


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError
    return float(match[1]) * _UNITS[match[2]]


def retention(text: str) -> tuple[float, float, float]:
    """Three lengths of time, none shorter than the one before: of ticks, minutes and hours, in seconds."""
    first, second, third = (_seconds(part) for part in text.split(","))
    if not 3600 <= first <= second <= third <= 20 * _UNITS["y"]:
        raise ValueError
    return first, second, third


_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(mb|gb)")


def size(text: str) -> int:
    """Bytes, from megabytes or gigabytes of ten to the sixth or ninth."""
    match = _SIZE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError
    count = float(match[1]) * {"mb": 1e6, "gb": 1e9}[match[2]]
    if not 10e6 <= count <= 1e12:
        raise ValueError
    return int(count)
