"""Training runs: a program logs numbers by step, and never waits or fails because of it.

For example:

    with dashapp.run("resnet", lr=0.01) as run:
        for step in range(1000):
            run.log(loss=train(), step=step)

`log` has the signature of wandb.Run.log. Like `push` it puts the values into a queue. A thread sends the
newest value of each metric with its step, at most ten times a second, to the server of DASHAPP_URL and
DASHAPP_PUSH_TOKEN.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from dashapp.client import MAX_DEPTH, PushClient, PushTransport, describe

# Seconds between two signs of life; the server takes a run without one for 60 seconds as lost.
HEARTBEAT_S = 15.0
# As on the server.
MAX_NAME_LENGTH, MAX_METRIC_LENGTH = 64, 120
MAX_CONFIG_ENTRIES, MAX_CONFIG_CHARS = 100, 200
# Fewer than on the server, which counts a decimal point in whole numbers.
MAX_CONFIG_JSON_CHARS = 15_000
MAX_VALUE = 1e300
RUNNING, FINISHED, FAILED = "running", "finished", "failed"


class Run:
    """A run of this process.

    Forked and spawned processes can log to it too, but only this one ends it.

    `config`: a dict that the page shows; later changes to it count.
    """

    def __init__(
        self, name: str, config: dict[str, Any], run_id: str, started: float, owner: int | None
    ) -> None:
        """`started`: epoch seconds. `owner`: the id of the process that ends the run, if known."""
        self.name = name
        self.config = config
        self.id = run_id
        self.state = RUNNING
        self.error = ""
        self.started = started
        self._owner = owner
        self._step = 0.0

    @property
    def step(self) -> int | float:
        """The step of the next `log` without one."""
        return int(self._step) if self._step.is_integer() else self._step

    def log(
        self,
        data: Mapping[str, Any] | None = None,
        step: float | None = None,
        commit: bool | None = None,
        **metrics: Any,
    ) -> None:
        """Log values of one step. Takes microseconds and raises nothing.

        `data`: names with numbers, also nested: {"val": {"f1": 0.8}} is val.f1. Booleans are 1 and 0; numbers
        of numpy and tensors with one element count as numbers. `step`: a number that never falls; without it,
        each call is the next step. `commit`: False if the next call belongs to the same step.
        """
        try:
            self._log(data, step, commit, metrics)
        except Exception as error:
            # An invalid value must not disturb the training.
            _client.warn(type(error).__name__, f"{self}: log failed: {type(error).__name__}: {error!s:.200}")

    def _log(self, data: Any, step: Any, commit: Any, metrics: dict[str, Any]) -> None:
        if self.state != RUNNING:
            sentence = f"{self} has {self.state}; its values are dropped; begin another run"
            _client.warn(f"{self} ended", sentence)
            return
        if data is None:
            values = metrics
        elif isinstance(data, str) or not callable(getattr(data, "items", None)):
            _client.warn(
                f"{self} data",
                f"{self}: data is {describe(data)}; expected names with numbers, such as {{'loss': 0.3}}",
            )
            values = metrics
        else:
            values = {**data, **metrics}
        if "step" in values:
            inner_step = values["step"]
            values = {name: value for name, value in values.items() if name != "step"}
            step = inner_step if step is None else step
        if step is not None:
            number = to_number(step)
            if number is None or number < 0 or isinstance(step, bool):
                _client.warn(
                    f"{self} step",
                    f"{self}: step is {describe(step)}; expected a number of at least 0, such as step=100; "
                    "the values are dropped",
                )
                return
            if number < self._step:
                _client.warn(
                    f"{self} falls",
                    f"{self}: step is {number:g} after {self._step:g}; expected a step that does not fall; "
                    "the values are dropped",
                )
                return
            self._step = number
        for name, value in values.items():
            if type(value) is float and name.__class__ is str and abs(value) <= MAX_VALUE:
                _client.add(self, name, value)
            else:
                self._add(name, value, 1)
        _client.wake()
        # As in W&B: a call with a step leaves it open, so that further calls can add to it.
        if commit or (commit is None and step is None):
            self._step += 1

    def _add(self, name: Any, value: Any, depth: int) -> None:
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str):
            _client.warn(f"{self} {describe(name)}", f"{self}: {describe(name)} is not a name; expected text")
        elif callable(getattr(value, "items", None)) and depth < MAX_DEPTH:
            for part, inner in value.items():
                self._add(f"{name}.{part}", inner, depth + 1)
        elif (number := to_number(value)) is None:
            hint = f"; set run.config[{name!r:.40}] for text" if isinstance(value, str) else ""
            sentence = f"{self}: {name:.80} is {describe(value)}; expected a finite number"
            _client.warn(f"{self} {name}", f"{sentence}; the value is dropped{hint}")
        else:
            _client.add(self, name, number)

    def finish(self, exit_code: int | None = None, error: BaseException | str | None = None) -> None:
        """End the run: failed with an `error` or an `exit_code` other than 0, otherwise finished."""
        if self.state != RUNNING or self._owner != os.getpid():
            return
        if error is None and exit_code:
            error = f"exit code {exit_code!r:.20}"
        if error is not None:
            self.error = (error if isinstance(error, str) else type(error).__name__)[:MAX_CONFIG_CHARS]
        self.state = FINISHED if error is None else FAILED
        _client.announce(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # sys.exit() and sys.exit(0) are no failures.
        self.finish(error=None if isinstance(error, SystemExit) and not error.code else error)

    def __reduce__(self) -> tuple[Any, ...]:
        """A process that receives the run logs to it, but does not end it."""
        return Run, (self.name, self.config, self.id, self.started, None)

    def __repr__(self) -> str:
        return f"run {self.name}"


class _Key(NamedTuple):
    """A metric of a run in the queue; without a name, the state of the run."""

    run: Run
    name: str

    def __str__(self) -> str:
        return f"{self.run}: {self.name or 'its description'}"


class _RunTransport(PushTransport):
    """Sends values with their runs and steps, and signs of life of the runs in `states`.

    A value is a number and its step. A state is None, and the state with its error: what the run was when it
    was queued, so that the end of a run follows its last values.
    """

    def __init__(self, states: dict[Run, tuple[str, str]], *args: Any) -> None:
        super().__init__(*args)
        self._states = states
        # The configuration that the server has accepted, and the time.
        self._accepted: dict[Run, tuple[dict[str, Any], float]] = {}

    def send(self, values: Mapping[Any, Any]) -> tuple[set[Any], float]:
        all_values = dict(values)
        self._states |= {key.run: value[1] for key, value in values.items() if not key.name}
        for run, state in self._states.items():
            config, accepted_at = self._accepted.get(run, ({}, float("-inf")))
            if time.monotonic() - accepted_at >= HEARTBEAT_S or config != run.config:
                all_values.setdefault(_Key(run, ""), (None, state))
        done, pause = super().send(all_values)
        for key in [key for key in done if not key.name]:
            self._accepted[key.run] = dict(key.run.config), time.monotonic()
            if all_values[key][1][0] != RUNNING:
                self._states.pop(key.run, None)
        return done & values.keys(), pause

    def encode(self, values: Mapping[Any, Any]) -> bytes:
        entries: dict[tuple[Run, Any], dict[str, Any]] = {}
        for (run, name), (number, step) in values.items():
            description: dict[str, Any] = {"id": run.id, "name": run.name}
            if name:
                entry = {"run": description, "step": step, "metrics": {}}
                entries.setdefault((run, step), entry)["metrics"][name] = number
            else:
                state, error = step
                description |= {"state": state, "error": error, "config": _encodable(run.config)}
                description["age"] = max(0.0, time.time() - run.started)
                entries[run, step] = {"run": description, "metrics": {}}
        return json.dumps([*entries.values()], ensure_ascii=False).encode()


class RunClient(PushClient):
    """The queue and the thread for the runs of a process."""

    idle_timeout_s = HEARTBEAT_S

    def _reset(self) -> None:
        super()._reset()
        # Those that this process owns and has not ended; a forked process owns none of its parent's.
        self._states: dict[Run, tuple[str, str]] = {}
        self._owned: list[Run] = []

    def add(self, run: Run, name: str, number: float) -> None:
        if not (0 < len(name) <= MAX_METRIC_LENGTH and name.isprintable() and not name.startswith("step:")):
            self.warn(
                f"{run} {describe(name)}",
                f"{run}: {describe(name)} is not a name; "
                f"expected 1 to {MAX_METRIC_LENGTH} printable characters",
            )
            return
        if len(self._queue) == self._queue.maxlen:
            self.dropped += 1
        self._queue.append((_Key(run, name), (number, run._step), time.monotonic()))

    def wake(self) -> None:
        """Let the thread send what is new."""
        if self._thread is None:
            self._start()
        if self._idle:
            self._idle = False
            self._wake.put(None)

    def warn(self, subject: str, message: str) -> None:
        """Log a message, once per subject."""
        self._log_once(subject, message)

    def announce(self, run: Run) -> None:
        """Send the state of a run, after the values that precede it."""
        if run.state == RUNNING:
            self._owned.append(run)
        elif run in self._owned:
            self._owned.remove(run)
        self._queue.append((_Key(run, ""), (None, (run.state, run.error)), time.monotonic()))
        self.wake()

    def _make_transport(self) -> PushTransport:
        return _RunTransport(self._states, os.environ, self._log_once)

    def _exit(self) -> None:
        """End the runs that the program did not end, and send the last values."""
        for run in list(self._owned):
            run.finish(error=_uncaught_error())
        super()._exit()


def _uncaught_error() -> BaseException | None:
    """Return the exception that ends this program; None in a notebook, which survives it."""
    if "ipykernel" in sys.modules or hasattr(sys, "ps1"):
        return None
    error = getattr(sys, "last_value", None)
    return error if isinstance(error, BaseException) else None


def to_number(value: Any) -> float | None:
    """Return a finite number as a float; None for anything else.

    `.item()` gives the number of a tensor.

    >>> to_number(3), to_number(True), to_number(float("nan")), to_number("3")
    (3.0, 1.0, None, None)
    """
    if isinstance(value, str | bytes | bytearray):
        return None
    try:
        if not isinstance(value, int | float) and callable(getattr(value, "item", None)):
            value = value.item()
        number = float(value)
    except Exception:
        return None
    return number if abs(number) <= MAX_VALUE else None


def _encodable(config: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a configuration that JSON can hold: nested names with dots, other values as text.

    Beyond the limits of the server, the rest is missing.
    """
    entries: dict[str, Any] = {}
    free_chars = MAX_CONFIG_JSON_CHARS
    for name, value in _flat(config, "", 1):
        name = _printable(name)
        size = len(json.dumps({name: value}))
        if name and len(entries) < MAX_CONFIG_ENTRIES and size <= free_chars:
            entries[name] = value
            free_chars -= size
    return entries


