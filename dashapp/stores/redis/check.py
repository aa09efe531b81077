"""Checks a Redis before anything starts, and changes nothing there."""

from __future__ import annotations

from contextlib import suppress

from redis import exceptions

from dashapp.stores.redis.client import (
    FAILURES,
    UNTRUSTED_CERTIFICATE,
    Connection,
    RedisClient,
    describe_error,
)
from dashapp.stores.redis.keys import KEY_PREFIX, REGISTRY_KEY, Keys

# These may be gone at the next try: Redis is down or busy.
TRANSIENT_ERRORS = (
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
)
NOT_A_CLUSTER, IS_A_CLUSTER = (
    "it is not a cluster; use redis:// or rediss://",
    "it is a cluster; use redis+cluster://",
)
TOO_OLD = "it is too old; use Redis 6.2 or newer"


def check_redis(url: str, name: str) -> str:
    """Return one sentence; empty if nothing is wrong, or Redis does not answer now."""
    client = RedisClient(url)
    try:
        return _check_connection(client, client.connection, name)
    except exceptions.AuthenticationError as error:
        return _permanent_problem(error)
    except exceptions.NoPermissionError as error:
        return f"its user lacks a permission ({error}); grant +@all on the keys {KEY_PREFIX}*"
    except TRANSIENT_ERRORS:
        return ""
    except FAILURES as error:
        return _permanent_problem(error)
    finally:
        client.close()


def _permanent_problem(error: BaseException) -> str:
    """Return the sentence for a failure that a retry will not solve; empty for others."""
    description = describe_error(error)
    if "not a cluster" in description:
        return NOT_A_CLUSTER
    if description == UNTRUSTED_CERTIFICATE:
        return description
    is_permanent = any(word in description for word in ("database", "password"))
    if is_permanent or isinstance(error, exceptions.ResponseError):
        return f"{description}; correct the address"
    return ""


def _check_connection(client: RedisClient, connection: Connection, name: str) -> str:
    keys = Keys(name)
    connection.ping()
    if not client.is_cluster:
        with suppress(exceptions.ResponseError):  # its user may lack this permission
            if connection.info("cluster").get("cluster_enabled"):
                return IS_A_CLUSTER
    for key, kind in {**keys.all(), REGISTRY_KEY: "hash"}.items():
        key_type = connection.type(key).decode()
        if key_type not in (kind, "none"):
            return f"its key {key} is a {key_type} of another program; choose another --name or database"
    try:
        # Adds nothing, because there is no such stream, but it needs the permission to add.
        connection.execute_command("XADD", keys.of("probe"), "NOMKSTREAM", "*", "a", "1")
    except exceptions.NoPermissionError:
        raise
    except exceptions.ResponseError as error:
        return TOO_OLD if "wrong number" in str(error) or "stream ID" in str(error) else ""
    connection.eval("return redis.call('EXISTS', KEYS[1])", 1, keys.generation)
    return ""
