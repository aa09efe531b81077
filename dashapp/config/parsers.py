"""Parsers: return the value of a setting's text, or raise ValueError.

The text of the ValueError, if it has one, is what was expected.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from dashapp.languages.accept import AUTO
from dashapp.languages.tables import languages

MEMORY_STORE = "memory:"
# Of a file system on Linux: bytes of a name, characters of a path.
MAX_NAME_BYTES, MAX_PATH_LENGTH = 255, 4000
# One Redis server, or a cluster by the address of any of its nodes; the second s stands for TLS.
REDIS_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")
REDIS_EXPECTED = (
    "expected redis://[[user]:password@]host[:port][/number], rediss:// for TLS, or redis+cluster:// "
    "and rediss+cluster:// for a cluster, with symbols such as @ / # in a password as %40 %2F %23"
)
REDIS_MISSING = "expected the package redis to be installed: pip install 'redis>=6,<9'"
TRANSPORTS = ("auto", "poll")
THEMES = ("auto", "dark", "light")


def number_between(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def integer_between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return parse


def text_up_to(max_length: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not (text := text.strip()) or len(text) > max_length or not text.isprintable():
            raise ValueError
        return text

    return parse


def parse_language(text: str) -> str:
    """Return a language of the page, or AUTO."""
    known = (AUTO, *languages())
    if (tag := text.strip()) not in known:
        # A tag has two letters, so its first letter is the best hint: JA, jp, japanese, ja-JP.
        near = [word for word in languages() if word[0] == tag[:1].lower()]
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"expected {', '.join(known[:-1])} or {known[-1]}{hint}")
    return tag


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return parse


def parse_switch(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"": False, "0": False, "false": False, "no": False, "off": False}
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise ValueError from None


def parse_audience(text: str) -> str:
    if text not in ("local", "always", "never"):
        raise ValueError
    return text


UNIX_SCHEME = "unix://"


def parse_time_zone(text: str) -> str:
    """Return the name of a time zone that this machine knows."""
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError from None
    return text


def parse_url(text: str) -> str:
    """Return the address of a page, without the slash at its end."""
    url = urlsplit(text.strip())
    is_plain = text.isprintable() and " " not in text.strip() and len(text) <= MAX_URL_LENGTH
    if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc or not is_plain:
        raise ValueError
    if "?" in text or "#" in text or (url.port or 1) < 1:
        raise ValueError
    return text.strip().rstrip("/")


def parse_unix_socket(text: str) -> str:
    """Return the address of a socket, which need not exist yet."""
    path = text.removeprefix(UNIX_SCHEME)
    if path == text or not path.startswith("/") or len(text) > 200 or not text.isprintable():
        raise ValueError
    return text


def parse_folder(text: str) -> str:
    """Return the absolute path of a folder, without a slash at its end."""
    if not text.strip() or "\0" in text or not (path := Path(text)).is_dir():
        raise ValueError
    return str(path.absolute())


_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def parse_address(text: str) -> str:
    """Return the address in the form that browsers use, since IPv6 allows several."""
    return text if text == "localhost" else str(ipaddress.ip_address(text))


def parse_hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    if not all(_HOST.fullmatch(name) for name in names):
        raise ValueError
    return names


# In the form of a Content-Security-Policy: no path, and no IPv6 address.
_ORIGIN = re.compile(r"https?://(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?")
MAX_URL_LENGTH = 500
MAX_ORIGINS = 32


def parse_origins(text: str) -> tuple[str, ...]:
    """Return the origins of sites.

    >>> parse_origins("https://Intranet.example/, https://*.shop.example:8443")
    ('https://intranet.example', 'https://*.shop.example:8443')
    """
    names = (name.strip().lower().removesuffix("/") for name in text.split(","))
    origins = tuple(dict.fromkeys(name for name in names if name))
    if not all(map(_is_origin, origins)) or len(origins) > MAX_ORIGINS:
        raise ValueError
    return origins


def _is_origin(text: str) -> bool:
    match = _ORIGIN.fullmatch(text)
    return match is not None and ".." not in text and int((match[3] or ":1")[1:]) <= 65535


_TOKEN = re.compile(r"[!-~]{16,200}")


def parse_token(text: str) -> str:
    """Return a token that fits into a header."""
    if _TOKEN.fullmatch(text) is None:
        raise ValueError
    return text


_NOTIFY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,39}://\S{1,2000}")


def parse_notify(text: str) -> str:
    """Return the URL of a notification service. Only apprise can check that the service exists."""
    if _NOTIFY.fullmatch(text := text.strip()) is None or not text.isprintable():
        raise ValueError
    return text


def is_redis(text: str) -> bool:
    return text.partition("://")[0] in REDIS_SCHEMES and "://" in text


def _is_path(text: str) -> bool:
    """Return whether the system accepts the text as a path."""
    try:
        parts = os.fsencode(text).split(os.fsencode(os.sep))
    except UnicodeEncodeError:
        return False
    return text.isprintable() and max(map(len, parts)) <= MAX_NAME_BYTES and len(text) <= MAX_PATH_LENGTH


def parse_store(text: str) -> str:
    if is_redis(text):
        return parse_redis_url(text)
    if "redis" in text.partition(":")[0].lower() and ":" in text:
        raise ValueError(REDIS_EXPECTED)
    if not text.strip() or not _is_path(text) or ("://" in text) or (":" in text and text != MEMORY_STORE):
        raise ValueError("expected a folder, redis://…, or memory: for no folder")
    return text


# Allowed options after the question mark of a Redis URL, and their values.
_REDIS_OPTIONS = {
    "ssl_cert_reqs": re.compile("none|optional|required"),
    "ssl_check_hostname": re.compile("(?i)true|false"),
    "ssl_ca_certs": re.compile("[^\0]{1,4096}"),
}


def parse_redis_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port, host, number = parts.port, parts.hostname, unquote(parts.path).strip("/")
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(REDIS_EXPECTED) from None
    if port == 0 or not host or parts.fragment or not re.fullmatch("([0-9]{1,5})?", number, re.ASCII):
        raise ValueError(REDIS_EXPECTED)
    if any(char.isspace() or not char.isprintable() for char in text):
        raise ValueError(REDIS_EXPECTED)
    if "cluster" in parts.scheme and number not in ("", "0"):
        raise ValueError("expected no number at its end: a cluster has only database 0")
    for name, value in options:
        if name not in _REDIS_OPTIONS or not parts.scheme.startswith("rediss"):
            raise ValueError(
                f"expected only the options {', '.join(_REDIS_OPTIONS)}, and these with rediss://"
            )
        if not _REDIS_OPTIONS[name].fullmatch(value):
            raise ValueError(f"expected a valid value of {name}, such as ssl_cert_reqs=none")
    if importlib.util.find_spec("redis") is None:
        raise ValueError(REDIS_MISSING)
    return text


# Any certificate of a Redis is accepted: traffic is encrypted, but its other end is not verified.
NO_CA = "none"


def parse_ca(text: str) -> str:
    if text.lower() == NO_CA:
        return NO_CA
    if not Path(text).is_file():
        raise ValueError
    return text


def with_redis_ca(address: str, ca: str) -> str:
    """Return the address of a Redis with the option for `ca`, unless it has one already.

    >>> with_redis_ca("rediss://host:6380", "none"), with_redis_ca("redis://host", "none")
    ('rediss://host:6380?ssl_cert_reqs=none', 'redis://host')
    """
    query = urlsplit(address).query
    if not ca or not address.startswith("rediss") or "ssl_cert_reqs" in query or "ssl_ca_certs" in query:
        return address
    option = "ssl_cert_reqs=none" if ca == NO_CA else f"ssl_ca_certs={ca}"
    return f"{address}{'&' if '?' in address else '?'}{option}"


# A valid host name. It has no special meaning in HTML or in a URL; the two exceptions, `.` and `..`, are
# excluded.
HOST_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")


def parse_name(text: str) -> str:
    if not HOST_NAME.fullmatch(text):
        raise ValueError
    return text


def nearest_name(text: str) -> str:
    """Return the valid host name that is closest to `text`.

    >>> nearest_name("Anna's MacBook"), nearest_name("")
    ('Anna-s-MacBook', 'host')
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:64].strip("-.") or "host"


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdwy])")


