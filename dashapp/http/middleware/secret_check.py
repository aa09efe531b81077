"""Compares a secret in a request with the configured one, and limits wrong ones per client."""

from __future__ import annotations

import hashlib
import hmac

from dashapp.http.middleware.login_attempts import LoginAttempts

# Clients in the set of those whose token was correct. A full set is emptied.
MAX_VERIFIED_CLIENTS = 1024
# The result of `check_token` for a wrong token; others are the seconds to wait.
WRONG_TOKEN = -1


class SecretCheck:
    """`name`: of the secret; wrong push tokens of a client do not delay its login."""

    def __init__(self, secret: str, attempts: LoginAttempts, name: str) -> None:
        self._digest = _digest(secret)
        self._attempts = attempts
        self._name = name
        self._verified: set[str] = set()

    def count(self, client: str) -> int:
        """Count one attempt. Return seconds to wait before the next one, 0 if this one is allowed."""
        return self._attempts.seconds_to_wait(f"{self._name} {client}")

    def matches(self, text: str) -> bool:
        """Whether it is the secret. The time depends on the length of `text` alone."""
        return hmac.compare_digest(_digest(text), self._digest)

    def forget(self, client: str) -> None:
        """Do not count the newest attempt, because it was correct."""
        self._attempts.forget(f"{self._name} {client}")

    def check_token(self, text: str, client: str) -> int:
        """Return 0 for the correct token, WRONG_TOKEN, or the seconds to wait.

        A program sends its token with each request, so only its first one is counted. A wrong token from the
        same address ends that: otherwise it could be guessed there without a limit.
        """
        matches = self.matches(text)
        if matches and client in self._verified:
            return 0
        if wait := self.count(client):
            self._verified.discard(client)
            return wait
        if not matches:
            self._verified.discard(client)
            return WRONG_TOKEN
        self.forget(client)
        if len(self._verified) >= MAX_VERIFIED_CLIENTS:
            self._verified.clear()
        self._verified.add(client)
        return 0


def _digest(text: str) -> bytes:
    """A digest of constant length, so that a comparison takes constant time."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
