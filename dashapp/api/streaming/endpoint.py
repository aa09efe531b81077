"""`GET /api/stream`: the response that begins a stream, or the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from dashapp.api.frame_builder import FrameBuilder
from dashapp.api.streaming.question import (
    MAX_ID_LENGTH,
    Cursors,
    QuestionCache,
    StreamQuestion,
    decode_id,
    encode_event,
    event_cursors,
)
from dashapp.api.streaming.tick_streams import TickStreams
from dashapp.http.concurrency import CLIENT_KEY, ConcurrencyLimit
from dashapp.http.responses import CachedResponse, error_response
from dashapp.http.streams import EventStream, StreamBody, may_block
from dashapp.http.types import StartResponse
from dashapp.model.ticks import Cursor
from dashapp.stores.base import Snapshot

# Streams of one process, and those of one client: a page has one for each visible tab.
MAX_STREAMS, MAX_STREAMS_PER_CLIENT = 3000, 32
# Characters of an Accept header that count: those of 64 KiB take the event loop 12 ms.
MAX_ACCEPT_LENGTH = 1000
# Milliseconds until a browser connects again.
RETRY = b"retry:1000\n"
STREAM_HEADERS = (
    ("content-type", "text/event-stream"),
    ("cache-control", "no-store"),
    # nginx collects a response otherwise. https://nginx.org/en/docs/http/ngx_http_proxy_module.html
    ("x-accel-buffering", "no"),
)
# In responses to polls: the page may open a stream.
OFFER_HEADER = ("x-stream", "1")

NOT_OFFERED = "this server has no streams; request /api/ticks again and again"
NOT_ACCEPTED = "a stream has the type text/event-stream, which the Accept header excludes"
TOO_MANY_OF_CLIENT = f"more than {MAX_STREAMS_PER_CLIENT} streams are open from this address; close one"
TOO_MANY = "too many streams are open; retry later, or request /api/ticks again and again"
RETRY_AFTER_S = 30

# Returns the response with the first event for a key of `first_event`, and the newest tick in it.
FindResponse = Callable[[dict[str, Any], str], tuple[CachedResponse, Cursor]]


class StreamEndpoint:
    """Answers requests for the streams of one page.

    `limit` and `questions` are those of all streams of this process.
    """

    def __init__(
        self,
        builder: FrameBuilder,
        streams: TickStreams,
        limit: ConcurrencyLimit,
        questions: QuestionCache,
        find: FindResponse,
    ) -> None:
        self._builder = builder
        self._streams = streams
        self._limit = limit
        self._find = find
        self._questions = questions

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if not accepts_events(environ.get("HTTP_ACCEPT", "")):
            return error_response(start_response, "406 Not Acceptable", NOT_ACCEPTED)
        client: str = environ.get(CLIENT_KEY, "")
        # Before the work, and once more after it: others may have taken the last place.
        if not self._limit.is_free(client):
            return self._reject(client, start_response)
        last_id: str = environ.get("HTTP_LAST_EVENT_ID", "")
        key = f"{environ.get('QUERY_STRING', '')}\n{last_id if len(last_id) <= MAX_ID_LENGTH else ''}"
        response, newest = self._find(environ, key)
        if response.status != "200 OK" or environ["REQUEST_METHOD"] == "HEAD":
            start_response(response.status, [*response.headers])
            return [response.body]
        if self._questions.find(self._builder, key.partition("\n")[0]) is None:
            # Others have filled the cache meanwhile, and parsing takes up to 20 ms.
            may_block(environ)
        question, _ = self._question(key)
        if not self._limit.acquire(client):
            return self._reject(client, start_response)
        start_response(response.status, [*response.headers])
        place = partial(self._limit.release, client)
        return _TickStreamBody(response.body, self._streams, question, newest, place)

    def first_event(self, key: str, now: float, snapshot: Snapshot) -> CachedResponse:
        """Build the first event of a stream. BadRequestError if the query is invalid.

        `key`: its query, a line end, and the id of the last event that its reader has.
        """
        question, cursors = self._question(key)
        event = encode_event(question.answer(self._builder, cursors, now, snapshot))
        return CachedResponse("200 OK", event, None, "", STREAM_HEADERS, STREAM_HEADERS)

    def _question(self, key: str) -> tuple[StreamQuestion, Cursors]:
        query, _, last_id = key.partition("\n")
        question, cursors = self._questions.parse(self._builder, query)
        known = decode_id(last_id)
        return question, known if len(known) == len(cursors) else cursors

    def _reject(self, client: str, start_response: StartResponse) -> Iterable[bytes]:
        is_own = self._limit.is_free("")
        status, sentence = (
            ("429 Too Many Requests", TOO_MANY_OF_CLIENT) if is_own else ("503 Service Unavailable", TOO_MANY)
        )
        return error_response(start_response, status, sentence, ("retry-after", str(RETRY_AFTER_S)))


class _TickStreamBody(StreamBody):
    """The events of one reader. `leave` returns its place."""

    def __init__(
        self,
        event: bytes,
        streams: TickStreams,
        question: StreamQuestion,
        newest: Cursor,
        leave: Callable[[], None],
    ) -> None:
        super().__init__(RETRY + event)
        self._cursors = event_cursors(event)
        self._streams = streams
        self._question = question
        self._newest = newest
        self._leave = leave
        self._stream: EventStream | None = None

    def start(self, stream: EventStream) -> None:
        self._stream = stream
        self._streams.subscribe(stream, self._question, self._cursors, self._newest)

    def close(self) -> None:
        if self._stream is not None:
            self._streams.unsubscribe(self._stream)
        self._leave()


def accepts_events(accept: str) -> bool:
    """Return whether an Accept header allows event streams.

    >>> [accepts_events(text) for text in ("", "text/event-stream", "text/*;q=0.5", "application/json")]
    [True, True, True, False]
    """
    accept = accept[:MAX_ACCEPT_LENGTH].strip() or "*/*"
    for part in accept.split(","):
        kind, _, parameters = part.replace(" ", "").lower().partition(";")
        is_excluded = re.fullmatch(r"q=0(\.0*)?", parameters) is not None
        if kind in ("*/*", "text/*", "text/event-stream") and not is_excluded:
            return True
    return False
