"""Memory of dashapp's processes during a soak, and whether it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

import psutil

SAMPLE_INTERVAL_S = 2.0


class MemorySampler:
    """Samples the largest resident set of each part, with its time."""

    def __init__(self, parts: dict[str, Callable[[], Sequence[psutil.Process]]]) -> None:
        self._samples: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
        self._parts = parts
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def peaks_mb(self, name: str) -> list[float]:
        """Return the peak of each third of the time, in MB."""
        samples = self._samples[name]
        if not samples:
            return [0.0, 0.0, 0.0]
        first, last = samples[0][0], samples[-1][0]
        thirds: list[list[float]] = [[0.0], [0.0], [0.0]]
        for sampled_at, size in samples:
            thirds[min(2, int(3 * (sampled_at - first) / max(1e-9, last - first)))].append(size)
        return [max(third) / 1e6 for third in thirds]

    def peak(self, name: str) -> tuple[float, float]:
        """Return the epoch seconds and the bytes of the largest sample."""
        at, size = max(self._samples[name], key=lambda sample: sample[1], default=(time.monotonic(), 0.0))
        return time.time() - time.monotonic() + at, size

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_INTERVAL_S):
            for name, processes in self._parts.items():
                try:
                    size = max(process.memory_info().rss for process in processes())
                except (psutil.Error, ValueError):
                    continue  # it is just restarting
                self._samples[name].append((time.monotonic(), size))
