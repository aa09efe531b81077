"""The client's address and user, from the connection or from the headers of a trusted proxy.

Forwarding headers of other clients are ignored.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Environ = Mapping[str, Any]

# Maximum length of the header with the user.
MAX_USER_LENGTH = 256
# Hops of a header that count, from the right.
MAX_HOPS = 16
MAX_HOP_LENGTH = 80


class ClientResolver:
    """`trusted`: networks of trusted proxies; `header`: their header with the user, or empty."""

    def __init__(self, trusted: Sequence[Network] = (), header: str = "") -> None:
        self._trusted = tuple(trusted)
        self._header = "HTTP_" + header.upper().replace("-", "_") if header else ""
        # Every request calls it, nearly always for the same few addresses.
        self._is_trusted = lru_cache(4096)(self._is_trusted_address)

    def address(self, environ: Environ) -> str:
        """The client's IP address; the proxy's own if its header does not contain one."""
        peer = str(environ.get("REMOTE_ADDR", ""))
        return self._forwarded_address(environ) or peer if self._trusts(peer) else peer

    def _forwarded_address(self, environ: Environ) -> str:
        """The client's address in the headers of a trusted proxy; empty if it cannot be read.

        A client can send the header that its proxy does not use, so two headers have to agree.
        """
        found = {
            self._first_client(hops)
            for hops in (
                environ.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", MAX_HOPS)[-MAX_HOPS:],
                _forwarded_hops(environ.get("HTTP_FORWARDED", "")),
            )
            if any(hop.strip() for hop in hops)
        }
        return found.pop() if len(found) == 1 else ""

    def _first_client(self, hops: Sequence[str]) -> str:
        """The last address that is no trusted proxy; the first one if all are. Empty if unreadable."""
        address = ""
        # From the right: a proxy appends the address, and the client can have sent everything before it.
        for hop in reversed(hops):
            if hop.strip():
                address = _hop_address(hop)
                if not self._is_trusted(address):
                    break
        return address

    def rate_limit_client(self, environ: Environ) -> str:
        """The key for the request limit; empty for addresses that several clients can share.

        Those are this machine's own addresses, and an untrusted proxy in a private network.
        """
        peer: str = environ.get("REMOTE_ADDR", "")
        forwards = "HTTP_X_FORWARDED_FOR" in environ
        if self._trusted and self._is_trusted(peer):
            # A request of the proxy itself has no limit.
            forwards = forwards or "HTTP_FORWARDED" in environ
            return rate_limit_key(self.address(environ)) if forwards else ""
        return rate_limit_key(peer) if _is_single_client(peer, forwards) else ""

    def connection_client(self, address: str) -> str:
        """The key for the limit of connections; empty for an address that a proxy may have.

        The connection does not show whether it comes through a proxy.
        """
        is_client = not self._trusts(address) and _is_single_client(address, True)
        return rate_limit_key(address) if is_client else ""

    def _trusts(self, peer: str) -> bool:
        return bool(self._trusted) and self._is_trusted(peer)

    def user(self, environ: Environ) -> str:
        """The user that a trusted proxy has authenticated, or an empty string."""
        if not self._header or not self._is_trusted(str(environ.get("REMOTE_ADDR", ""))):
            return ""
        name: str = environ.get(self._header, "").strip()
        # A server joins two headers of one name with a comma: the browser sent one of them.
        is_valid = len(name) <= MAX_USER_LENGTH and name.isprintable() and "," not in name
        return name if is_valid else ""

    def is_secure(self, environ: Environ) -> bool:
        """Whether the client's own connection uses https."""
        if environ.get("wsgi.url_scheme") == "https":
            return True
        if not self._trusts(str(environ.get("REMOTE_ADDR", ""))):
            return False
        scheme = environ.get("HTTP_X_FORWARDED_PROTO") or _forwarded_scheme(environ.get("HTTP_FORWARDED", ""))
        return bool(scheme.strip().lower() == "https")

    def _is_trusted_address(self, address: str) -> bool:
        parsed = _parse_ip(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


@lru_cache(4096)
def rate_limit_key(address: str) -> str:
    """The key of a client in rate limits: an IPv4 address, or the /64 of an IPv6 address.

    >>> rate_limit_key("2001:db8:1:2:3:4:5:6"), rate_limit_key("::ffff:192.0.2.7")
    ('2001:db8:1:2::/64', '192.0.2.7')
    """
    parsed = _parse_ip(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return address if parsed is None else str(parsed)


@lru_cache(4096)
def _is_single_client(address: str, forwards: bool) -> bool:
    """Whether the address belongs to one client. `forwards`: whether it sends X-Forwarded-For."""
    parsed = _parse_ip(address)
    return parsed is not None and not parsed.is_loopback and not (forwards and parsed.is_private)


# An address with a port, or with a name of its own in place of the port; IPv6 then has brackets.
_HOP = re.compile(r"\[([^\]]+)\](?::[\w.-]+)?|([0-9.]+)(?::[\w.-]+)?|([^\[\]]+)", re.ASCII)


def _hop_address(hop: str) -> str:
    """The IP address of a hop, in all forms of proxies; empty if there is none.

    >>> [_hop_address(hop) for hop in ("192.0.2.7:4711", '"[2001:db8::1]:4711"', "2001:db8::1", "unknown")]
    ['192.0.2.7', '2001:db8::1', '2001:db8::1', '']
    """
    hop = hop.strip()
    return _cached_hop_address(hop) if len(hop) <= MAX_HOP_LENGTH else ""


@lru_cache(4096)
def _cached_hop_address(hop: str) -> str:
    match = _HOP.fullmatch(hop.strip('"'))
    parsed = _parse_ip(match[1] or match[2] or match[3]) if match else None
    return "" if parsed is None else str(parsed)


# https://www.rfc-editor.org/rfc/rfc7239: for="[2001:db8::1]:4711";proto=https, for=_hidden
_FORWARDED_FOR = re.compile(r"(?:^|;)\s*for\s*=\s*([^;]*)", re.IGNORECASE)
_FORWARDED_SCHEME = re.compile(r'(?:^|;)\s*proto\s*=\s*"?([a-z]*)"?\s*(?:;|$)', re.IGNORECASE)


def _forwarded_hops(header: str) -> list[str]:
    """The addresses in a Forwarded header. An element without one is an unreadable hop."""
    # Split at every comma: with an open quotation mark, a client could hide the element of the proxy.
    elements = [element for element in header.rsplit(",", MAX_HOPS)[-MAX_HOPS:] if element.strip()]
    return [match[1] if (match := _FORWARDED_FOR.search(element)) else "unknown" for element in elements]


def _forwarded_scheme(header: str) -> str:
    match = _FORWARDED_SCHEME.search(header.rpartition(",")[2])
    return match[1] if match else ""


def _parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
