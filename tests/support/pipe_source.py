"""A stdin source that reads a pipe, with its own clock, and sample output of vmstat."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from clocks import FakeClock
from waiting import wait_for

from dashapp.sources.external.stdin import StdinSource

VMSTAT = """procs -----------memory---------- ---swap--
 r  b   swpd   free   buff  cache   si   so
 3  0      0 215677  26712 161841    4    5
procs -----------memory---------- ---swap--
 r  b   swpd   free   buff  cache   si   so
 2  1      0 215670  26712 161841    0    0
"""


class Piped:
    """A source that reads a pipe, to which a test writes, with its own clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._reading, self._writing = os.pipe()
        self.source = StdinSource(1.0, self._reading, None, self.clock.monotonic, self.clock.wall)

    def write(self, text: str | bytes) -> None:
        self.source.read()
        data = text.encode() if isinstance(text, str) else text
        while data:
            data = data[os.write(self._writing, data) :]

    def values(self) -> Mapping[str, float]:
        return {metric.key: value for metric, value in self.source.read().items()}

    def said(self, word: str) -> bool:
        return wait_for(lambda: word in self.source.status_message)

    def end(self) -> Mapping[str, float]:
        """Close the pipe and return the values after everything was read."""
        self.source.read()
        self.close()
        self.said("ended")
        return self.values()

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._writing)
        self._writing = -1
