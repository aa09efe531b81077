"""Ping without root: ICMP echo requests through a datagram socket (icmp(7))."""

from __future__ import annotations

import os
import select
import socket
import struct

from dashapp.sources.external.checks.attempt import Attempt, CheckImpossibleError
from dashapp.sources.external.checks.connection import MAX_ADDRESSES, resolve

# A packet can be lost without a fault of the host.
RETRY_S = 1.0
# The kinds of a request and of its reply.
_KINDS = {int(socket.AF_INET): (8, 0), int(socket.AF_INET6): (128, 129)}
_HEADER = struct.Struct("!BBHHH")
NOT_PERMITTED = (
    'the system does not permit ping; run sysctl -w net.ipv4.ping_group_range="0 2147483647" as root'
)


def check_ping(host: str, attempt: Attempt) -> None:
    """Return after a reply, whose latency is that of its own request."""
    addresses = resolve(host, 0, attempt)[:MAX_ADDRESSES]
    # Prefer IPv4: a machine without a route for IPv6 has addresses of it as well.
    address = min(addresses, key=lambda address: address.family != socket.AF_INET)
    family = address.family
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    try:
        connection = socket.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError:
        raise CheckImpossibleError(NOT_PERMITTED) from None
    request, reply = _KINDS[family]
    token = os.urandom(16)
    with connection:
        connection.setblocking(False)
        connection.connect(address.sockaddr)
        sent: list[float] = []
        while True:
            attempt.remaining()
            connection.send(_packet(request, len(sent), token))
            sent.append(attempt.seconds)
            next_request = sent[-1] + RETRY_S
            while (wait := min(attempt.remaining(), next_request - attempt.seconds)) > 0:
                if not select.select([connection], [], [], wait)[0]:
                    continue
                number = _reply_number(connection.recv(2048), reply, token)
                if number is not None and number < len(sent):
                    attempt.latency = attempt.seconds - sent[number]
                    return


def _packet(kind: int, number: int, token: bytes) -> bytes:
    """Return a request. Linux sets its checksum, and all systems its identifier."""
    data = _HEADER.pack(kind, 0, 0, 0, number) + token
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return data[:2] + struct.pack("!H", checksum) + data[4:]


def _reply_number(data: bytes, kind: int, token: bytes) -> int | None:
    """Return the number of the request that `data` is the reply to."""
    # macOS puts the header of IPv4 before the reply.
    if data[:1] and data[0] >> 4 == 4 and kind == 0:
        data = data[4 * (data[0] & 15) :]
    if len(data) < _HEADER.size or data[0] != kind or data[_HEADER.size :] != token:
        return None
    return int(_HEADER.unpack_from(data)[4])
