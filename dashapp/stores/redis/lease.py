"""The writer lease: one collector per host name writes, and each write checks the lease.

So a writer that was frozen, and whose lease another one took meanwhile, writes nothing more.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from functools import cache
from typing import Any

from redis.exceptions import NoScriptError, ResponseError

from dashapp.model.ticks import StoreLockedError
from dashapp.stores.redis.client import Connection, RedisClient
from dashapp.stores.redis.keys import (
    ACQUIRE_LEASE_SCRIPT,
    MULTI_COMMAND_SCRIPT,
    REGISTER_SCRIPT,
    REGISTRY_KEY,
    RELEASE_LEASE_SCRIPT,
    Keys,
)

# Milliseconds without a heartbeat after which another writer may take over.
LEASE_MS = 1200

RedisArg = str | bytes | int | float
# A script, its keys and its arguments.
ScriptCall = tuple[str, list[str], tuple[RedisArg, ...]]


class WriterLease:
    """One host's lease. Raises client.FAILURES, and StoreLockedError if another has the lease."""

    def __init__(self, client: RedisClient, keys: Keys, forget: float) -> None:
        """`forget`: seconds without writes after which the host's keys expire."""
        self.client = client
        self.keys = keys
        self.forget_ms = round(forget * 1000)
        self.token = f"{os.getpid()}-{secrets.token_hex(8)}"

    def acquire(self, defer: bool = False) -> None:
        """Acquire the lease. `defer`: not if it is free, as the previous writer goes first."""
        connection = self.client.connection
        # Read it before taking it: a frozen Redis would run the script later, when its client is gone.
        holder = connection.get(self.keys.lease)
        if holder is None and defer:
            raise StoreLockedError("Redis was down; the previous writer goes first")
        holder = holder or connection.eval(ACQUIRE_LEASE_SCRIPT, 1, self.keys.lease, self.token, LEASE_MS)
        if holder != self.token.encode():
            process = (holder or b"?").partition(b"-")[0].decode(errors="replace")
            raise StoreLockedError(f"another collector (process {process}) already writes for this host name")

    def release(self) -> None:
        self.client.connection.eval(RELEASE_LEASE_SCRIPT, 1, self.keys.lease, self.token)

    def run(self, script: str, keys: list[str], *arguments: RedisArg) -> Any:
        """Return the result of a script that begins by checking the lease."""
        keys = [self.keys.lease, *keys]
        return self._check_results(self._run_scripts((script, keys, (self.token, LEASE_MS, *arguments)))[0])

    def append_and_register(
        self, name: str, entry: str, script: str, keys: list[str], *arguments: RedisArg
    ) -> Any:
        """Run a script, and register the host, in one pipeline if it is no cluster."""
        if self.client.is_cluster:
            result = self.run(script, keys, *arguments)
            self._run_scripts((REGISTER_SCRIPT, [REGISTRY_KEY], (name, entry)))
            return result
        write = (script, [self.keys.lease, *keys], (self.token, LEASE_MS, *arguments))
        register = (REGISTER_SCRIPT, [REGISTRY_KEY, self.keys.lease], (name, entry, self.token))
        return self._check_results(self._run_scripts(write, register)[0])

    def _run_scripts(self, *calls: ScriptCall) -> list[Any]:
        """Return the result of each script.

        Sends their digests first, because the scripts are more than half of the bytes of an append. If Redis
        lacks one, all are sent as text; each may run twice.
        """
        results = self._send("evalsha", calls)
        if any(isinstance(result, NoScriptError) for result in results):
            results = self._send("eval", calls)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return results

    def _send(self, verb: str, calls: Sequence[ScriptCall]) -> list[Any]:
        connection = self.client.connection
        if len(calls) == 1:
            try:
                return [_send_call(connection, verb, calls[0])]
            except ResponseError as error:
                return [error]
        pipe = connection.pipeline(transaction=False)
        for call in calls:
            _send_call(pipe, verb, call)
        # An error that the pipeline raises would contain all that was sent.
        results: list[Any] = pipe.execute(raise_on_error=False)
        return results

    def _check_results(self, result: Any) -> Any:
        if result[0] == b"lost":
            raise StoreLockedError("another collector now writes for this host name")
        return result

    def run_commands(self, *commands: tuple[RedisArg, ...]) -> None:
        """Run commands in one transaction. Each has its only key after its name."""
        keys = list(dict.fromkeys(str(command[1]) for command in commands))
        arguments: list[RedisArg] = []
        for command in commands:
            arguments += [len(command), *command]
        self.run(MULTI_COMMAND_SCRIPT, keys, self.forget_ms, *arguments)


def _send_call(connection: Connection, verb: str, call: ScriptCall) -> Any:
    script, keys, arguments = call
    text = script if verb == "eval" else _digest(script)
    return getattr(connection, verb)(text, len(keys), *keys, *arguments)


@cache
def _digest(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
