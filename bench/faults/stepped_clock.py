"""Steps of the clock that all processes of a dashapp see, and no other process."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from dashapp.collector import clock

# Seconds of a step after which the log's time only runs slow, and of a longer one.
SHORT_S, LONG_S = (2.0, 20.0), (120.0, 1800.0)
# Seconds for which a step lasts.
HOLD_S = (1.0, 6.0)
# Only this clock follows a long step back at once. Another one would run slow for hours.
FOLLOWS_LONG_STEPS = hasattr(clock, "LogClock")


class SteppedClock:
    """`shifted` has the real start and end in seconds of each long step, and its size."""

    def __init__(self, path: Path, random: Random) -> None:
        self.shifted: list[tuple[float, float, float]] = []
        self._path = path
        self._random = random
        self._path.write_bytes(struct.pack("d", 0.0))

    def environ(self) -> dict[str, str]:
        """Return the variables for the processes."""
        folder = str(Path(__file__).with_name("clock"))
        inherited = os.environ.get("PYTHONPATH")
        return {
            "SOAK_CLOCK": str(self._path),
            "PYTHONPATH": folder + (os.pathsep + inherited if inherited else ""),
        }

    def step(self, direction: int) -> None:
        """Set the clock forward (1) or back (-1), and right again."""
        is_long = FOLLOWS_LONG_STEPS and self._random.random() < 0.5
        size = direction * round(self._random.uniform(*(LONG_S if is_long else SHORT_S)))
        with self._shift(size):
            time.sleep(self._random.uniform(*HOLD_S))

    def is_wrong(self, time_ms: int) -> bool:
        """Whether a tick with this time may be from a long step."""
        return any(start - 2 <= time_ms / 1000 - size <= end + 2 for start, end, size in self.shifted)

    def is_moved(self, time_ms: int) -> bool:
        """Whether the time of an alert may be corrected after a long step, or be wrong before."""
        seconds = time_ms / 1000
        return any(start - 2 <= seconds <= end + 2 for start, end, _ in self.shifted) or self.is_wrong(
            time_ms
        )

    @contextmanager
    def _shift(self, size: float) -> Iterator[None]:
        start = time.time()
        self._write(size)
        try:
            yield
        finally:
            self._write(0.0)
            if abs(size) > SHORT_S[1]:
                self.shifted.append((start, time.time(), size))

    def _write(self, size: float) -> None:
        # In place and at once, because the processes have mapped the file.
        with self._path.open("r+b", buffering=0) as file:
            file.write(struct.pack("d", size))
