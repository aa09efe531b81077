"""The state for access control that all web processes of a store share."""

from __future__ import annotations

from typing import Protocol

# Bytes of the secret from which the key of sessions and share links is made.
SECRET_BYTES = 32
# Login attempts of one client in a window of seconds.
MAX_ATTEMPTS = 5
ATTEMPT_WINDOW_S = 60.0
# Slots in a table of attempts. Two clients share one only by chance: the hash has a secret key.
ATTEMPT_SLOTS = 4096
# Bytes that identify a session which a person ended, and the most of them. Above that the oldest are
# forgotten.
DIGEST_BYTES, MAX_ENDED_SESSIONS = 16, 4096
# Seconds for which Redis keeps them after the last one: a session is valid for 30 days.
ENDED_TTL_S = 31 * 86_400


class SharedAccess(Protocol):
    """State on another machine, which may not respond."""

    def secret(self, proposal: bytes) -> bytes | None:
        """Return the stored secret; store `proposal` if there is none. None without a response."""

    def count_attempt(self, slot: int) -> int | None:
        """Count one attempt, and return the seconds to wait, 0 if it is allowed.

        None without a response. An attempt that has to wait is not counted.
        """

    def forget_attempt(self, slot: int) -> None:
        """Forget the newest attempt, because it was correct."""

    def end_session(self, digest: bytes) -> None:
        """Store a session that a person ended."""

    def ended_sessions(self) -> list[bytes]:
        """Return the ended sessions, the oldest first; none without a response."""
