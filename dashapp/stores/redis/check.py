"""What is wrong with a Redis that answers, asked before anything is started; nothing is changed there."""

from __future__ import annotations

from contextlib import suppress

from redis import exceptions

from dashapp.stores.redis.client import FAILURES, Client, Link, sentence
from dashapp.stores.redis.keys import PREFIX, REGISTRY, Keys

# What another try may find changed: it is away, or busy.
PASSING = (
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.ClusterDownError,
)
SINGLE, CLUSTER = "it is no cluster; say redis:// or rediss://", "it is a cluster; say redis+cluster://"
OLD = "it is too old; Redis 6.2 is the oldest that will do"


def check(url: str, name: str) -> str:
    """One sentence; empty where nothing is wrong, or it does not answer now."""
    link = Link(url)
    try:
        return _look(link, link.client, name)
    except exceptions.AuthenticationError as error:
        return _lasting(error)
    except exceptions.NoPermissionError as error:
        return f"its user may not do all that is needed ({error}); give it +@all on the keys {PREFIX}*"
    except PASSING:
        return ""
    except FAILURES as error:
        return _lasting(error)
    finally:
        link.close()


def _lasting(error: BaseException) -> str:
    """A failure's sentence, where trying again will not help."""
    said = sentence(error)
    if "no cluster" in said:
        return SINGLE
    lasting = any(word in said for word in ("database", "password", "certificate"))
    if lasting or isinstance(error, exceptions.ResponseError):
        return f"{said}; correct the address"
    return ""


def _look(link: Link, client: Client, name: str) -> str:
    keys = Keys(name)
    client.ping()
    if not link.is_cluster:
        with suppress(exceptions.ResponseError):  # it need not be allowed to ask
            if client.info("cluster").get("cluster_enabled"):
                return CLUSTER
    for key, kind in {**keys.all(), REGISTRY: "hash"}.items():
        found = client.type(key).decode()
        if found not in (kind, "none"):
            return f"its key {key} is a {found} and not ours; choose another --name, or another database"
    try:
        # Nothing is added where there is no stream, and the right to add is asked for all the same.
        client.execute_command("XADD", keys.of("probe"), "NOMKSTREAM", "*", "a", "1")
    except exceptions.NoPermissionError:
        raise
    except exceptions.ResponseError as error:
        return OLD if "wrong number" in str(error) or "stream ID" in str(error) else ""
    client.eval("return redis.call('EXISTS', KEYS[1])", 1, keys.life)
    return ""
