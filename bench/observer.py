"""A reader that follows by cursor through every fault, and records each tick it receives.

A tick in a response is acknowledged: the store must keep it for ever, once.
"""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from threading import Event, Thread
from typing import Any

# Seconds between two requests, and their timeout; then the metric and the window of a request.
PACE, PATIENCE = 0.2, 2.0
METRIC = "memory.percent"
WINDOW = 100


class Observer:
    """Follows the ticks of one metric by cursor.

    `shown`: the times of all ticks so far, in milliseconds. `twice`: the times of ticks that a cursor
    returned again, or out of order. `failures`: requests without a valid response in time.
    """

    def __init__(self, port: int) -> None:
        self.shown: set[int] = set()
        self.twice: list[int] = []
        self.answers = self.failures = self.resets = 0
        self._port = port
        self._cursor = ""
        self._last = 0
        self._end = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def newest(self) -> int:
        return self._last

    def close(self) -> None:
        self._end.set()
        self._thread.join(PATIENCE + 5)

    def _run(self) -> None:
        while not self._end.wait(PACE):
            try:
                frame = self._ask()
            except (OSError, http.client.HTTPException, ValueError):
                self.failures += 1
            else:
                self.answers += 1
                self._take(frame)

    def _ask(self) -> dict[str, Any]:
        path = f"/api/ticks?window={WINDOW}&metrics={METRIC}&after={self._cursor}"
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise OSError(f"status {answer.status}")
            frame: dict[str, Any] = json.loads(body)
            return frame

    def _take(self, frame: dict[str, Any]) -> None:
        self._cursor = frame["cursor"]
        values = frame["y"].get(METRIC, [])
        # The time of a gap is not the time of a tick.
        times = [t for t, value in zip(frame["t"], values, strict=bool(values)) if value is not None]
        if frame["reset"]:
            self.resets += 1
            self._last = 0
        for time in times:
            if time <= self._last:
                self.twice.append(time)
            self._last = max(self._last, time)
            self.shown.add(time)
