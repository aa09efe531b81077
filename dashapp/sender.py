"""The sender: one program's pushes on their way to the server, tried again later while it is away.

Knows the address and the token, from the environment; knows no queue and no thread.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 (see below)
import http.client
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import SystemRandom
from urllib.parse import urlsplit

log = logging.getLogger("dashapp")

URL = "http://127.0.0.1:8050"
# Whatever a connection needs is imported above: where the program forks while a thread of its imports, the
# child could never import that any more.

# What the server takes in one request.
LARGEST, MOST_VALUES = 64 << 10, 1000
# Seconds that a request may take; before the first new try, and the longest before another.
PATIENCE, FIRST_PAUSE, LAST_PAUSE = 5.0, 0.5, 30.0
# Seconds for which a name that was refused is not sent again.
REFUSED = 60.0


# Scheme, host, port and path.
_Place = tuple[str, str, int | None, str]


class _AwayError(Exception):
    """The server did not take it; it may later."""


class Sender:
    """`tell(about, sentence)` says what the program's owner should know, once about each thing."""

    def __init__(self, environ: Mapping[str, str], tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._token = environ.get("DASHAPP_PUSH_TOKEN", "").strip()
        self._url = environ.get("DASHAPP_URL") or URL
        self._connection: http.client.HTTPConnection | None = None
        self._refused: dict[str, float] = {}
        self._failures = 0
        try:
            self._place: _Place | None = self._checked()
        except ValueError as error:
            self._place = None
            tell("settings", f"{error}; nothing is pushed")

    def send(self, values: Mapping[str, float]) -> tuple[set[str], float]:
        """The names that need not be sent again, and the seconds to wait before the next call."""
        if self._place is None:
            return set(values), 0.0
        now = time.monotonic()
        self._refused = {name: until for name, until in self._refused.items() if until > now}
        done = {name for name in values if name in self._refused}
        try:
            self._send({name: value for name, value in values.items() if name not in done}, done)
        except _AwayError as error:
            self._failures += 1
            if self._failures == 1:
                log.warning("%s does not take what is pushed (%s); trying again", self._url, error)
            # Full jitter: many programs that lost one server do not come back to it all at once.
            # https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
            longest = min(LAST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures, 10))
            # Not by the program's own chances: it may have seeded them for a run that it can repeat.
            return done, SystemRandom().uniform(FIRST_PAUSE / 2, longest)
        if self._failures and done:
            self._failures = 0
            log.warning("%s takes what is pushed again", self._url)
        return done, 0.0

    def _checked(self) -> _Place:
        """ValueError where the environment is not fit to push by."""
        if not self._token:
            raise ValueError("DASHAPP_PUSH_TOKEN is not set; expected the server's")
        if not (self._token.isascii() and self._token.isprintable()):
            raise ValueError(
                "DASHAPP_PUSH_TOKEN has characters that no header can carry; expected the server's"
            )
        try:
            parts = urlsplit(self._url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or not self._url.isprintable():
            raise ValueError(f'DASHAPP_URL is "{self._url[:80]}"; expected an address such as {URL}')
        return parts.scheme, parts.hostname, port, parts.path.rstrip("/") + "/api/push"

    def _send(self, values: Mapping[str, float], done: set[str]) -> None:
        """Send them all; where the server refuses some, find out which: it takes all or nothing."""
        if not values:
            return
        body = json.dumps({"metrics": values}, ensure_ascii=False).encode()
        if len(values) <= MOST_VALUES and len(body) <= LARGEST:
            status, sentence = self._post(body)
            if status == 200:
                done.update(values)
                return
            if status not in (400, 413):
                raise _AwayError(f"status {status}: {sentence}")
            if len(values) == 1:
                (name,) = values
                self._refused[name] = time.monotonic() + REFUSED
                done.add(name)
                self._tell(name, f"{name} is not taken: {sentence}")
                return
        names = list(values)
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            self._send({name: values[name] for name in half}, done)

    def _post(self, body: bytes) -> tuple[int, str]:
        """The status, and the server's sentence where it says one."""
        kept = self._connection is not None
        try:
            return self._ask(body)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            # A connection that was kept may have been closed meanwhile: that is no failure yet.
            if not kept or isinstance(error, TimeoutError):
                raise _AwayError(f"{error!s:.100}" or type(error).__name__) from None
        try:
            return self._ask(body)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            raise _AwayError(f"{error!s:.100}" or type(error).__name__) from None

    def _ask(self, body: bytes) -> tuple[int, str]:
        assert self._place is not None
        scheme, host, port, path = self._place
        if self._connection is None:
            kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
            self._connection = kind(host, port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        said = answer.read(LARGEST)
        if answer.will_close or not answer.isclosed():
            self._close()
        sentence = answer.reason
        with suppress(ValueError, TypeError, KeyError):
            sentence = str(json.loads(said)["error"])[:300]
        return answer.status, sentence

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