def _flat(config: Mapping[Any, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in list(config.items()):
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from _flat(value, f"{path}.", depth + 1)
        else:
            yield path, _plain(value)


def _plain(value: Any) -> str | int | float | bool | None:
    """Return a number as it is, and the text of anything that is none."""
    try:
        if callable(getattr(value, "item", None)):
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float) and abs(value) <= MAX_VALUE:
            return value
        return _printable(str(value))
    except Exception:
        return f"of type {type(value).__name__}"


def _printable(text: str) -> str:
    text = " ".join("".join(char if char.isprintable() else " " for char in text[:1000]).split())
    return text if len(text) <= MAX_CONFIG_CHARS else text[: MAX_CONFIG_CHARS - 1] + "…"


def run(name: str, /, config: Any = None, **parameters: Any) -> Run:
    """Begin a run; use it in a `with` block, or call its `finish`.

    `name`: 1 to 64 printable characters. If another run has that name, the page shows this one as NAME-2.
    `config` (a dict, or the result of argparse) and `parameters` are its configuration, which the page shows.
    TypeError or ValueError if an argument is wrong.
    """
    if not isinstance(name, str):
        raise TypeError(f'run has the name {describe(name)}; expected text, such as run("resnet")')
    if not (name.strip() and len(name) <= MAX_NAME_LENGTH and name.isprintable()):
        raise ValueError(
            f"run has the name {describe(name)}; expected 1 to {MAX_NAME_LENGTH} printable characters, "
            'such as run("resnet")'
        )
    if config is not None and not isinstance(config, Mapping):
        if not hasattr(config, "__dict__") or isinstance(config, type) or callable(config):
            raise TypeError(f"config is {describe(config)}; expected a dict, such as config={{'lr': 0.01}}")
        config = vars(config)
    new_run = Run(
        name.strip(), {**(config or {}), **parameters}, os.urandom(8).hex(), time.time(), os.getpid()
    )
    _client.announce(new_run)
    return new_run


_client = RunClient()
