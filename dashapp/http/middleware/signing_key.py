"""The signing key: what sessions and share links are signed with, the same in every web process.

Made once and kept beside the store, readable by its owner alone; without a folder it is made of the password,
and without either kept on this machine. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

log = logging.getLogger("dashapp")

NAME = "signing.key"
SIZE = 32
# Deliberately slow: who holds a signed link could try passwords at home otherwise. 16 MB, some 50 ms, once.
_SLOW = {"n": 1 << 14, "r": 8, "p": 1, "dklen": SIZE}


def signing_key(folder: Path | None, password: str, local: Path | None = None) -> bytes:
    """The key of a store and a password: another password signs everybody out.

    `local`: a folder of this machine's. What is made of the password is the same on all that share a Redis.
    """
    kept = None if folder is None else _kept(folder)
    if kept is None and not password and local is not None:
        kept = _kept(local)
    if kept is None and not password:
        kept = secrets.token_bytes(SIZE)  # of nothing that everybody knows: it ends with the process
    if kept is None:
        kept = hashlib.scrypt(password.encode(), salt=b"dashapp signing key", **_SLOW)
    return hmac.digest(kept, b"dashapp\0" + password.encode(), "sha256")


def _kept(folder: Path) -> bytes | None:
    """The random part, made where there is none; None where it cannot be kept."""
    path = folder / NAME
    try:
        for _ in range(2):
            with suppress(FileNotFoundError):
                found = path.read_bytes()
                if len(found) == SIZE:
                    _close(path)
                    return found
                path.unlink(missing_ok=True)
            _make(path)
    except OSError as error:
        log.warning("the signing key cannot be kept in %s: %s", folder, error)
    return None


def _make(path: Path) -> None:
    """Whole or not at all, and never over one that another process has made meanwhile."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{NAME}-")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _close(path: Path) -> None:
    if os.name != "nt" and path.stat().st_mode & 0o077:
        log.warning("%s could be read by others; it is its owner's alone now", path)
        path.chmod(0o600)
