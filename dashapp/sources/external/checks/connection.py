"""Find the addresses of a host, and connect to the first that answers."""

from __future__ import annotations

import errno
import socket
from typing import NamedTuple

from dashapp.sources.external.checks.attempt import NO_ANSWER, NO_DNS_ANSWER, Attempt, CheckFailedError

# More addresses of one name would each get too little time.
MAX_ADDRESSES = 6
# A machine without IPv6 has these errors for each address of that kind.
_NO_SUCH_NETWORK = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_NOT_FOUND = {
    number for number in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)) if number is not None
}


class Address(NamedTuple):
    family: int
    sockaddr: tuple[object, ...]


def resolve(host: str, port: int, attempt: Attempt) -> list[Address]:
    """Return the addresses of a name, as the resolver of the system finds them.

    That call cannot be ended. The caller reports a timeout while it lasts.
    """
    attempt.late_reason = NO_DNS_ANSWER
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NOT_FOUND:
            raise CheckFailedError("not found in DNS") from None
        if error.errno == socket.EAI_AGAIN:
            raise CheckFailedError("DNS does not answer") from None
        raise CheckFailedError(f"not found in DNS ({error.strerror})") from None
    except UnicodeError:
        raise CheckFailedError("not found in DNS") from None
    attempt.remaining()
    attempt.late_reason = NO_ANSWER
    return [Address(family, sockaddr) for family, _, _, _, sockaddr in found]


def connect(host: str, port: int, attempt: Attempt) -> socket.socket:
    """Return a connection. Raises the OSError of an address that could be tried."""
    addresses = resolve(host, port, attempt)[:MAX_ADDRESSES]
    errors: list[OSError] = []
    for index, (family, sockaddr) in enumerate(addresses):
        try:
            connection = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            errors.append(error)
            continue
        try:
            # The first address may lead nowhere; the others get a share of the time.
            connection.settimeout(attempt.remaining() / (len(addresses) - index))
            connection.connect(sockaddr)
        except OSError as error:
            connection.close()
            errors.append(error)
        else:
            return connection
    raise next((error for error in errors if error.errno not in _NO_SUCH_NETWORK), errors[0])
