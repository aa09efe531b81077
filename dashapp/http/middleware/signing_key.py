"""The key that signs sessions and share links.

It is made of a random secret and the password. The web processes of a store share the secret: in Redis, in a
file beside the store, or in a file of this machine. Without the secret, no response shows whether a guessed
password is right.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock

from dashapp.stores.access import SECRET_BYTES, SharedAccess

log = logging.getLogger("dashapp")

KEY_FILE_NAME = "signing.key"
# Slow on purpose, for a reader of the secret who guesses passwords: 16 MB and about 50 ms, once.
_SCRYPT_COST = {"n": 1 << 14, "r": 8, "p": 1, "dklen": SECRET_BYTES}
# Seconds between two questions to Redis.
REFRESH_INTERVAL_S = 1.0


class SigningKey:
    """The key of a store and a password: a new password ends all sessions and share links.

    `secret`: from a file or, until Redis responds, of this process. `shared`: the Redis of several machines,
    whose secret replaces it.
    """

    def __init__(
        self,
        secret: bytes,
        password: str,
        shared: SharedAccess | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.secret = secret
        self._password = password
        self._shared = shared
        self._clock = clock
        self._value = b""
        self._refreshed = float("-inf")
        # Redis may respond late. Meanwhile requests in the event loop need the key of before.
        self._lock, self._refresh_lock = Lock(), Lock()
        self.refresh()

    @property
    def value(self) -> bytes:
        """The key; always the same object until the secret changes."""
        with self._lock:
            self._value = self._value or _derive(self.secret, self._password)
            return self._value

    def refresh(self) -> None:
        """Read the shared secret again, at most once a second.

        After Redis lost its data, or was not there at the start, another process can have stored a new one.
        """
        if self._shared is None:
            return
        with self._refresh_lock:
            if self._clock() - self._refreshed < REFRESH_INTERVAL_S:
                return
            self._refreshed = self._clock()
            secret = self._shared.secret(self.secret)
            if secret is not None and secret != self.secret:
                with self._lock:
                    self.secret, self._value = secret, b""


def _derive(secret: bytes, password: str) -> bytes:
    return hashlib.scrypt(b"dashapp\0" + password.encode(), salt=secret, **_SCRYPT_COST)


@cache
def process_secret() -> bytes:
    """The secret of this process and its later forks, whose sessions end with it."""
    return secrets.token_bytes(SECRET_BYTES)


def stored_secret(folders: Iterable[Path | None]) -> bytes:
    """The secret in the first of these folders that can store one; else that of this process."""
    for folder in folders:
        if folder is not None and (secret := _secret_in(folder)):
            return secret
    return process_secret()


def _secret_in(folder: Path) -> bytes | None:
    """The secret in a folder, created if it is missing; None if it cannot be stored."""
    path = folder / KEY_FILE_NAME
    try:
        for _ in range(2):
            with suppress(FileNotFoundError):
                stored = path.read_bytes()
                if len(stored) == SECRET_BYTES:
                    _restrict_mode(path)
                    return stored
                path.unlink(missing_ok=True)
            _create_secret(path)
    except OSError as error:
        log.warning("the signing key cannot be stored in %s: %s", folder, error)
    return None


def _create_secret(path: Path) -> None:
    """Create the file atomically, and never replace one that another process has created."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{KEY_FILE_NAME}-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _restrict_mode(path: Path) -> None:
    if os.name != "nt" and path.stat().st_mode & 0o077:
        log.warning("%s was readable by other users; its mode is 0600 now", path)
        path.chmod(0o600)
