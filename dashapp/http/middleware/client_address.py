"""The client's address and user, from the connection or from the headers of a trusted proxy.

Forwarding headers of other clients are ignored.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Environ = Mapping[str, Any]

# Maximum length of the header with the user.
MAX_USER_LENGTH = 256


class ClientResolver:
    """`trusted`: networks of trusted proxies; `header`: their header with the user, or empty."""

    def __init__(self, trusted: Sequence[Network] = (), header: str = "") -> None:
        self._trusted = tuple(trusted)
        self._header = "HTTP_" + header.upper().replace("-", "_") if header else ""
        # Every request calls it, nearly always for the same few addresses.
        self._is_trusted = lru_cache(4096)(self._is_trusted_address)

    def address(self, environ: Environ) -> str:
        """The client's IP address; empty for a request of a trusted proxy itself."""
        peer = str(environ.get("REMOTE_ADDR", ""))
        if not self._trusted or not self._is_trusted(peer):
            return peer
        # From the right: a proxy appends the address, and the client can have sent everything before it.
        for hop in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-16:]):
            if (text := hop.strip()) and not self._is_trusted(text):
                return text if _parse_ip(text) else ""
        return ""

    def rate_limit_client(self, environ: Environ) -> str:
        """The key for the request limit; empty for addresses that several clients can share.

        Those are this machine's own addresses, and an untrusted proxy in a private network.
        """
        address = self.address(environ)
        is_unknown_proxy = "HTTP_X_FORWARDED_FOR" in environ and address == environ.get("REMOTE_ADDR")
        return rate_limit_key(address) if _is_single_client(address, is_unknown_proxy) else ""

    def user(self, environ: Environ) -> str:
        """The user that a trusted proxy has authenticated, or an empty string."""
        if not self._header or not self._is_trusted(str(environ.get("REMOTE_ADDR", ""))):
            return ""
        name: str = environ.get(self._header, "").strip()
        return name if len(name) <= MAX_USER_LENGTH and name.isprintable() else ""

    def is_secure(self, environ: Environ) -> bool:
        """Whether the client's own connection uses https."""
        if environ.get("wsgi.url_scheme") == "https":
            return True
        trusted = self._trusted and self._is_trusted(str(environ.get("REMOTE_ADDR", "")))
        return bool(trusted and environ.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https")

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


def _parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
