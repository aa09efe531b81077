"""Sessions: a signed cookie that says when its owner gave the password. The server keeps none of them.

Knows the key, and neither the password nor a page.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from itsdangerous import BadSignature, TimestampSigner

LIFE = 30 * 86_400
# Sessions known to be good, so that a viewer's next request costs one look; past that all are checked anew.
MOST = 4096
# Of one name in a header, and letters of one: more than any of ours.
MOST_COOKIES = 4
LONGEST = 256


class Sessions:
    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        # A browser sends the cookies of one port to all others: two servers must not sign each other out.
        self.name = f"dashapp-{hashlib.sha256(key).hexdigest()[:8]}"
        self._mark = self.name + "="
        self._clock = clock
        self._signer = Signer(key, "session", clock)
        self._known: dict[str, float] = {}

    def begin(self, secure: bool) -> str:
        """A Set-Cookie header. Without a path a browser takes the page's own folder, wherever that is."""
        token = self._signer.sign(secrets.token_urlsafe(9)).decode()
        return self._cookie(token, LIFE, secure)

    def end(self, secure: bool) -> str:
        return self._cookie("", 0, secure)

    def _cookie(self, token: str, seconds: int, secure: bool) -> str:
        cookie = f"{self._mark}{token}; Max-Age={seconds}; HttpOnly; SameSite=Lax"
        return f"{cookie}; Secure" if secure else cookie

    def good(self, cookies: str) -> bool:
        """Whether a Cookie header holds a session of ours that has not ended."""
        # There may be an old one of another folder beside it.
        parts = cookies.split(self._mark, MOST_COOKIES)[1:]
        return any(self._lasts(part.partition(";")[0].strip()) for part in parts)

    def _lasts(self, token: str) -> bool:
        ends = self._known.get(token)
        if ends is None:
            ends = self._ends(token)
            if ends is None:
                return False
            if len(self._known) >= MOST:
                self._known = {}
            self._known[token] = ends
        return self._clock() < ends

    def _ends(self, token: str) -> float | None:
        if len(token) > LONGEST:
            return None
        try:
            _, begun = self._signer.unsign(token, max_age=LIFE, return_timestamp=True)
        except BadSignature:
            return None
        return begun.timestamp() + LIFE


class Signer(TimestampSigner):
    """Signs text for one use, `salt`, with the time of `clock`."""

    def __init__(self, key: bytes, salt: str, clock: Callable[[], float]) -> None:
        super().__init__(key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())
