"""The Redis client, with a timeout of one second and without retries.

Requests use a circuit breaker. After a failure, or after a slow response, it is open for a second, so that no
request waits longer than that in total.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from dashapp.stores.failed_reads import FailedReads

# Heroku's Redis has a certificate that it signed itself.
UNTRUSTED_CERTIFICATE = (
    "its certificate is not trusted; set DASHAPP_REDIS_CA to the file of its CA certificate, or to none to "
    "trust any certificate, as Heroku's Redis needs"
)
# A cluster's exception is not a RedisError.
FAILURES = (redis.RedisError, RedisClusterException, OSError)
DEFAULT_USER = "default"
# In the error of a command for another type than that of the key.
WRONG_TYPE = "WRONGTYPE"
# Seconds until a command times out; for which the circuit is open; after which a response counts as a
# failure.
TIMEOUT_S, CIRCUIT_OPEN_S, SLOW_RESPONSE_S = 1.0, 1.0, 0.2

Result = TypeVar("Result")
# A single server or a cluster: redis-py has no common type for both.
Connection = Any


class RedisClient:
    """One per process and purpose, for any number of threads. Connects at the first command."""

    def __init__(self, url: str, timeout: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        self.is_cluster = parts.scheme.endswith("+cluster")
        self.address = f"{parts.hostname}:{parts.port or 6379}"
        self.last_error = ""
        self._options: dict[str, Any] = {
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        if parts.password and not parts.username:
            # With a user, a server without a password accepts any. A platform's address may have one.
            self._options["username"] = DEFAULT_USER
        if not self.is_cluster:
            self._options["db"] = int(parts.path.strip("/") or 0)
        if parts.scheme.startswith("rediss"):
            options: dict[str, Any] = dict(
                pair.partition("=")[::2] for pair in parts.query.split("&") if pair
            )
            if "ssl_check_hostname" in options:
                options["ssl_check_hostname"] = options["ssl_check_hostname"].lower() == "true"
            elif options.get("ssl_cert_reqs") == "none":
                options["ssl_check_hostname"] = False
            self._options |= {"ssl": True, **options}
        self._host, self._port = parts.hostname or "", parts.port or 6379
        self._connection: Connection = None
        self._lock = Lock()
        self._open_until = 0.0
        self.failed_reads = FailedReads()

    @property
    def connection(self) -> Connection:
        """The connected client. Raises the errors in FAILURES if a cluster does not list its nodes."""
        if self._connection is None:
            with self._lock:
                if self._connection is None:
                    self._connection = self._connect()
        return self._connection

    def call(self, do: Callable[[Connection], Result], otherwise: Result) -> Result:
        """Return the result of `do`, or `otherwise` if it fails or the circuit is open."""
        return self._try(do, otherwise)[0]

    def read(self, do: Callable[[Connection], Result], otherwise: Result) -> Result:
        """Return what `call` returns. `failed_reads` counts a failure: a response lacks these data."""
        result, is_answered = self._try(do, otherwise)
        if not is_answered:
            self.failed_reads.add()
        return result

    def _try(self, do: Callable[[Connection], Result], otherwise: Result) -> tuple[Result, bool]:
        """Return what `call` returns, and whether Redis has answered."""
        start = time.monotonic()
        if start < self._open_until:
            return otherwise, False
        try:
            return do(self.connection), True
        except FAILURES as error:
            if WRONG_TYPE in str(error):
                # Another program has written the key, and has replaced our data there. Redis itself works.
                self.last_error = describe_error(error)
                return otherwise, True
            self.record_failure(error)
            return otherwise, False
        finally:
            if (now := time.monotonic()) - start > SLOW_RESPONSE_S:
                self._open_until = now + CIRCUIT_OPEN_S

    @property
    def circuit_open(self) -> bool:
        return time.monotonic() < self._open_until

    def record_failure(self, error: BaseException) -> None:
        """Keep the error's description, and open the circuit."""
        self.last_error = describe_error(error)
        self._open_until = time.monotonic() + CIRCUIT_OPEN_S
        if isinstance(error, redis.ReadOnlyError) and self._connection is not None and not self.is_cluster:
            # The server has become a replica: the address may lead to another one by now.
            self._connection.connection_pool.disconnect()

    def record_success(self) -> None:
        self.last_error = ""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> Connection:
        if self.is_cluster:
            nodes = [ClusterNode(self._host, self._port)]  # type: ignore[no-untyped-call]
            return RedisCluster(startup_nodes=nodes, require_full_coverage=False, **self._options)
        return redis.Redis(host=self._host, port=self._port, **self._options)


def describe_error(error: BaseException) -> str:
    """Return a description of an error, without addresses and passwords."""
    text = " ".join(str(error).split())
    for marker, description in _ERROR_TEXTS:
        if marker in text:
            return description
    for kind, description in _ERROR_TYPES:
        if isinstance(error, kind):
            return description
    if isinstance(error, redis.ConnectionError | RedisClusterException | OSError):
        return "it cannot be reached"
    return text[:150] or type(error).__name__


_ERROR_TYPES: tuple[tuple[type[BaseException], str], ...] = (
    (redis.TimeoutError, "it does not answer"),
    (redis.AuthenticationError, "it rejects the user or the password"),
    (redis.OutOfMemoryError, "it is out of memory (maxmemory)"),
    (redis.ReadOnlyError, "it is a read-only replica"),
    (redis.BusyLoadingError, "it is still loading its data"),
)
_ERROR_TEXTS = (
    ("WRONGPASS", "it rejects the user or the password"),
    ("NOAUTH", "it requires a password"),
    ("Authentication required", "it requires a password"),
    ("OOM ", "it is out of memory (maxmemory)"),
    ("READONLY", "it is a read-only replica"),
    ("MISCONF", "it rejects writes, because it cannot save to its disk"),
    ("Cluster mode is not enabled", "it is not a cluster"),
    ("CLUSTERDOWN", "the cluster is down"),
    ("CERTIFICATE_VERIFY_FAILED", UNTRUSTED_CERTIFICATE),
    ("DB index is out of range", "it has no database with that number"),
)
