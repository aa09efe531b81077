"""A program as a source: `exec:./script.sh?every=30` reads its output like standard input."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

from dashapp.model.ticks import Metric, SourceError
from dashapp.process.threads import start_thread
from dashapp.sources.external.programs.command import Command
from dashapp.sources.external.programs.run import ProcessGuard, run_program
from dashapp.sources.external.text.line_reader import MAX_LINE_BYTES
from dashapp.sources.external.text.stream_parser import GENERAL_PROBLEM, INPUT_NAME, TextParser
from dashapp.sources.external.text.text_metrics import MAX_NAMES, TextMetrics
from dashapp.sources.external.text.values import Values
from dashapp.sources.polling import VALID_INTERVALS, regular_pauses
from dashapp.sources.rejection import excerpt

GRACE_S = 0.5


class ProgramSource:
    """Runs `command` in a thread, from the first reading on, and never twice at a time.

    The values of a run stay until the next one must have ended; then there is a gap. A run that fails has
    none.
    """

    def __init__(
        self,
        command: Command,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.name = f"exec {command.name}"
        self.unique_name = f"exec.{command.name}"
        self.reading_count = 0
        self.status_message = ""
        self._command = command
        self._clock = clock
        self._pause = pause
        self._guard = ProcessGuard()
        self._parser = TextParser()
        self._metrics = TextMetrics(f"exec.{command.name}", f"exec-{command.name}", self.name)
        self._result: tuple[float, Mapping[Metric, float]] | None = None
        self._failure = self._thread_failure = ""
        self._valid_s = max(VALID_INTERVALS * command.every, command.every + command.timeout) + GRACE_S
        self._thread: Thread | None = None

    def read(self) -> Mapping[Metric, float]:
        """Return the values of the last run; raises SourceError if it failed."""
        if self._thread is None:
            self._thread = start_thread(f"source {self.name}", self._run, self._set_thread_failure)
        if self._failure:
            raise SourceError(self._failure)
        if self._result is None:
            return {}
        start, values = self._result
        if (age := self._clock() - start) > self._valid_s:
            reason = self._thread_failure or f"it is due every {self._command.every:g} s"
            raise SourceError(f"{self.name} has not run for {age:.0f} s: {reason}")
        return values

    def run_once(self) -> None:
        """Run the program now, and keep its values or its failure."""
        start = self._clock()
        try:
            output = run_program(self._command.argv, self._command.timeout, self._guard)
        except SourceError as error:
            self._result, self._failure = None, f"{self.name} {error}"
        else:
            self.status_message = ""
            self._result, self._failure = (start, self._parse(output)), ""
        self.reading_count += 1

    def close(self) -> None:
        """End the program."""
        self._guard.close()

    def _set_thread_failure(self, sentence: str) -> None:
        self._thread_failure = sentence

    def _run(self) -> None:
        for seconds in regular_pauses(self._command.name, self._command.every, self._clock):
            self._pause(seconds)
            self.run_once()
            self._thread_failure = ""

    def _parse(self, output: bytes) -> Mapping[Metric, float]:
        """Return the numbers of a run, and set the message about what was not read."""
        values: Values = {}
        problems: list[str] = []
        for line in [*output.splitlines(), b""]:
            if len(line) > MAX_LINE_BYTES:
                problems.append(f"{GENERAL_PROBLEM}, such as one of more than {MAX_LINE_BYTES:,} bytes")
                continue
            text = line.decode(errors="surrogateescape").replace("\udcb0", "°")
            values |= self._parser.values(text) or {}
            if self._parser.problem:
                problems.append(self._parser.problem)
                self._parser.problem = ""
        values |= self._parser.flush()
        self._metrics.keep(values)
        accepted: dict[Metric, float] = {}
        for name, quantity in values.items():
            if self._metrics.accept(name, quantity):
                accepted[self._metrics[name]] = quantity.value
        if self._metrics.problem:
            problems.append(self._metrics.problem)
            self._metrics.problem = ""
        if len(values) > MAX_NAMES:
            problems.append(f"{self.name} has more than {MAX_NAMES} names; later ones are ignored")
        if not values and not problems:
            begin = excerpt(output.strip().partition(b"\n")[0])
            problems.append(
                f'{self.name} printed no number; it begins with "{begin}"'
                if begin
                else f"{self.name} printed nothing"
            )
        # The sentences of the parser are about standard input.
        self.status_message = problems[0].replace(INPUT_NAME, self.name) if problems else ""
        return accepted


def make_source(rest: str, interval: float, **options: Any) -> ProgramSource:
    """Return the source of a program; raises ValueError if it cannot be run."""
    return ProgramSource(Command.parse(rest, options))
