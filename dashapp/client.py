"""Pushing: how a program gives its numbers to dashapp, without ever waiting for it or failing by it.

    import dashapp
    dashapp.push("loss", 0.31)          dashapp.push({"loss": 0.31, "train.accuracy": 0.9})

DASHAPP_URL says where to (http://127.0.0.1:8050), DASHAPP_PUSH_TOKEN by what right. A call leaves its values
in a queue and returns; a thread sends the newest of each name ten times a second. Standard library alone.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import time
from collections import deque
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, SupportsFloat

from dashapp.sender import Sender

log = logging.getLogger("dashapp")

# Values that wait to be sent, and names among them: the oldest gives way.
MOST, MOST_NAMES = 10_000, 1000
# Seconds after which a value that could not be sent is no news.
STALE = 60.0
# Seconds between two requests, and that the end of the program waits for the last.
PACE, FAREWELL = 0.1, 2.0
LONGEST_NAME = 200
# Sentences logged at the most, each once.
MOST_TOLD = 100


class Pusher:
    """One for a process; any of its threads push. `dropped` counts values that were never sent."""

    def __init__(self) -> None:
        self._registered = False
        self._told: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        """Nothing waits and no thread sends: at first, and in a process that was forked."""
        # Neither takes a lock of Python's: a signal handler or a finaliser may push in the middle of a push.
        self._queue: deque[tuple[str, float, float]] = deque(maxlen=MOST)
        self._wake: SimpleQueue[Event | None] = SimpleQueue()
        self._asleep = False
        self._starting = Lock()
        self._thread: Thread | None = None
        self.dropped = 0

    def push(self, metrics: str | Mapping[str, SupportsFloat], value: SupportsFloat | None = None) -> None:
        """One value by its name, or several. Takes microseconds, and raises nothing."""
        try:
            if isinstance(metrics, str):
                self._add(metrics, value)
            else:
                for name, each in metrics.items():
                    self._add(name, each)
            if self._thread is None:
                self._start()
            if self._asleep:
                self._asleep = False
                self._wake.put(None)
        except Exception as error:
            # Whatever is wrong with what is pushed, the program that pushes has better to do.
            self._tell(type(error).__name__, f"a push is left out: {type(error).__name__}: {error!s:.200}")

    def flush(self, seconds: float = FAREWELL) -> bool:
        """Wait until what was pushed is sent, or was tried in vain. False where that takes longer."""
        if self._thread is None:
            return not self._queue
        tried = Event()
        self._wake.put(tried)
        return tried.wait(seconds)

    def _add(self, name: Any, value: Any) -> None:
        if not (isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()):
            sentence = f"{name!r:.80} is no name; expected 1 to {LONGEST_NAME} printable characters"
            self._tell(f"{name!r:.80}", sentence)
        elif isinstance(value, bool | str | bytes) or not math.isfinite(number := float(value)):
            self._tell(name, f"{name} is {value!r:.80}; expected a finite number, so this one is left out")
        else:
            if len(self._queue) == MOST:
                self.dropped += 1
            self._queue.append((name, number, time.monotonic()))

    def _start(self) -> None:
        starting = self._starting  # a fork puts another in its place
        if not starting.acquire(blocking=False):
            return  # another thread is at it
        try:
            if self._thread is not None:
                return  # it was, until a moment ago
            if not self._registered:
                self._registered = True
                atexit.register(self.flush)
                if hasattr(os, "register_at_fork"):
                    os.register_at_fork(after_in_child=self._begin)
            thread = Thread(target=self._run, name="dashapp.push", daemon=True)
            thread.start()
            self._thread = thread
        finally:
            # Where the system has no thread to give, the next push asks again.
            starting.release()

    def _run(self) -> None:
        sender = Sender(os.environ, self._tell)
        waiting: dict[str, tuple[float, float]] = {}
        due = 0.0
        while True:
            asked = self._sleep(due if waiting else None)
            self._collect(waiting)
            try:
                done, pause = sender.send({name: value for name, (value, _) in waiting.items()})
            except Exception as error:
                # A thread that ends here would never be missed.
                done, pause = set(), STALE
                self._tell(type(error).__name__, f"pushing fails: {type(error).__name__}: {error!s:.200}")
            for name in done:
                del waiting[name]
            due = time.monotonic() + max(PACE, pause)
            for tried in asked:
                tried.set()

    def _sleep(self, due: float | None) -> list[Event]:
        """Till `due`, or for a push where it is None, or till somebody wants what waits to be tried."""
        # Set before the queue is looked at, which is filled before this is: no push is slept over.
        self._asleep = due is None
        if due is None and self._queue:
            due, self._asleep = time.monotonic() + PACE, False
        while True:
            left = None if due is None else due - time.monotonic()
            if left is not None and left <= 0:
                return []
            try:
                tried = self._wake.get(timeout=left)
            except Empty:
                return []
            if tried is not None:
                return [tried]
            if due is None:
                due = time.monotonic() + PACE

    def _collect(self, waiting: dict[str, tuple[float, float]]) -> None:
        """Move what was pushed into `waiting`, the newest of each name, and drop what is no news."""
        while self._queue:
            name, value, at = self._queue.popleft()
            waiting.pop(name, None)  # the newest to the end
            waiting[name] = value, at
        # The oldest come first.
        stale = sum(time.monotonic() - at > STALE for _, at in waiting.values())
        for name in list(waiting)[: max(stale, len(waiting) - MOST_NAMES)]:
            del waiting[name]
            self.dropped += 1

    def _tell(self, about: str, sentence: str) -> None:
        """Log it, once about each thing."""
        if about not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(about)
            log.warning("%s", sentence)


_pusher = Pusher()
push = _pusher.push
