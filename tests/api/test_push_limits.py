"""Push limits: a request is stored whole, or rejected with one error message."""

from __future__ import annotations

import io
from threading import Event, Semaphore, Thread
from typing import Any

import pytest
from push_pipeline import NOW, PushPipeline, many, refused
from waiting import PATIENCE_S, wait_for

from dashapp.api.push import MAX_BODY_BYTES, MAX_VALUES_PER_REQUEST
from dashapp.http.request_body import MAX_CONCURRENT_BODIES, BodyReader, RequestBodyError
from dashapp.sources.push import MAX_NAME_LENGTH


@pytest.fixture
def pipeline() -> PushPipeline:
    return PushPipeline()


BAD_VALUES: list[tuple[str, str]] = [
    ("NaN", "nan"),
    ("Infinity", "inf"),
    ("-Infinity", "-inf"),
    ("1e400", "inf"),
    ("-1e400", "-inf"),
    ("1e301", "1e+301"),
    ("9" * 5000, "inf"),
    ('"0.31"', "text"),
    ('""', "text"),
    ("null", "null"),
    ("[1]", "a list"),
    ('{"a": 1}', "an object"),
]


@pytest.mark.parametrize(("text", "problem"), BAD_VALUES)
@pytest.mark.parametrize("listed", [False, True])
def test_push_rejects_request_with_invalid_value(
    pipeline: PushPipeline, text: str, problem: str, listed: bool
) -> None:
    entry = f'{{"metrics": {{"good": 1, "b<a>d": {text}, "other": 2}}}}'
    body = f'[{{"metrics": {{"first": 1}}}}, {entry}]' if listed else entry
    sentence = refused(pipeline, body.encode())
    assert f'"b<a>d" is {problem}; expected a' in sentence
    assert sentence.startswith("entry 2: ") == listed


def test_push_stores_true_as_1_and_false_as_0(pipeline: PushPipeline) -> None:
    """As functions, standard input and dashapp.push do."""
    answer = pipeline.push(b'{"metrics": {"up": true, "failed": false}}')
    assert answer.status == 200
    assert pipeline.tick() == {"up": 1, "failed": 0}


BAD_NAMES = [
    "",
    " ",
    " a",
    "a ",
    "a\nb",
    "a\0b",
    "a\u2028b",
    "\ud800",
    "x" * (MAX_NAME_LENGTH + 1),
    "é" * (MAX_NAME_LENGTH + 1),
    "a,b",
    "__proto__",
    "constructor",
    "toString",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_push_rejects_invalid_name(pipeline: PushPipeline, name: str) -> None:
    assert "is not a valid name" in refused(pipeline, {"metrics": {"good": 1, name: 1}})


GOOD_NAMES = [
    "x",
    "x" * MAX_NAME_LENGTH,
    "😀" * MAX_NAME_LENGTH,
    "<script>alert(1)</script>",
    "a b",
    "日本",
    '"\\',
    "%00",
    "..",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_push_accepts_unusual_name_unchanged(pipeline: PushPipeline, name: str) -> None:
    assert pipeline.push({"metrics": {name: -0.5}}).status == 200
    assert pipeline.tick() == {name: -0.5}
    assert pipeline.store.metrics()[0].label == name


BAD_BODIES: list[tuple[bytes, str]] = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"loss=0.31", "not JSON"),
    (b"\xff\xfe", "not UTF-8"),
    (b"\xef\xbb\xbf{}", "not JSON"),
    (b"[" * 60_000, "nested too deep"),
    (b"7", "the entry is a number"),
    (b"null", "the entry is null"),
    (b'"text"', "the entry is text"),
    (b"{}", "no values"),
    (b"[]", "no values"),
    (b"[{}, {}]", "no values"),
    (b'{"metrics": {}}', "no values"),
    (b'{"metrics": [1]}', "metrics is a list"),
    (b'{"metrics": null}', "metrics is null"),
    (b'{"loss": 1}', '"loss" is not a known key'),
    (b'{"metrics": {"a": 1}, "tags": {}}', '"tags" is not a known key'),
    (b'[{"metrics": {"a": 1}}, 7]', "entry 2: the entry is a number"),
    (b'[[{"metrics": {"a": 1}}]]', "entry 1: the entry is a list"),
]


@pytest.mark.parametrize(("body", "problem"), BAD_BODIES)
def test_push_rejects_invalid_body(pipeline: PushPipeline, body: bytes, problem: str) -> None:
    assert problem in refused(pipeline, body)


@pytest.mark.parametrize(
    "t", [NOW, NOW - 60, NOW + 60, int(NOW), NOW * 1000, (NOW - 60) * 1000, NOW * 1000 + 60_000]
)
def test_push_accepts_time_near_now(pipeline: PushPipeline, t: float) -> None:
    assert pipeline.push({"metrics": {"a": 1}, "t": t}).status == 200


FAR_MS = str(1000 * NOW + 60_001)
NO_TIMES = ["NaN", "1e400", "9" * 400, '"now"', "null", "true", "[]", "{}"]


@pytest.mark.parametrize(
    "t",
    ["0", "-1", "1", "4102444800", "4102444800000", str(NOW - 60.01), str(NOW + 60.01), FAR_MS, *NO_TIMES],
)
def test_push_rejects_time_far_from_now(pipeline: PushPipeline, t: str) -> None:
    sentence = refused(pipeline, f'[{{"metrics": {{"a": 1}}}}, {{"metrics": {{"b": 1}}, "t": {t}}}]'.encode())
    assert sentence.startswith("entry 2: t is ")
    assert "60 seconds" in sentence
    assert f"{NOW:.0f}" in sentence


