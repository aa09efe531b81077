"""Garbage in every source: no number, and a sentence that names the source and quotes it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import copy
from functools import partial
from pathlib import Path

import pytest
from clocks import FakeClock
from garbage import GARBAGE_COUNT, garbage
from prometheus_source import TextFetcher
from push_pipeline import PushPipeline, refused
from sampler_harness import Heard
from waiting import wait_for

from dashapp.collector.sampler import MAX_EMPTY_READINGS, Sampler
from dashapp.model.ticks import Metric
from dashapp.sources.base import Source
from dashapp.sources.external.prometheus import PrometheusSource
from dashapp.sources.external.replay import ReplaySource
from dashapp.sources.external.stdin import StdinSource
from dashapp.sources.function import FunctionSource
from dashapp.sources.rejection import quote_input
from dashapp.stores.memory import MemoryStore

OTHER = Metric("other", "Other", "", "others")


class OtherSource:
    """A source that always has a number, so that each tick is stored."""

    def read(self) -> Mapping[Metric, float]:
        return {OTHER: 1.0}


class Watched:
    """A sampler of one source, and the sentences of the page about it."""

    def __init__(self, source: Source) -> None:
        self.heard = Heard()
        self.sampler = Sampler([source, OtherSource()], MemoryStore(), 1.0, self.heard)
        self.time = 0

    def tick(self) -> list[str]:
        """Take a tick, assert that the source has no number, and return the sentences so far."""
        self.time += 1
        tick = self.sampler.tick(float(self.time))
        assert tick is not None
        assert tick.values == {"other": 1.0}
        return self.heard.said

    def messages(self) -> str:
        """Return the sentences after another tick."""
        return " ".join(self.tick())

    def message(self) -> str:
        """Return the sentence after as many readings as a source may need."""
        for _ in range(MAX_EMPTY_READINGS):
            self.tick()
        return self.heard.said[-1] if self.heard.said else ""


TEXTS = garbage()


def test_garbage_has_no_repeated_text() -> None:
    assert len(set(TEXTS)) == len(TEXTS) == GARBAGE_COUNT


@pytest.mark.parametrize("nested", [False, True])
def test_function_that_returns_garbage_is_named_with_it(nested: bool) -> None:
    for text in TEXTS:
        value = text.decode("latin-1")
        result: object = {"a": value} if nested else value
        function = partial(copy, result)
        message = Watched(FunctionSource("shop:f", {}, function)).message()
        assert message.startswith("shop:f returned")
        assert quote_input(value) in message


def test_exporter_of_garbage_is_named_with_its_first_line() -> None:
    for text in TEXTS:
        fetcher = TextFetcher(text.decode("utf-8", "surrogateescape"))
        message = Watched(PrometheusSource(fetcher, "http://x/metrics", (), FakeClock().monotonic)).message()
        assert "http://x/metrics" in message
        first = next((line for line in text.splitlines() if line.strip() and not line.startswith(b"#")), b"")
        assert quote_input(first)[:9] in message, text


@pytest.mark.parametrize("ends", [False, True])
def test_pipe_of_garbage_is_named_with_its_first_line(ends: bool) -> None:
    for text in TEXTS:
        reading, writing = os.pipe()
        clock = FakeClock()
        source = StdinSource(1.0, reading, None, clock.monotonic, clock.wall)
        watched = Watched(source)
        os.write(writing, text + b"\n")
        watched.messages()
        wait_for(partial(getattr, source, "_first_line"), every=0.001)
        if ends:
            os.close(writing)
            wait_for(partial(getattr, source, "_end_message"), every=0.001)
        for _ in range(MAX_EMPTY_READINGS - 1):
            clock.pass_time(1)
            watched.messages()
        # The thread of the source ends.
        if not ends:
            os.close(writing)
        message = watched.heard.said[-1]
        assert "standard input" in message
        assert '"' in message or "binary data" in message or "XML" in message, (text, message)


def test_silent_pipe_is_named() -> None:
    reading, writing = os.pipe()
    try:
        message = Watched(StdinSource(1.0, reading)).message()
        assert message == f"standard input has returned no number in {MAX_EMPTY_READINGS} readings"
    finally:
        os.close(writing)


def test_file_of_garbage_is_named(tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    for text in TEXTS:
        path.write_bytes(text)
        message = Watched(ReplaySource(path, clock=FakeClock().monotonic)).message()
        assert message.startswith("values.csv")
        assert 'is "' in message, text


def test_quoted_input_hides_credentials_of_url(tmp_path: Path) -> None:
    text = b"fetching https://ann:hunter2@shop.example/metrics failed\n"
    reading, writing = os.pipe()
    clock = FakeClock()
    source = StdinSource(1.0, reading, None, clock.monotonic, clock.wall)
    pipe = Watched(source)
    os.write(writing, text)
    os.close(writing)
    pipe.messages()
    wait_for(partial(getattr, source, "_end_message"), every=0.001)
    path = tmp_path / "values.csv"
    path.write_bytes(text)
    exporter = PrometheusSource(TextFetcher(text.decode()), "http://x/metrics", (), FakeClock().monotonic)
    for message in (
        pipe.messages(),
        Watched(ReplaySource(path, clock=FakeClock().monotonic)).message(),
        Watched(exporter).message(),
        Watched(FunctionSource("shop:f", {}, text.decode)).message(),
    ):
        assert "fetching" in message
        assert "hunter2" not in message


def test_push_of_garbage_is_rejected_with_a_sentence() -> None:
    pipeline = PushPipeline()
    for text in TEXTS:
        assert len(refused(pipeline, text)) > 10
