"""Push client: a program sends numbers to dashapp and never waits or fails because of it.

For example:

    import dashapp
    dashapp.push("loss", 0.31)          dashapp.push({"loss": 0.31, "train.accuracy": 0.9})

A call puts its values into a queue and returns. A thread sends the newest value of each name, at most ten
times a second, and retries while the server is unavailable. DASHAPP_URL is the server's URL (http://127.0.0.1:8050)
and DASHAPP_PUSH_TOKEN its token. The client needs the standard library only.
"""

from __future__ import annotations

import atexit
import encodings.idna  # noqa: F401 (see below)
import http.client
import json
import logging
import math
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from random import SystemRandom
from threading import Event, Lock, Thread
from typing import Any, SupportsFloat
from urllib.parse import urlsplit

DEFAULT_URL = "http://127.0.0.1:8050"
VARIABLES = ("DASHAPP_URL", "DASHAPP_PUSH_TOKEN")
# Everything that a connection needs is imported above. If the program forks while one of its threads imports
# a module, the child can never import that module.

# The server's limits for one request.
MAX_BODY_BYTES, MAX_VALUES_PER_REQUEST = 64 << 10, 1000
# Seconds: timeout of a request, before the first retry, and before a retry at most.
REQUEST_TIMEOUT_S, BACKOFF_INITIAL_S, BACKOFF_MAX_S = 5.0, 0.5, 30.0
# Seconds before a rejected name is sent again.
REJECTED_NAME_TTL_S = 60.0


class UnavailableError(Exception):
    """The server did not accept the values; it may accept them later."""