def test_push_limits_values_per_request(pipeline: PushPipeline) -> None:
    assert pipeline.push({"metrics": many(MAX_VALUES_PER_REQUEST)}).json == {
        "accepted": MAX_VALUES_PER_REQUEST
    }
    assert pipeline.tick() == many(MAX_VALUES_PER_REQUEST)
    assert str(MAX_VALUES_PER_REQUEST) in refused(pipeline, {"metrics": many(MAX_VALUES_PER_REQUEST + 1)})
    half = many(MAX_VALUES_PER_REQUEST // 2)
    assert pipeline.push([{"metrics": half}, {"metrics": half}]).json == {
        "accepted": MAX_VALUES_PER_REQUEST // 2
    }
    pipeline.tick()
    assert str(MAX_VALUES_PER_REQUEST) in refused(
        pipeline, [{"metrics": half}, {"metrics": half}, {"metrics": {"m.0": 1}}]
    )


def sized(size: int) -> bytes:
    body = b'{"metrics": {"a": 1}}'
    return body + b" " * (size - len(body))


def test_push_limits_body_bytes(pipeline: PushPipeline) -> None:
    assert pipeline.push(sized(MAX_BODY_BYTES)).status == 200
    pipeline.tick()
    assert str(MAX_BODY_BYTES) in refused(pipeline, sized(MAX_BODY_BYTES + 1), 413)


class Stream(io.BytesIO):
    """A stream that records the size of each read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.counts: list[int] = []

    def read(self, count: int | None = -1) -> bytes:
        self.counts.append(-1 if count is None else count)
        return super().read(count)


@pytest.mark.parametrize(
    ("content_length", "data", "terminated", "outcome"),
    [
        ("5", b"hello", True, b"hello"),
        ("5", b"hello, and the next request", False, b"hello"),
        ("5", b"hell", True, "400"),
        ("0", b"hello", False, b""),
        ("", b"hello", True, b"hello"),
        ("", b"hello", False, b""),
        (None, b"hello", True, b"hello"),
        (None, b"x" * 10, True, b"x" * 10),
        (None, b"x" * 11, True, "413"),
        (None, b"x" * 1_000_000, True, "413"),
        ("10", b"x" * 10, True, b"x" * 10),
        ("11", b"x" * 11, True, "413"),
        ("9" * 19, b"x", True, "413"),
        ("9" * 5000, b"x", True, "400"),
        ("-1", b"x", True, "400"),
        ("+1", b"x", True, "400"),
        ("1.0", b"x", True, "400"),
        ("x", b"x", True, "400"),
        ("²", b"x", True, "400"),
    ],
)
def test_body_reader_limits_read_for_any_content_length(
    content_length: str | None, data: bytes, terminated: bool, outcome: bytes | str
) -> None:
    stream = Stream(data)
    environ: dict[str, Any] = {"wsgi.input": stream, "wsgi.input_terminated": terminated}
    if content_length is not None:
        environ["CONTENT_LENGTH"] = content_length
    if isinstance(outcome, bytes):
        assert BodyReader(10).read(environ) == outcome
    else:
        with pytest.raises(RequestBodyError) as caught:
            BodyReader(10).read(environ)
        assert caught.value.status[:3] == outcome
    assert all(0 <= count <= 11 for count in stream.counts)


def test_push_rejects_compressed_body(pipeline: PushPipeline) -> None:
    assert pipeline.push(b"\x1f\x8b", content_encoding="gzip").status == 415


def test_body_reader_limits_concurrent_bodies() -> None:
    class Slow:
        """A body that blocks until `ended` is set; `asked` counts the threads that wait for it."""

        def __init__(self) -> None:
            self.asked, self.ended = Semaphore(0), Event()

        def read(self, count: int) -> bytes:
            self.asked.release()
            self.ended.wait(PATIENCE_S)
            return b"hello"

    bodies, slow, got = BodyReader(10), Slow(), list[bytes]()
    environ = {"CONTENT_LENGTH": "5", "wsgi.input": slow}
    waiting = [Thread(target=lambda: got.append(bodies.read(environ))) for _ in range(MAX_CONCURRENT_BODIES)]
    for thread in waiting:
        thread.start()
        assert slow.asked.acquire(timeout=PATIENCE_S)
    with pytest.raises(RequestBodyError) as caught:
        bodies.read({"CONTENT_LENGTH": "5", "wsgi.input": io.BytesIO(b"hello")})
    assert caught.value.status[:3] == "503"
    slow.ended.set()
    for thread in waiting:
        thread.join(PATIENCE_S)
    assert got == [b"hello"] * MAX_CONCURRENT_BODIES
    assert bodies.read({"CONTENT_LENGTH": "5", "wsgi.input": io.BytesIO(b"hello")}) == b"hello"


def test_bodies_are_parsed_one_at_a_time(pipeline: PushPipeline) -> None:
    """Six large ones together delayed every other request."""
    pipeline.app._parsing.acquire()
    answers: list[int] = []
    pushes = [
        Thread(target=lambda: answers.append(pipeline.push({"metrics": {"x": 1}}).status))
        for _ in range(MAX_CONCURRENT_BODIES + 1)
    ]
    for push in pushes:
        push.start()
    # One too many waits for a moment, and is told to come back.
    wait_for(lambda: answers == [503])
    pipeline.app._parsing.release()
    for push in pushes:
        push.join(PATIENCE_S)
    assert sorted(answers) == [*[200] * MAX_CONCURRENT_BODIES, 503]
