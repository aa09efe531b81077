"""Delivers each new tick of a page to all its streams.

One thread waits for the tick. It builds the bytes once for all readers with the same question and cursors,
and hands them to the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from threading import Event, Lock

from dashapp.api.frame_builder import FrameBuilder, time_of_response
from dashapp.api.streaming.question import Cursors, StreamQuestion, encode_event
from dashapp.http.large_responses import MAX_WHOLE_BYTES
from dashapp.http.streams import EventStream, Message, close_streams, event_message
from dashapp.model.ticks import BadRequestError, Cursor
from dashapp.process.threads import start_thread
from dashapp.stores.base import Reader

log = logging.getLogger("dashapp")

# Seconds without an event after which a stream gets a comment, which proxies and clients take as a sign of
# life. Its length makes the connection move enough bytes: see http/connections.py.
KEEP_ALIVE_S = 10.0
KEEP_ALIVE = event_message(b": " + b"no new tick".ljust(140, b".") + b"\n\n")
# Seconds between two looks for a tick: shortly after it is due, later, and for a tick that is overdue.
SHORT_PAUSE_S, PAUSE_S, LONG_PAUSE_S = 0.005, 0.02, 0.1
SHORTLY_S, OVERDUE_S = 0.1, 3.0
# The longest pause, after which the thread looks whether something else is due.
MAX_PAUSE_S = 1.0


class _Bucket:
    """Streams whose readers have the same question and the same cursors.

    `newest`: the newest tick that they have. `cost`: seconds to build their last event.
    """

    __slots__ = ("cost", "cursors", "loop", "newest", "question", "sent_at", "streams")

    def __init__(
        self, question: StreamQuestion, cursors: Cursors, newest: Cursor, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.question = question
        self.cursors = cursors
        self.newest = newest
        self.loop = loop
        self.cost = 0.0
        self.sent_at = time.monotonic()
        self.streams: dict[EventStream, None] = {}

    @property
    def key(self) -> tuple[object, ...]:
        return (self.question, self.cursors, self.newest, self.loop)


class TickStreams:
    """The streams of one page. `clock`: epoch seconds, by which its ticks are recent."""

    def __init__(self, store: Reader, builder: FrameBuilder, clock: Callable[[], float]) -> None:
        self._store = store
        self._builder = builder
        self._clock = clock
        self._buckets: dict[tuple[object, ...], _Bucket] = {}
        self._bucket_of: dict[EventStream, _Bucket] = {}
        self._lock = Lock()
        self._wake = Event()
        self._is_running = False

    def subscribe(
        self, stream: EventStream, question: StreamQuestion, cursors: Cursors, newest: Cursor
    ) -> None:
        """Deliver what comes after `cursors`. `newest`: the newest tick that the reader has."""
        new = _Bucket(question, cursors, newest, stream.loop)
        with self._lock:
            bucket = self._buckets.setdefault(new.key, new)
            bucket.streams[stream] = None
            self._bucket_of[stream] = bucket
            if not self._is_running:
                self._is_running = True
                start_thread("dashapp streams", self._run)
        if bucket is new:
            self._wake.set()

    def unsubscribe(self, stream: EventStream) -> None:
        with self._lock:
            bucket = self._bucket_of.pop(stream, None)
            if bucket is not None:
                del bucket.streams[stream]
                if not bucket.streams:
                    self._buckets.pop(bucket.key, None)

    def _run(self) -> None:
        """Deliver ticks until no stream is left."""
        while True:
            self._wake.clear()
            newest = self._store.newest()
            with self._lock:
                buckets = [*self._buckets.values()]
                if not buckets:
                    self._is_running = False
                    return
            # A remote store that is not loaded looks empty.
            if self._store.is_loaded and any(bucket.newest != newest for bucket in buckets):
                self._deliver_tick(buckets)
            now = time.monotonic()
            for bucket in buckets:
                if now - bucket.sent_at >= KEEP_ALIVE_S:
                    bucket.sent_at = now
                    self._send([*bucket.streams], bucket.loop, KEEP_ALIVE, EventStream.keep_alive)
            self._wake.wait(self._pause(newest))

    def _deliver_tick(self, buckets: Sequence[_Bucket]) -> None:
        """Send an event to all readers that lack the newest tick, those of a quick answer first."""
        snapshot = self._store.snapshot()
        now = time_of_response(snapshot.cursor, self._clock())[1]
        for bucket in sorted(buckets, key=lambda bucket: bucket.cost):
            if bucket.newest == snapshot.cursor:
                continue
            start = time.monotonic()
            try:
                answer = bucket.question.answer(self._builder, bucket.cursors, now, snapshot)
            except BadRequestError:
                # The readers get the sentence when they ask again.
                self._end(bucket)
                continue
            except Exception:
                # Of one question; the readers of the others get their tick.
                log.exception("the answer to a stream failed")
                self._end(bucket)
                continue
            event = encode_event(answer)
            if len(event) > MAX_WHOLE_BYTES:
                # The server would copy it for each reader. They get it when they ask again, a few at a time.
                self._end(bucket)
                continue
            message = event_message(event)
            with self._lock:
                self._buckets.pop(bucket.key, None)
                bucket.cursors, bucket.newest = answer.cursors, snapshot.cursor
                # Not those that join now: they have this tick.
                streams = [*bucket.streams]
                self._join(bucket)
            bucket.sent_at = time.monotonic()
            bucket.cost = bucket.sent_at - start
            self._send(streams, bucket.loop, message)

    def _end(self, bucket: _Bucket) -> None:
        """Close the streams of a bucket. A slow client may stay, but needs no answer."""
        streams = [*bucket.streams]
        for stream in streams:
            self.unsubscribe(stream)
        close_streams(streams)

    def _join(self, bucket: _Bucket) -> None:
        """Enter a bucket under its new cursors, together with the readers who are there already."""
        if not bucket.streams:
            return
        other = self._buckets.get(bucket.key)
        self._buckets[bucket.key] = bucket
        if other is not None and other is not bucket:
            bucket.streams.update(other.streams)
            self._bucket_of.update(dict.fromkeys(other.streams, bucket))

    def _send(
        self,
        streams: Sequence[EventStream],
        loop: asyncio.AbstractEventLoop,
        message: Message,
        send: Callable[[EventStream, Message], None] = EventStream.deliver,
    ) -> None:
        if loop.is_closed():
            for stream in streams:
                self.unsubscribe(stream)
        else:
            loop.call_soon_threadsafe(_send_all, streams, message, send)

    def _pause(self, newest: Cursor) -> float:
        """Return seconds until the next look for a tick."""
        tick = self._store.snapshot().newest
        late = self._clock() - newest.time_ms / 1000 - (tick.step if tick else 1.0)
        if late < 0:
            return min(-late, MAX_PAUSE_S)
        return SHORT_PAUSE_S if late < SHORTLY_S else PAUSE_S if late < OVERDUE_S else LONG_PAUSE_S


def _send_all(
    streams: Sequence[EventStream], message: Message, send: Callable[[EventStream, Message], None]
) -> None:
    for stream in streams:
        send(stream, message)
