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

    def acquire(self, yields: bool = False) -> None:
        """Acquire the lease. `yields`: not if it is free, as the previous writer goes first."""
        connection = self.client.connection
        # Read it before taking it: a frozen Redis would run the script later, when its client is gone.
        holder = connection.get(self.keys.lease)
        if holder is None and yields:
            raise StoreLockedError("Redis was away; whoever wrote before that goes first")
        holder = holder or connection.eval(ACQUIRE_LEASE_SCRIPT, 1, self.keys.lease, self.token, LEASE_MS)
        if holder != self.token.encode():
            process = (holder or b"?").partition(b"-")[0].decode(errors="replace")
            raise StoreLockedError(f"another collector (process {process}) already writes there by this name")

    def release(self) -> None:
        self.client.connection.eval(RELEASE_LEASE_SCRIPT, 1, self.keys.lease, self.token)

    def run(self, script: str, keys: list[str], *words: RedisArg) -> Any:
        """Return the result of a script that begins by checking the lease."""
        keys = [self.keys.lease, *keys]
        return self._check_results(self._run_scripts((script, keys, (self.token, LEASE_MS, *words)))[0])

    def append_and_register(
        self, name: str, said: str, script: str, keys: list[str], *words: RedisArg
    ) -> Any:
        """Run a script, and register the host, in one pipeline if it is no cluster."""
        if self.client.is_cluster:
            answer = self.run(script, keys, *words)
            self._run_scripts((REGISTER_SCRIPT, [REGISTRY_KEY], (name, said)))
            return answer
        write = (script, [self.keys.lease, *keys], (self.token, LEASE_MS, *words))
        register = (REGISTER_SCRIPT, [REGISTRY_KEY, self.keys.lease], (name, said, self.token))
        return self._check_results(self._run_scripts(write, register)[0])

    def _run_scripts(self, *runs: ScriptCall) -> list[Any]:
        """Return the result of each script.

        Sends their digests first, because the scripts are more than half of the bytes of an append. If Redis
        lacks one, all are sent as text; each may run twice.
        """
        answers = self._send("evalsha", runs)
        if any(isinstance(each, NoScriptError) for each in answers):
            answers = self._send("eval", runs)
        for each in answers:
            if isinstance(each, Exception):
                raise each
        return answers

    def _send(self, verb: str, runs: Sequence[ScriptCall]) -> list[Any]:
        connection = self.client.connection
        if len(runs) == 1:
            try:
                return [_send_call(connection, verb, runs[0])]
            except ResponseError as error:
                return [error]
        pipe = connection.pipeline(transaction=False)
        for run in runs:
            _send_call(pipe, verb, run)
        # An error that the pipeline raises would contain all that was sent.
        answers: list[Any] = pipe.execute(raise_on_error=False)
        return answers

    def _check_results(self, answer: Any) -> Any:
        if answer[0] == b"lost":
            raise StoreLockedError("another collector writes by this name now")
        return answer

    def run_commands(self, *commands: tuple[RedisArg, ...]) -> None:
        """Run commands in one transaction. Each has its only key after its name."""
        keys = list(dict.fromkeys(str(command[1]) for command in commands))
        words: list[RedisArg] = []
        for command in commands:
            words += [len(command), *command]
        self.run(MULTI_COMMAND_SCRIPT, keys, self.forget_ms, *words)


def _send_call(connection: Connection, verb: str, run: ScriptCall) -> Any:
    script, keys, words = run
    said = script if verb == "eval" else _digest(script)
    return getattr(connection, verb)(said, len(keys), *keys, *words)


@cache
def _digest(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
