"""The text of a check: `https://shop.example/health?every=30&expect=ok#shop`."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus, urlsplit

from dashapp.model.text import quote_value, suggest
from dashapp.sources.external.run_times import DEFAULT_INTERVAL_S, parse_run_times
from dashapp.sources.slug import MAX_SLUG_LENGTH, SlugRegistry

if TYPE_CHECKING:
    from dashapp.sources.external.http_client import Url

HTTP, HTTPS, TCP, DNS, PING = "http", "https", "tcp", "dns", "ping"
_WEB = (HTTP, HTTPS)
DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S = 5.0, 60.0
MAX_EXPECT_CHARS = 200
OPTIONS = ("every", "timeout", "expect")
_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_SLUG_LENGTH}}}")
EXAMPLES = {
    HTTP: "check:http://shop.example/health",
    HTTPS: "check:https://shop.example/health",
    TCP: "check:tcp://db.example:5432",
    DNS: "check:dns://example.org",
    PING: "check:ping://10.0.0.1",
}


@dataclass(frozen=True)
class Target:
    """The service of one check. `every` and `timeout` are seconds.

    `host` is an IP address or a name in ASCII. `url` is that of `http` and `https`. The answer must contain
    `expect`, unless that is empty.
    """

    kind: str
    host: str
    port: int
    name: str
    every: float = DEFAULT_INTERVAL_S
    timeout: float = DEFAULT_TIMEOUT_S
    expect: str = ""
    url: Url | None = field(default=None, repr=False)

    @staticmethod
    def parse(text: str, options: Mapping[str, Any] | None = None) -> Target:
        """Return the target of the text after `check:`; `options` come from a settings file.

        Raises ValueError with what is expected.
        """
        address, _, fragment = text.strip().partition("#")
        kind, separator, _ = address.partition("://")
        kind = kind.lower()
        if not separator or kind not in EXAMPLES:
            hint = suggest(kind, EXAMPLES) if separator else ""
            raise ValueError(f"expected an address such as {', '.join(EXAMPLES.values())}{hint}")
        address, own, others = _split_query(address)
        values = {**own, **_own_options(options or {}, own)}
        name = values.pop("name", fragment)
        if kind not in _WEB and (others or "expect" in values):
            unknown = others.partition("=")[0].partition("&")[0] or "expect"
            raise ValueError(
                f"{quote_value(unknown)} is not an option of a {kind} check; expected every or timeout"
            )
        every, timeout = parse_run_times(values, DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S)
        expect = _expected_text(values)
        url, host, port = None, "", 0
        try:
            if kind in _WEB:
                url = _web_url(kind, address, others)
                host, port = url.host, url.port
            else:
                host, port = _host_and_port(kind, address)
            host = _ascii_host(host)
        except ValueError:
            raise ValueError(f"expected an address such as {EXAMPLES[kind]}") from None
        return Target(kind, host, port, _check_name(name, host), every, timeout, expect, url)


def _split_query(address: str) -> tuple[str, dict[str, Any], str]:
    """Return the address without its query, the options of the check, and the rest of the query."""
    address, _, query = address.partition("?")
    own: dict[str, Any] = {}
    others = []
    for part in query.split("&") if query else ():
        key, equals, value = part.partition("=")
        if key not in OPTIONS:
            others.append(part)
        elif key in own:
            raise ValueError(f"{key} occurs twice; expected it once")
        else:
            own[key] = unquote_plus(value) if equals else ""
    return address, own, "&".join(others)


def _own_options(options: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    names = (*OPTIONS, "name")
    for name in options:
        if name not in names:
            hint = suggest(name, names, f"expected one of {', '.join(names)}")
            raise ValueError(f"{quote_value(name)} is not an option{hint}")
        if name in own:
            raise ValueError(f"{name} occurs twice; expected it once")
    return dict(options)


def _expected_text(values: Mapping[str, Any]) -> str:
    text = values.get("expect", "")
    if "expect" in values and not (isinstance(text, str) and 0 < len(text) <= MAX_EXPECT_CHARS):
        raise ValueError(
            f"expect is {quote_value(text)}; expected text of 1 to {MAX_EXPECT_CHARS} characters"
        )
    return str(text)


def _web_url(kind: str, address: str, query: str) -> Url:
    # Import late: it needs 6 MB of memory, and other kinds of checks do not.
    from dashapp.sources.external.http_client import Url

    scheme, _, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    path = quote(f"{slash}{path}{query and '?'}{query}", safe=string.punctuation)
    del scheme
    return Url.parse(f"{kind}://{authority}{path}")


def _host_and_port(kind: str, address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    if parts.username is not None or parts.path not in ("", "/") or not address.isprintable():
        raise ValueError
    if (parts.port is None) if kind == TCP else (parts.port is not None):
        raise ValueError
    if parts.port == 0:
        raise ValueError
    return parts.hostname or "", parts.port or 0


def _ascii_host(host: str) -> str:
    if not host or any(char.isspace() for char in host):
        raise ValueError
    if ":" in host:
        return str(ip_address(host))
    return host.encode("idna").decode("ascii")


def _check_name(name: object, host: str) -> str:
    if not name:
        # A long name is cut off, and a dash at its end would look like a mistake.
        return SlugRegistry()(host).strip("-")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"the name is {quote_value(name)}; expected 1 to {MAX_SLUG_LENGTH} letters, digits, - and _"
        )
    return name
