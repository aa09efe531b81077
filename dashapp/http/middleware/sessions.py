"""Sessions in signed cookies. The server stores only those that people ended."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from itsdangerous import BadSignature, TimestampSigner

from dashapp.http.middleware.ended_sessions import EndedSessions, digest_of
from dashapp.http.middleware.signing_key import SigningKey
from dashapp.http.streams import Access, may_block

SESSION_LIFETIME_S = 30 * 86_400
COOKIE_NAME = "dashapp-session"
# Valid sessions in the cache, so that a viewer's next request costs one lookup. A full cache is emptied.
MAX_CACHED_SESSIONS = 4096
# Cookies of our name that a request may have, and those of them in the form of a session. A site of the same
# domain can set a dozen: for each path above the page, and for each domain above it.
MAX_COOKIES, MAX_CHECKED_COOKIES = 1000, 64
# The rest of the name; an id, a time and a signature.
_COOKIE = re.compile(r"(-[0-9]{1,5}|)=([\w-]{12}\.[\w-]{1,11}\.[\w-]{43}) *(?:;|$)", re.ASCII)
# Characters of a Host header that count.
MAX_HOST_LENGTH = 300
_PORT = re.compile(r":[0-9]{1,5}")


class Sessions:
    def __init__(
        self,
        key: SigningKey,
        clock: Callable[[], float] = time.time,
        ended: EndedSessions | None = None,
    ) -> None:
        """`ended`: those that people ended; other tabs have streams, and others may have copies."""
        self._key = key
        self._clock = clock
        self._value = b""
        # Expiry and digest of each.
        self._cache: dict[str, tuple[float, bytes]] = {}
        self._ended = EndedSessions() if ended is None else ended
        self._use_current_key()

    def create(self, host: str, secure: bool, framed: bool = False) -> str:
        """A Set-Cookie header without a path: the browser uses the folder of the page.

        `framed`: for a page in a frame, which may be on another site.
        """
        self._key.refresh()
        self._use_current_key()
        token = self._signer.sign(secrets.token_urlsafe(9)).decode()
        return _cookie(cookie_name(host[:MAX_HOST_LENGTH]), token, SESSION_LIFETIME_S, secure, framed)

    def revoke(self, environ: Mapping[str, Any], secure: bool, framed: bool = False) -> list[str]:
        """End the sessions of a request; return Set-Cookie headers for the browser."""
        cookies = _session_cookies(environ.get("HTTP_COOKIE", ""))
        valid = [(name, token) for name, token in cookies if self._is_unexpired(token)]
        for _, token in valid:
            self._ended.add(digest_of(token))
        return [_cookie(name, "", 0, secure, framed) for name in dict.fromkeys(name for name, _ in valid)]

    def is_valid(self, environ: Mapping[str, Any]) -> bool:
        """Whether a request has a session of this server that has not expired."""
        text = environ.get("HTTP_COOKIE")
        if not text:
            return False
        own = cookie_name(environ.get("HTTP_HOST", "")[:MAX_HOST_LENGTH])
        # Nearly always a session that is known, under the name of this port.
        token = text.partition(f"{own}=")[2].partition(";")[0]
        if token in self._cache:
            # Here, because strangers have no valid session, and so cannot cause this work.
            self._ended.refresh(environ)
            if self._is_unexpired(token):
                return True
        signer = self._signer
        cookies = _session_cookies(text)
        # That of another port is valid, too: the server can have moved, or be another one with the same key.
        cookies.sort(key=lambda cookie: cookie[0] != own)
        if any(self._is_unexpired(token) for _, token in cookies):
            self._ended.refresh(environ)
            return any(self._is_unexpired(token) for _, token in cookies)
        if cookies:
            # Another process can have created it, with a key that this one does not have yet.
            may_block(environ)
            self._key.refresh()
            self._use_current_key()
            # Another thread can have changed it meanwhile.
            return self._signer is not signer and any(self._is_unexpired(token) for _, token in cookies)
        return False

    def access(self, environ: Mapping[str, Any]) -> Access:
        """Return a check of the session of a request, for a response that lasts long."""
        names = ("HTTP_COOKIE", "HTTP_HOST")
        request = {name: environ[name] for name in names if name in environ}

        def is_still_valid() -> bool:
            self._key.refresh()
            self._use_current_key()
            return self.is_valid(request)

        return tuple(request.values()), is_still_valid

    def _use_current_key(self) -> None:
        value = self._key.value
        if value is self._value:
            return
        # The signer before the cache: another thread that still has the former signer also has that cache.
        self._signer = Signer(value, "session", self._clock)
        self._cache = {}
        self._value = value

    def _is_unexpired(self, token: str) -> bool:
        cache = self._cache
        known = cache.get(token)
        if known is None:
            expiry = self._expires(token)
            if expiry is None:
                return False
            if len(cache) >= MAX_CACHED_SESSIONS:
                cache.clear()
            known = cache[token] = expiry, digest_of(token)
        expiry, digest = known
        return self._clock() < expiry and digest not in self._ended

    def _expires(self, token: str) -> float | None:
        try:
            _, created = self._signer.unsign(token, max_age=SESSION_LIFETIME_S, return_timestamp=True)
        except BadSignature:
            return None
        return created.timestamp() + SESSION_LIFETIME_S


@lru_cache(256)
def cookie_name(host: str) -> str:
    """The name for a Host header; a browser sends the cookies of a host to all its ports.

    >>> cookie_name("127.0.0.1:8050"), cookie_name("monitor.example"), cookie_name("[::1]")
    ('dashapp-session-8050', 'dashapp-session', 'dashapp-session')
    """
    start = host.rfind(":")
    return f"{COOKIE_NAME}-{host[start + 1 :]}" if start > 0 and _PORT.fullmatch(host, start) else COOKIE_NAME


def _cookie(name: str, token: str, seconds: int, secure: bool, framed: bool) -> str:
    cookie = f"{name}={token}; Max-Age={seconds}; HttpOnly"
    if secure and framed:
        # The browser sends it only in frames of the same other site.
        # https://developer.mozilla.org/en-US/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies
        return f"{cookie}; SameSite=None; Secure; Partitioned"
    return f"{cookie}; SameSite=Lax{'; Secure' if secure else ''}"


def _session_cookies(text: str) -> list[tuple[str, str]]:
    """The name and the value of each cookie in a Cookie header that has the form of a session."""
    cookies = []
    before, *parts = text.split(COOKIE_NAME, MAX_COOKIES)
    for part in parts:
        # The name may also be the end of another cookie's name.
        if (not before or before.endswith((";", "; "))) and (match := _COOKIE.match(part)):
            cookies.append((COOKIE_NAME + match[1], match[2]))
        before = part
    return cookies[:MAX_CHECKED_COOKIES]


class Signer(TimestampSigner):
    """Signs text for one purpose, `salt`, with the time of `clock`."""

    def __init__(self, key: bytes, salt: str, clock: Callable[[], float]) -> None:
        super().__init__(key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())
