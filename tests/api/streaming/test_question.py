"""The ids of events, and questions that are the same."""

from __future__ import annotations

import time

import pytest
from authenticated_app import filled
from hypothesis import given
from hypothesis import strategies as st

from dashapp.api.frame_builder import Answer, FrameBuilder
from dashapp.api.streaming.question import (
    MAX_CACHED_CHARS,
    MAX_ID_LENGTH,
    QuestionCache,
    decode_id,
    encode_event,
    encode_id,
    event_cursors,
    parse_question,
)
from dashapp.model.ticks import BadRequestError, Cursor

CURSORS = st.builds(
    Cursor,
    st.text("0123456789abcdef", min_size=16, max_size=16),
    st.integers(0, 10**14),
    st.integers(0, 10**9),
    st.integers(0, 10**12),
    st.integers(0, 10**9),
).map(Cursor.encode)
TEXTS = st.one_of(CURSORS, st.just(""), st.just("incomplete"))


@given(st.lists(TEXTS, min_size=1, max_size=16))
def test_id_has_all_cursors(cursors: list[str]) -> None:
    text = encode_id(tuple(cursors))
    assert decode_id(text) == tuple(cursors)
    assert len(text) <= MAX_ID_LENGTH
    assert event_cursors(encode_event(Answer(b"{}", True, tuple(cursors)))) == tuple(cursors)


@given(st.text(max_size=200))
def test_forged_id_is_text_without_a_meaning(text: str) -> None:
    assert all(isinstance(cursor, str) for cursor in decode_id(text))
    assert decode_id("x" * (MAX_ID_LENGTH + 1)) == ()


@pytest.fixture
def builder() -> FrameBuilder:
    return FrameBuilder(filled(), window=100, interval=1, max_window=7200, clock=time.time)


def test_questions_are_equal_without_their_cursors(builder: FrameBuilder) -> None:
    first, cursors = parse_question(builder, "window=20&after=a.1")
    other, others = parse_question(builder, "after=b.2&window=20")
    assert first == other
    assert hash(first) == hash(other)
    assert (cursors, others) == (("a.1",), ("b.2",))
    assert parse_question(builder, "window=21")[0] != first
    several, three = parse_question(builder, "q=window%3D20%26after%3Da.1&q=window%3D20&q=after%3Dc.3")
    assert three == ("a.1", "", "c.3")
    assert several == parse_question(builder, "q=window%3D20&q=window%3D20&q=")[0]
    # The data of one is a frame, and of the other a list of frames.
    assert parse_question(builder, "q=window%3D20")[0] != first


@pytest.mark.parametrize(
    "query", ["from=1", "window=5", "nothing=1", "metrics=nothing", "q=a&window=20", "processes=1"]
)
def test_invalid_question_is_rejected(builder: FrameBuilder, query: str) -> None:
    with pytest.raises(BadRequestError):
        parse_question(builder, query)


def test_range_of_the_past_among_several_queries_is_an_error_in_its_place(builder: FrameBuilder) -> None:
    question, _ = parse_question(builder, f"q=window%3D20&q=from%3D{1000 * int(time.time() - 60)}")
    answer = question.answer(builder, ("", ""), 0.0, filled().snapshot())
    assert b'"error":"a stream has no end' in answer.body
    assert answer.cursors[0]
    assert answer.cursors[1] == ""


def test_cache_of_questions_is_bounded_by_their_length(builder: FrameBuilder) -> None:
    """Each page of a host had a cache: 256 questions of 55 kB occupied 64 MB in each."""
    cache = QuestionCache()
    names = ",".join(f"{'m' * 110}{number}" for number in range(64))
    texts = [f"window={60 + number}&like={names}" for number in range(3 * MAX_CACHED_CHARS // 7000)]
    for text in texts:
        assert cache.parse(builder, text)[0] == parse_question(builder, text)[0]
        assert sum(cache.find(builder, each) is not None for each in texts) * len(
            text
        ) <= MAX_CACHED_CHARS + len(text)
    assert cache.find(builder, texts[-1]) is not None
    assert cache.find(builder, texts[0]) is None


def test_questions_of_pages_are_apart(builder: FrameBuilder) -> None:
    cache = QuestionCache()
    other = FrameBuilder(filled(), window=50, interval=1, max_window=7200, clock=time.time)
    (ours, _), (theirs, _) = cache.parse(builder, ""), cache.parse(other, "")
    assert [question.queries[0].window for question in (ours, theirs)] == [100, 50]  # type: ignore[union-attr]
