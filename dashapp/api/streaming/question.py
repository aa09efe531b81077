"""The question of a stream: the queries that each event answers.

Readers with the same question and the same cursors get the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from dashapp.api.frame_builder import MAX_QUERIES_PER_REQUEST, Answer, FrameBuilder
from dashapp.api.params import MAX_CURSOR_LENGTH, TicksQuery
from dashapp.model.ticks import BadRequestError
from dashapp.stores.base import Snapshot

Cursors = tuple[str, ...]

NO_RANGE = "a stream has no end, so from and to cannot be set; request /api/ticks"
# In an event's id, a cursor that equals the one before it is empty. This stands for no cursor.
NO_CURSOR = "-"
# Questions in the cache of a process, and characters of their queries. Parsed, a query takes some times as
# much.
MAX_CACHED_QUESTIONS, MAX_CACHED_CHARS = 256, 1 << 20
MAX_ID_LENGTH = MAX_QUERIES_PER_REQUEST * (MAX_CURSOR_LENGTH + 1)


@dataclass(frozen=True)
class StreamQuestion:
    """`text` identifies it. `is_single`: as of /api/ticks, otherwise several as of /api/frames."""

    text: str
    is_single: bool
    queries: Sequence[TicksQuery | BadRequestError] = field(compare=False)

    def answer(self, builder: FrameBuilder, cursors: Cursors, now: float, snapshot: Snapshot) -> Answer:
        """Return what readers at `cursors` lack at `snapshot`. `now`: epoch seconds."""
        queries = [
            query if isinstance(query, BadRequestError) else replace(query, after=cursor)
            for query, cursor in zip(self.queries, cursors, strict=True)
        ]
        if self.is_single and isinstance(queries[0], TicksQuery):
            return builder.ticks(queries[0], None, now, snapshot)
        return builder.frames(queries, now, snapshot)


class QuestionCache:
    """The parsed questions of all pages of a process. It is emptied when it is full."""

    def __init__(self) -> None:
        self._questions: dict[tuple[FrameBuilder, str], tuple[StreamQuestion, Cursors]] = {}
        self._chars = 0

    def find(self, builder: FrameBuilder, query: str) -> tuple[StreamQuestion, Cursors] | None:
        return self._questions.get((builder, query))

    def parse(self, builder: FrameBuilder, query: str) -> tuple[StreamQuestion, Cursors]:
        """Return the result of `parse_question`. BadRequestError if the query is invalid."""
        found = self.find(builder, query)
        if found is None:
            found = parse_question(builder, query)
            self._chars += len(query)
            if len(self._questions) >= MAX_CACHED_QUESTIONS or self._chars > MAX_CACHED_CHARS:
                self._questions, self._chars = {}, len(query)
            self._questions[builder, query] = found
        return found


def parse_question(builder: FrameBuilder, query: str) -> tuple[StreamQuestion, Cursors]:
    """Parse a query of /api/ticks or of /api/frames, and the cursors in it.

    BadRequestError if the query is invalid.
    """
    is_single = not query.startswith("q=")
    queries: Sequence[TicksQuery | BadRequestError]
    queries = [builder.parse(query)] if is_single else builder.parse_several(query)
    queries = [
        BadRequestError(NO_RANGE) if isinstance(each, TicksQuery) and each.time_range else each
        for each in queries
    ]
    if is_single and isinstance(error := queries[0], BadRequestError):
        raise error
    cursors = tuple(each.after if isinstance(each, TicksQuery) else "" for each in queries)
    texts = [query] if is_single else [text for _, text in parse_qsl(query, keep_blank_values=True)]
    question = StreamQuestion("\n".join(map(_without_cursor, texts)), is_single, queries)
    return question, cursors


def encode_event(answer: Answer) -> bytes:
    """Return an event: its id is the cursors of its frames.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    return b"id:%s\ndata:%s\n\n" % (encode_id(answer.cursors).encode(), answer.body)


def encode_id(cursors: Cursors) -> str:
    """Return the id of an event.

    >>> encode_id(("a.1", "a.1", "", "b.2"))
    'a.1,,-,b.2'
    """
    previous: str | None = None
    parts = []
    for cursor in cursors:
        parts.append("" if cursor == previous else cursor or NO_CURSOR)
        previous = cursor
    return ",".join(parts)


def decode_id(text: str) -> Cursors:
    """Return the cursors in the id of an event; none if it is no id of ours.

    >>> decode_id("a.1,,-,b.2")
    ('a.1', 'a.1', '', 'b.2')
    """
    if not text or len(text) > MAX_ID_LENGTH:
        return ()
    cursors: list[str] = []
    for part in text.split(","):
        cursors.append("" if part == NO_CURSOR else part if part or not cursors else cursors[-1])
    return tuple(cursors)


def event_cursors(event: bytes) -> Cursors:
    """Return the cursors of an event of `encode_event`."""
    return decode_id(event[3 : event.index(b"\n")].decode())


def _without_cursor(query: str) -> str:
    return urlencode([pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "after"])
