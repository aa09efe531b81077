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
INTERVAL_S, TIMEOUT_S = 0.2, 2.0
METRIC = "memory.percent"
WINDOW = 100


class Observer:
    """Follows the ticks of one metric by cursor.

    `shown`: the times of all ticks so far, in milliseconds. `duplicates`: the times of ticks that a cursor
    returned again, or out of order. `failures`: requests without a valid response in time. `last_response`:
    the last frame or failure, for a message.
    """

    def __init__(self, port: int) -> None:
        self.shown: set[int] = set()
        self.duplicates: list[int] = []
        self.responses = self.failures = self.resets = 0
        self.last_response = ""
        self._port = port
        self._cursor = ""
        self._last = 0
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def newest(self) -> int:
        return self._last

    def close(self) -> None:
        self._stop.set()
        self._thread.join(TIMEOUT_S + 5)

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            try:
                frame = self._request_frame()
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures += 1
                self.last_response = repr(error)
            else:
                self.responses += 1
                self._record(frame)
                self.last_response = str(frame)[:1000]

    def _request_frame(self) -> dict[str, Any]:
        path = f"/api/ticks?window={WINDOW}&metrics={METRIC}&after={self._cursor}"
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise OSError(f"status {response.status}")
            frame: dict[str, Any] = json.loads(body)
            return frame

    def _record(self, frame: dict[str, Any]) -> None:
        self._cursor = frame["cursor"]
        values = frame["y"].get(METRIC, [])
        # The time of a gap is not the time of a tick.
        times = [t for t, value in zip(frame["t"], values, strict=bool(values)) if value is not None]
        if frame["reset"]:
            self.resets += 1
            self._last = 0
        for time in times:
            if time <= self._last:
                self.duplicates.append(time)
            self._last = max(self._last, time)
            self.shown.add(time)
