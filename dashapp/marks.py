"""Marks: a program or a person names what happens now, such as a deployment.

For example:

    dashapp.mark("deploy 1.4")          python -m dashapp mark "deploy 1.4"

Like `push`, a call puts the mark into a queue and returns. A thread sends it to the server of DASHAPP_URL and
DASHAPP_PUSH_TOKEN, and retries for a minute. The command waits for the server; its exit status is 1 if that
did not accept the mark.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dashapp.client import PushClient, PushTransport, UnavailableError, describe

MAX_CHARS = 200
USAGE = 'usage: dashapp mark "deploy 1.4"'


class _Mark(NamedTuple):
    """A mark in the queue. `time` is in epoch seconds."""

    time: float
    text: str

    def __str__(self) -> str:
        return f'the mark "{self.text}"'


class _MarkTransport(PushTransport):
    def send_once(self, mark: _Mark) -> None:
        """Send a mark now, and report why the server rejects it. Raise UnavailableError."""
        try:
            self._send({mark: None}, set())
        finally:
            self._close()

    def encode(self, values: Mapping[Any, Any]) -> bytes:
        entries = [{"event": mark.text, "t": mark.time} for mark in values]
        return json.dumps(entries, ensure_ascii=False).encode()


class MarkClient(PushClient):
    """The queue and the thread for the marks of a process."""

    def mark(self, text: str) -> None:
        """Mark this moment in all charts. Takes microseconds and raises nothing.

        `text`: 1 to 200 printable characters; line breaks count as spaces.
        """
        try:
            problem = _problem(text)
            if problem:
                self._log_once(problem, f"{problem}; the mark is dropped")
                return
            self._queue.append((_Mark(round(time.time(), 3), " ".join(text.split())), None, time.monotonic()))
            if self._thread is None:
                self._start()
            if self._idle:
                self._idle = False
                self._wake.put(None)
        except Exception as error:
            # A mark must not disturb the program.
            self._log_error(error, "the mark is dropped")

    def _make_transport(self) -> PushTransport:
        return _MarkTransport(os.environ, self._log_once)


def _problem(text: object) -> str:
    """Return what is wrong with a text, empty if nothing is."""
    expected = f"expected 1 to {MAX_CHARS} printable characters such as deploy 1.4"
    if not isinstance(text, str):
        return f"the mark is {type(text).__name__}; {expected}"
    if not (words := " ".join(text.split())) or not words.isprintable() or len(text) > MAX_CHARS:
        return f"the mark is {describe(text)}; {expected}"
    return ""


def send_mark(argv: Sequence[str]) -> tuple[int, str]:
    """Send one mark for the command line; return the exit status and a message.

    The status is 0 if the server has the mark, 1 if not, and 2 for wrong arguments.
    """
    if len(argv) != 1:
        return 2, USAGE
    if argv[0] in ("-h", "--help"):
        return 0, USAGE
    if problem := _problem(argv[0]):
        return 2, problem
    problems: list[str] = []
    transport = _MarkTransport(os.environ, lambda _subject, message: problems.append(message))
    if not problems:
        try:
            transport.send_once(_Mark(round(time.time(), 3), " ".join(argv[0].split())))
        except UnavailableError as error:
            problems.append(f"the server does not take the mark: {error}")
    return (1, problems[0]) if problems else (0, "")


_client = MarkClient()
mark = _client.mark