class PushTransport:
    """Connection to the server. `report(subject, message)` logs a message, once per subject."""

    def __init__(self, environ: Mapping[str, str], report: Callable[[str, str], None]) -> None:
        self._report = report
        self._variables = [environ.get(name, "") for name in VARIABLES]
        self._url = self._variables[0] or DEFAULT_URL
        self._token = self._variables[1].strip()
        self._connection: http.client.HTTPConnection | None = None
        self._rejections: dict[Any, float] = {}
        self._failures = 0
        try:
            self._endpoint: tuple[str, str, int | None, str] | None = self._parse_environment()
        except ValueError as error:
            self._endpoint = None
            report("settings", f"{error}; no value is sent")

    def is_outdated(self, environ: Mapping[str, str]) -> bool:
        """Return whether the program has changed its variables since."""
        return self._variables != [environ.get(name, "") for name in VARIABLES]

    def send(self, values: Mapping[Any, Any]) -> tuple[set[Any], float]:
        """Send values; return the names that are done, and the seconds to wait before the next call.

        A name is done if the server accepted or rejected its value.
        """
        if self._endpoint is None:
            return set(values), 0.0
        now = time.monotonic()
        self._rejections = {name: expiry for name, expiry in self._rejections.items() if expiry > now}
        done = {name for name in values if name in self._rejections}
        try:
            self._send({name: value for name, value in values.items() if name not in done}, done)
        except UnavailableError as error:
            self._failures += 1
            if self._failures == 1:
                log.warning("push to %s failed: %s; retrying", self._url, error)
            # Full jitter: many programs that lost one server must not all reconnect at once.
            # https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
            max_delay = min(BACKOFF_MAX_S, BACKOFF_INITIAL_S * 2 ** min(self._failures, 10))
            # Not from `random`: the program may have seeded it for a run that it can repeat.
            return done, SystemRandom().uniform(BACKOFF_INITIAL_S / 2, max_delay)
        if self._failures and done:
            self._failures = 0
            log.warning("push to %s works again", self._url)
        return done, 0.0

    def _parse_environment(self) -> tuple[str, str, int | None, str]:
        """Return scheme, host, port and path. ValueError if a variable is missing or invalid."""
        if not self._token:
            raise ValueError("DASHAPP_PUSH_TOKEN is not set; expected the server's token")
        if not (self._token.isascii() and self._token.isprintable()):
            raise ValueError(
                "DASHAPP_PUSH_TOKEN has characters that a header cannot carry; expected the server's token"
            )
        try:
            parts = urlsplit(self._url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or not self._url.isprintable():
            raise ValueError(f'DASHAPP_URL is "{self._url[:80]}"; expected a URL such as {DEFAULT_URL}')
        return parts.scheme, parts.hostname, port, parts.path.rstrip("/") + "/api/push"

    def encode(self, values: Mapping[Any, Any]) -> bytes:
        return json.dumps({"metrics": values}, ensure_ascii=False).encode()

    def _send(self, values: Mapping[Any, Any], done: set[Any]) -> None:
        """Send all values; if the server rejects them, send halves to find the invalid ones.

        The server accepts all values of a request or none.
        """
        if not values:
            return
        body = self.encode(values)
        if len(values) <= MAX_VALUES_PER_REQUEST and len(body) <= MAX_BODY_BYTES:
            status, message = self._post_body(body)
            if status == 200:
                done.update(values)
                return
            if status not in (400, 413):
                raise UnavailableError(f"status {status}: {message}")
            if len(values) == 1:
                (name,) = values
                self._rejections[name] = time.monotonic() + REJECTED_NAME_TTL_S
                done.add(name)
                self._report(str(name), f"{name} is rejected: {message}")
                return
        names = list(values)
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            self._send({name: values[name] for name in half}, done)

    def _post_body(self, body: bytes) -> tuple[int, str]:
        """Return the status, and the server's error message or else its reason phrase."""
        is_reused = self._connection is not None
        while True:
            try:
                return self._send_request(body)
            except (OSError, http.client.HTTPException) as error:
                self._close()
                # The server may have closed an idle connection, which is not yet a failure.
                if not is_reused or isinstance(error, TimeoutError):
                    raise UnavailableError(f"{error!s:.100}" or type(error).__name__) from None
                is_reused = False

    def _send_request(self, body: bytes) -> tuple[int, str]:
        assert self._endpoint is not None
        scheme, host, port, path = self._endpoint
        if self._connection is None:
            is_https = scheme == "https"
            connection_class = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
            self._connection = connection_class(host, port, timeout=REQUEST_TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        data = response.read(MAX_BODY_BYTES)
        if response.will_close or not response.isclosed():
            self._close()
        message = str(response.reason)[:300]
        with suppress(ValueError, TypeError, KeyError):
            message = str(json.loads(data)["error"])[:300]
        return response.status, "".join(char if char.isprintable() else " " for char in message)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


log = logging.getLogger("dashapp")

# Maximum of values in the queue, and of names that wait to be sent; the oldest are dropped.
MAX_QUEUED_VALUES, MAX_QUEUED_NAMES = 10_000, 1000
# Seconds after which an unsent value is outdated.
MAX_VALUE_AGE_S = 60.0
# Seconds between two requests, and seconds that the end of the program waits for the last one. After a pause,
# a request waits for further values of the same step only.
SEND_INTERVAL_S, FIRST_DELAY_S, SHUTDOWN_TIMEOUT_S = 0.1, 0.01, 2.0
MAX_NAME_LENGTH = 200
# Names in names, such as {"val": {"f1": 0.8}}.
MAX_DEPTH = 8
# Maximum number of different messages in the log.
MAX_LOGGED_MESSAGES = 100


class PushClient:
    """The queue and the thread of a process. `dropped` counts values that were never sent."""

    # Seconds after which the thread wakes up without a push; None: never.
    idle_timeout_s: float | None = None

    def __init__(self) -> None:
        self._registered = False
        self._logged_subjects: set[str] = set()
        self._reset()

    def _reset(self) -> None:
        """Start with an empty queue and no thread, also in a forked process."""
        # Neither takes a lock of Python's, so a signal handler or a finaliser may push during a push.
        self._queue: deque[tuple[Any, Any, float]] = deque(maxlen=MAX_QUEUED_VALUES)
        self._wake: SimpleQueue[Event | None] = SimpleQueue()
        self._idle = False
        self._start_lock = Lock()
        self._thread: Thread | None = None
        self._has_exited = False
        self.dropped = 0

    def push(self, metrics: str | Mapping[str, Any], value: SupportsFloat | None = None) -> None:
        """Push one value by its name, or several. Takes microseconds and raises nothing.

        `metrics`: a name, or names with numbers, such as a dict or a pandas Series. {"val": {"f1": 0.8}} is
        the metric val.f1. True is 1 and False is 0.
        """
        try:
            if not hasattr(metrics, "items"):
                self._add(metrics, value)
            else:
                for name, number in _flatten(metrics):
                    self._add(name, number)
            if self._thread is None:
                self._start()
            if self._idle:
                self._idle = False
                self._wake.put(None)
        except Exception as error:
            # An invalid value must not disturb the program that pushes it.
            self._log_error(error, "the value is dropped")

    def flush(self, seconds: float = SHUTDOWN_TIMEOUT_S) -> bool:
        """Wait until pushed values are sent, or sending failed once; return False after `seconds`."""
        if self._thread is None:
            return not self._queue
        flush_event = Event()
        self._wake.put(flush_event)
        return flush_event.wait(seconds)

    def _add(self, name: Any, value: Any) -> None:
        if not (isinstance(name, str) and 0 < len(name) <= MAX_NAME_LENGTH and name.isprintable()):
            shown, expected = describe(name), f"expected 1 to {MAX_NAME_LENGTH} printable characters"
            self._log_once(shown, f"{shown} is not a name; {expected}")
            return
        number = math.nan
        if not isinstance(value, str | bytes):
            with suppress(Exception):  # the value's own code may raise anything
                number = float(value)
        if not math.isfinite(number):
            self._log_once(
                name, f"{name:.80} is {describe(value)}; expected a finite number; the value is dropped"
            )
            return
        if len(self._queue) == MAX_QUEUED_VALUES:
            self.dropped += 1
        self._queue.append((name, number, time.monotonic()))

    def _start(self) -> None:
        start_lock = self._start_lock  # a fork replaces the attribute
        if not start_lock.acquire(blocking=False):
            return  # another thread is starting it
        try:
            if self._thread is not None:
                return  # another thread has just started it
            if not self._registered:
                self._registered = True
                atexit.register(self._exit)
                if hasattr(os, "register_at_fork"):
                    os.register_at_fork(after_in_child=self._reset)
            self._register_in_worker()
            thread = Thread(target=self._run_until_return, name="dashapp.push", daemon=True)
            thread.start()
            self._thread = thread
        finally:
            # If the system could start no thread, the next push tries again.
            start_lock.release()

    def _register_in_worker(self) -> None:
        """Send the last values of a process of multiprocessing, which ends without atexit."""
        process = sys.modules.get("multiprocessing.process")
        if process is not None and process.parent_process() is not None:
            from multiprocessing.util import Finalize

            # The process clears the functions of its parent, so each process registers its own.
            Finalize(None, self._exit, exitpriority=0)

    def _exit(self) -> None:
        """Send the last values, once: a process may call both of its hooks."""
        if not self._has_exited:
            self._has_exited = True
            self.flush()

    def _run_until_return(self) -> None:
        while True:
            try:
                self._run()
                return
            except Exception as error:
                # Keep the thread alive: nothing would restart it.
                self._log_error(error, "retrying")
                time.sleep(MAX_VALUE_AGE_S)

    def _make_transport(self) -> PushTransport:
        return PushTransport(os.environ, self._log_once)

    def _run(self) -> None:
        transport = self._make_transport()
        pending: dict[Any, tuple[Any, float]] = {}
        due = 0.0
        while True:
            flushes = self._sleep(due, bool(pending))
            self._drain_queue(pending)
            if transport.is_outdated(os.environ):
                transport = self._make_transport()
            try:
                done, pause = transport.send({name: value for name, (value, _) in pending.items()})
            except Exception as error:
                # Keep the values: they may be sent later.
                done, pause = set(), MAX_VALUE_AGE_S
                self._log_error(error, "retrying")
            for name in done:
                del pending[name]
            due = time.monotonic() + max(SEND_INTERVAL_S, pause)
            for flush_event in flushes:
                flush_event.set()

    def _sleep(self, due: float, is_pending: bool) -> list[Event]:
        """Wait until `due`, and for a push if nothing is pending.

        A flush ends the wait; return its event.
        """
        # Set this before the check of the queue. `push` fills the queue before it reads this, so no push is
        # missed.
        self._idle = not is_pending
        if self._idle and self._queue:
            self._idle = False
        is_waiting = self._idle
        while True:
            remaining = self.idle_timeout_s if is_waiting else due - time.monotonic()
            if remaining is not None and remaining <= 0:
                return []
            try:
                flush_event = self._wake.get(timeout=remaining)
            except Empty:
                return []
            if flush_event is not None:
                return [flush_event]
            if is_waiting:
                is_waiting, due = False, max(due, time.monotonic() + FIRST_DELAY_S)

    def _drain_queue(self, pending: dict[Any, tuple[Any, float]]) -> None:
        """Move queued values into `pending`, the newest of each name, and drop outdated ones."""
        while self._queue:
            name, value, timestamp = self._queue.popleft()
            pending.pop(name, None)  # moves the newest to the end
            pending[name] = value, timestamp
        # The oldest come first.
        stale_count = sum(time.monotonic() - timestamp > MAX_VALUE_AGE_S for _, timestamp in pending.values())
        for name in list(pending)[: max(stale_count, len(pending) - MAX_QUEUED_NAMES)]:
            del pending[name]
            self.dropped += 1

    def _log_error(self, error: Exception, consequence: str) -> None:
        name = type(error).__name__
        self._log_once(name, f"push failed: {name}: {error!s:.200}; {consequence}")

    def _log_once(self, subject: str, message: str) -> None:
        """Log a message, once per subject."""
        if subject not in self._logged_subjects and len(self._logged_subjects) < MAX_LOGGED_MESSAGES:
            self._logged_subjects.add(subject)
            log.warning("%s", message)


def _flatten(metrics: Any, prefix: str = "", depth: int = 1) -> Iterator[tuple[Any, Any]]:
    """Yield names with values. A Series of pandas is no Mapping, but has `items` too."""
    for name, value in metrics.items():
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        path = f"{prefix}{name}" if isinstance(name, str) else name
        if hasattr(value, "items") and callable(value.items) and depth < MAX_DEPTH and isinstance(path, str):
            yield from _flatten(value, f"{path}.", depth + 1)
        else:
            yield path, value


def describe(value: Any) -> str:
    try:
        return " ".join(repr(value).split())[:80]
    except Exception:
        return f"of type {type(value).__name__}"


_client = PushClient()
push = _client.push
