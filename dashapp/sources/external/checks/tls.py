"""TLS connections with a verified certificate, and the faults of a certificate in words."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any

from dashapp.sources.external.checks.attempt import Attempt, CheckFailedError

# Codes of OpenSSL: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED = 9, 10
_REASONS = {
    18: "the certificate is self-signed",
    19: "the certificate ends in a self-signed one that this machine does not trust",
    20: "this machine does not trust the issuer of the certificate",
    21: "this machine does not trust the issuer of the certificate",
    23: "the certificate is revoked",
    62: "the certificate has the wrong host name",
    64: "the certificate has the wrong host name",
}
# X509_V_FLAG_NO_CHECK_TIME: all is verified but the times.
_NO_CHECK_TIME = 0x200000
NO_TLS = "the port does not speak TLS; check http:// in place of https://"
DAY_S = 86_400
_context_lock = Lock()


@cache
def _context(checks_time: bool) -> ssl.SSLContext:
    """Return the context of all checks. To load the trusted certificates takes 40 ms and 2 MB."""
    context = ssl.create_default_context()
    if not checks_time:
        context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)
    return context


def secure(
    connection: socket.socket, host: str, attempt: Attempt, reconnect: Callable[[], socket.socket]
) -> ssl.SSLSocket:
    """Return the TLS connection over `connection`, and set the days of its certificate.

    `reconnect` returns another connection to the same host, which shows the times of a certificate that is
    not valid now.
    """
    try:
        secured = _handshake(connection, host, attempt, checks_time=True)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in (_EXPIRED, _NOT_YET_VALID):
            raise CheckFailedError(_time_problem(error.verify_code, host, attempt, reconnect)) from None
        raise CheckFailedError(_REASONS.get(error.verify_code) or _lower(error.verify_message)) from None
    except ssl.SSLEOFError:
        raise CheckFailedError("the host closed the connection in the TLS handshake") from None
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
            raise CheckFailedError(NO_TLS) from None
        raise CheckFailedError(f"the TLS handshake failed ({_lower(error.reason or 'no reason')})") from None
    attempt.certificate = _days_left(secured)
    return secured


def _handshake(connection: socket.socket, host: str, attempt: Attempt, checks_time: bool) -> ssl.SSLSocket:
    with _context_lock:
        context = _context(checks_time)
    connection.settimeout(attempt.remaining())
    try:
        secured = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError):
        connection.close()
        raise
    try:
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


def _time_problem(code: int, host: str, attempt: Attempt, reconnect: Callable[[], socket.socket]) -> str:
    """Return what is wrong with the times of a certificate, with its date if that is certain."""
    general = "has expired" if code == _EXPIRED else "is not yet valid"
    try:
        with _handshake(reconnect(), host, attempt, checks_time=False) as secured:
            attempt.certificate = _days_left(secured)
            certificate: dict[str, Any] = secured.getpeercert() or {}
    except (OSError, CheckFailedError):
        return f"the certificate {general}"
    now = time.time()
    begin, end = (ssl.cert_time_to_seconds(certificate[key]) for key in ("notBefore", "notAfter"))
    if end <= now:
        return f"the certificate expired on {_date(end)}"
    if begin > now:
        return f"the certificate is not yet valid; it begins on {_date(begin)}"
    return f"a certificate of the issuer {general}"


def _days_left(secured: ssl.SSLSocket) -> float | None:
    certificate: dict[str, Any] = secured.getpeercert() or {}
    if "notAfter" not in certificate:
        return None
    return round((ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) / DAY_S, 2)


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def _lower(text: str) -> str:
    return text.lower().replace("_", " ").rstrip(".")
