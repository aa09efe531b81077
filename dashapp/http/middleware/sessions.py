"""Sessions in signed cookies, which the server does not store, and the key that signs them.

The key is the same in every web process. The first process creates it beside the store, readable by its owner
only. Without a folder, the key is derived from the password; without either, it is stored on this machine.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner

SESSION_LIFETIME_S = 30 * 86_400
# Valid sessions in the cache, so that a viewer's next request costs one lookup. A full cache is emptied.
MAX_CACHED_SESSIONS = 4096
# Cookies of our name in one header, and characters of one: more than the server ever sets.
MAX_COOKIES = 4
MAX_COOKIE_LENGTH = 256


class Sessions:
    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        # A browser sends the cookies of one port to all others; the name keeps two servers apart.
        self.name = f"dashapp-{hashlib.sha256(key).hexdigest()[:8]}"
        self._prefix = self.name + "="
        self._clock = clock
        self._signer = Signer(key, "session", clock)
        self._expiry_cache: dict[str, float] = {}

    def create(self, secure: bool) -> str:
        """A Set-Cookie header without a path: the browser uses the folder of the page."""
        token = self._signer.sign(secrets.token_urlsafe(9)).decode()
        return self._cookie(token, SESSION_LIFETIME_S, secure)

    def revoke(self, secure: bool) -> str:
        return self._cookie("", 0, secure)

    def _cookie(self, token: str, seconds: int, secure: bool) -> str:
        cookie = f"{self._prefix}{token}; Max-Age={seconds}; HttpOnly; SameSite=Lax"
        return f"{cookie}; Secure" if secure else cookie

    def is_valid(self, cookies: str) -> bool:
        """Whether a Cookie header has a session of this server that has not expired."""
        # There can be an older cookie of another folder beside it.
        parts = cookies.split(self._prefix, MAX_COOKIES)[1:]
        return any(self._is_unexpired(part.partition(";")[0].strip()) for part in parts)

    def _is_unexpired(self, token: str) -> bool:
        expiry = self._expiry_cache.get(token)
        if expiry is None:
            expiry = self._expires(token)
            if expiry is None:
                return False
            if len(self._expiry_cache) >= MAX_CACHED_SESSIONS:
                self._expiry_cache = {}
            self._expiry_cache[token] = expiry
        return self._clock() < expiry

    def _expires(self, token: str) -> float | None:
        if len(token) > MAX_COOKIE_LENGTH:
            return None
        try:
            _, created = self._signer.unsign(token, max_age=SESSION_LIFETIME_S, return_timestamp=True)
        except BadSignature:
            return None
        return created.timestamp() + SESSION_LIFETIME_S


class Signer(TimestampSigner):
    """Signs text for one purpose, `salt`, with the time of `clock`."""

    def __init__(self, key: bytes, salt: str, clock: Callable[[], float]) -> None:
        super().__init__(key, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())


log = logging.getLogger("dashapp")

KEY_FILE_NAME = "signing.key"
KEY_BYTES = 32
# Slow on purpose, against guessing the password offline from a signed link: 16 MB and about 50 ms, once.
_SCRYPT_COST = {"n": 1 << 14, "r": 8, "p": 1, "dklen": KEY_BYTES}


def signing_key(folder: Path | None, password: str, local: Path | None = None) -> bytes:
    """The key of a store and a password: a new password ends all sessions.

    `local`: a folder on this machine. A key derived from the password is the same on all machines that share
    a Redis.
    """
    secret = None if folder is None else _stored_key(folder)
    if secret is None and not password and local is not None:
        secret = _stored_key(local)
    if secret is None and not password:
        secret = secrets.token_bytes(KEY_BYTES)  # random, so its sessions end with the process
    if secret is None:
        secret = hashlib.scrypt(password.encode(), salt=b"dashapp signing key", **_SCRYPT_COST)
    return hmac.digest(secret, b"dashapp\0" + password.encode(), "sha256")


def _stored_key(folder: Path) -> bytes | None:
    """The random part of the key, created if it is missing; None if it cannot be stored."""
    path = folder / KEY_FILE_NAME
    try:
        for _ in range(2):
            with suppress(FileNotFoundError):
                stored = path.read_bytes()
                if len(stored) == KEY_BYTES:
                    _restrict_mode(path)
                    return stored
                path.unlink(missing_ok=True)
            _create_key_file(path)
    except OSError as error:
        log.warning("the signing key cannot be stored in %s: %s", folder, error)
    return None


def _create_key_file(path: Path) -> None:
    """Create the file atomically, and never replace one that another process has created."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{KEY_FILE_NAME}-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _restrict_mode(path: Path) -> None:
    if os.name != "nt" and path.stat().st_mode & 0o077:
        log.warning("%s was readable by other users; its mode is 0600 now", path)
        path.chmod(0o600)
