"""One run of a check: its time limit, what it found out, and why it failed in words."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable

from dashapp.model.ticks import DashappError

NO_DNS_ANSWER = "DNS did not answer"
NO_ANSWER = "no answer"
NO_END = "the answer did not end"

# These are faults of this machine, not of the service.
_LOCAL_ERRORS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "the host closed the connection",
    errno.ECONNABORTED: "the host closed the connection",
    errno.EPIPE: "the host closed the connection",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "the network is not reachable",
    errno.ETIMEDOUT: "no answer from the host",
}


class CheckFailedError(DashappError):
    """The service does not respond as it should; the text is the reason."""


class CheckImpossibleError(DashappError):
    """This machine cannot run the check, so the state of the service is unknown."""


class Attempt:
    """A run, whose probe sets `late_reason`: why it failed, if its time is over now.

    `status` is that of HTTP. `certificate` is the number of days for which the certificate is valid.
    `latency` replaces the whole duration if it is set.
    """

    def __init__(self, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.late_reason = NO_ANSWER
        self.status: int | None = None
        self.certificate: float | None = None
        self.latency: float | None = None
        self.timeout = timeout
        self._clock = clock
        self.start = clock()

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return self._clock() - self.start

    def remaining(self) -> float:
        """Return the seconds that are left; raises TimeoutError if there are none."""
        remaining = self.timeout - self.seconds
        if remaining <= 0:
            raise TimeoutError
        return remaining

    @property
    def timeout_sentence(self) -> str:
        return f"{self.late_reason} within {self.timeout:g} s"

    def error_from(self, error: OSError) -> DashappError:
        """Return an error of the system, or of TLS after the handshake, in words."""
        # A server that expects a certificate of the client ends the connection, with or without a message.
        # The numbers of such an error are those of TLS. Its module is imported only for checks that need it.
        if type(error).__module__ == "ssl":
            message = str(getattr(error, "reason", None) or "").lower().replace("_", " ")
            return CheckFailedError(f"TLS failed ({message or 'the host ended the connection'})")
        if error.errno in _LOCAL_ERRORS:
            return CheckImpossibleError(os.strerror(error.errno))
        if isinstance(error, TimeoutError) and error.errno is None:
            return CheckFailedError(self.timeout_sentence)
        reason = _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__
        return CheckFailedError(reason)