def _parse_seconds(text: str) -> float:
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError
    return float(match[1]) * _UNITS[match[2]]


def duration_between(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not low <= (seconds := _parse_seconds(text)) <= high:
            raise ValueError
        return seconds

    return parse


def parse_retention(text: str) -> tuple[float, float, float]:
    """Return three ascending durations in seconds: retention of ticks, of minutes and of hours."""
    first, second, third = (_parse_seconds(part) for part in text.split(","))
    if not 3600 <= first <= second <= third <= 20 * _UNITS["y"]:
        raise ValueError
    return first, second, third


_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(mb|gb)")


def parse_size(text: str) -> int:
    """Return bytes; 1 MB is 10^6 bytes and 1 GB is 10^9."""
    match = _SIZE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError
    count = float(match[1]) * {"mb": 1e6, "gb": 1e9}[match[2]]
    if not 10e6 <= count <= 1e12:
        raise ValueError
    return int(count)


def parse_password(text: str) -> str:
    """Return a password that a header can carry: without a space at either end."""
    if not 10 <= len(text) <= 200 or len(set(text)) < 5 or not text.isprintable() or text != text.strip():
        raise ValueError
    return text


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


_HEADER = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")


def parse_header(text: str) -> str:
    """Return the name of a header that the proxy sets and browsers do not send."""
    if len(text) > 64 or _HEADER.fullmatch(text) is None or text.lower() in _BROWSER_HEADERS:
        raise ValueError
    return text


_BROWSER_HEADERS = ("host", "cookie", "authorization", "user-agent", "accept", "referer", "origin")
