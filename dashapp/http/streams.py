"""Event streams: responses that stay open and get an event with each tick.

The bridge in `asgi.py` runs an application in a thread or in its event loop. Nothing may block there. With
these keys of the environ the application sees which of them it is, and what the bridge offers.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping
from threading import Lock
from typing import Any, Protocol

from dashapp.process.signals import run_before_loop_stops
from dashapp.process.threads import start_thread

log = logging.getLogger("dashapp")

Message = Mapping[str, Any]
Send = Callable[[Any], Awaitable[None]]

# The path of streams, below the root or a host.
STREAM_PATH = "/api/stream"

# True if the request runs in the event loop.
IN_EVENT_LOOP = "dashapp.in_event_loop"
# True if the server can send a StreamBody.
CAN_STREAM = "dashapp.can_stream"
# True if the request began in the event loop and was counted there.
IS_REPEATED = "dashapp.is_repeated"
# A key and a function. The function may block, and returns whether clients with this key may still read.
STILL_ALLOWED = "dashapp.still_allowed"

# Events that wait for a slow client. With one more, its stream ends: the client resumes from its cursor.
MAX_WAITING_EVENTS = 2
# Seconds between two checks whether clients may still read.
ACCESS_CHECK_INTERVAL_S = 2.5

Access = tuple[Hashable, Callable[[], bool]]

_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class WouldBlockError(Exception):
    """A request in the event loop can block. The bridge repeats it in a thread."""


def may_block(environ: Mapping[str, Any]) -> None:
    """Call this before anything that can block. WouldBlockError in the event loop."""
    if environ.get(IN_EVENT_LOOP):
        raise WouldBlockError


def event_message(data: bytes) -> Message:
    """Return the message of an event. All clients can share it."""
    return {"type": "http.response.body", "body": data, "more_body": True}


class EventStream:
    """The stream of one client. All methods run in its event loop, `loop`."""

    __slots__ = ("_send", "_waiting", "access", "is_closed", "loop")

    def __init__(self, send: Send, loop: asyncio.AbstractEventLoop, access: Access | None = None) -> None:
        self.loop = loop
        self.access = access
        self.is_closed = False
        self._send = send
        # None if the client has read all events so far.
        self._waiting: list[Message] | None = None

    def deliver(self, message: Message) -> None:
        """Send an event, keep it while the client reads slowly, or close the stream of one too slow."""
        if self.is_closed:
            return
        if self._waiting is None:
            self._pass_on(message)
        elif len(self._waiting) < MAX_WAITING_EVENTS:
            self._waiting.append(message)
        else:
            self.close()

    def keep_alive(self, message: Message) -> None:
        """Send a comment, unless the client has something else to read."""
        if not self.is_closed and self._waiting is None:
            self._pass_on(message)

    def close(self) -> None:
        """End the stream after the events that were sent. The next call of `receive` then returns."""
        if not self.is_closed:
            self.is_closed = True
            self._pass_on(_END)

    def _pass_on(self, message: Message) -> None:
        sending = self._send(message)
        # Granian has queued the message already, unless its queue is full. Other servers return a coroutine.
        if asyncio.isfuture(sending) or asyncio.iscoroutine(sending):
            if self._waiting is None:
                self._waiting = []
            asyncio.ensure_future(sending, loop=self.loop).add_done_callback(self._continue)

    def _continue(self, sent: asyncio.Future[None]) -> None:
        if sent.cancelled() or sent.exception() is not None:
            self.is_closed = True
        waiting, self._waiting = self._waiting, None
        for position, message in enumerate(waiting or ()):
            if self.is_closed:
                return
            self._pass_on(message)
            if self._waiting is not None:
                self._waiting += (waiting or [])[position + 1 :]
                return


def close_streams(streams: Iterable[EventStream]) -> None:
    """Close streams from any thread.

    Each event loop is woken once. A wakeup for each of many streams would fill the pipe that wakes the loop,
    and a signal that comes then would be lost.
    """
    streams_of: dict[asyncio.AbstractEventLoop, list[EventStream]] = {}
    for stream in streams:
        streams_of.setdefault(stream.loop, []).append(stream)
    for loop, those in streams_of.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_close_all, those)


def _close_all(streams: Iterable[EventStream]) -> None:
    for stream in streams:
        stream.close()


class ClosableParts(Protocol):
    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class StreamBody(ABC, Iterable[bytes]):
    """The body of a response that the bridge sends as a stream.

    `first` are the bytes of its first event. All methods run in the event loop.
    """

    def __init__(self, first: bytes) -> None:
        self.first = first
        # A large first event in parts, each to send when the client has read those before it. Its `close`
        # returns a place in the limit of large responses.
        self.parts: ClosableParts | None = None
        # The value of STILL_ALLOWED in the environ of the request.
        self.access: Access | None = None

    def __iter__(self) -> Iterator[bytes]:
        raise TypeError("only the bridge sends the body of a stream")

    @abstractmethod
    def start(self, stream: EventStream) -> None:
        """Begin to deliver the later events to `stream`."""

    @abstractmethod
    def close(self) -> None:
        """Stop to deliver events, and return the place in the limits. Also called without `start`."""


class OpenStreams:
    """The open streams of this process.

    It closes those whose clients may no longer read, and all when the server stops.
    """

    def __init__(self, check_interval: float = ACCESS_CHECK_INTERVAL_S) -> None:
        self._check_interval = check_interval
        self._streams: dict[EventStream, None] = {}
        self._lock = Lock()
        self._is_checking = False
        self._handles_signals = False
        self.is_stopping = False

    def __len__(self) -> int:
        return len(self._streams)

    def add(self, stream: EventStream) -> None:
        self._handle_signals(stream.loop)
        with self._lock:
            self._streams[stream] = None
            if stream.access is not None and not self._is_checking:
                self._is_checking = True
                start_thread("dashapp stream access", self._check_access)
        if self.is_stopping:
            stream.close()

    def discard(self, stream: EventStream) -> None:
        with self._lock:
            self._streams.pop(stream, None)

    def close(self) -> None:
        """Close all streams, each between two events; the server stops."""
        self.is_stopping = True
        with self._lock:
            streams = [*self._streams]
        close_streams(streams)

    def _check_access(self) -> None:
        """Check until no stream needs it."""
        while True:
            threading.Event().wait(self._check_interval)
            groups: dict[Hashable, tuple[Callable[[], bool], list[EventStream]]] = {}
            with self._lock:
                for stream in self._streams:
                    if stream.access is not None:
                        key, check = stream.access
                        groups.setdefault(key, (check, []))[1].append(stream)
                if not groups:
                    self._is_checking = False
                    return
            for check, streams in groups.values():
                if not check():
                    close_streams(streams)

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the streams at the signals that end a server, which waits for open responses."""
        if self._handles_signals or threading.current_thread() is not threading.main_thread():
            return
        self._handles_signals = True
        run_before_loop_stops(loop, self.close)
