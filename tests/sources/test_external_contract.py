"""The contract of sources with foreign data: pipes, files, exporters and exchanges.

For any input, a reading returns well-formed metrics or a one-sentence error, and other sources keep their
values.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from clocks import FakeClock
from waiting import wait_for

from dashapp.collector.sampler import Sampler
from dashapp.model.ticks import Metric, SourceError
from dashapp.sources.base import Source
from dashapp.sources.external.prometheus import PrometheusSource
from dashapp.sources.external.quote_client import Quote
from dashapp.sources.external.quotes import QuoteSource
from dashapp.sources.external.replay import ReplaySource
from dashapp.sources.external.stdin import StdinSource
from dashapp.stores.memory import MemoryStore

GOOD = Metric("good.value", "Good", "", "good", 0.0)
UNITS = {"B", "B/s", "1/s", "s", "°C", "Hz", ""}


class GoodSource:
    def read(self) -> Mapping[Metric, float]:
        return {GOOD: 1.0}


class FakeFeed:
    """A fake exporter or exchange with a prepared response."""

    def __init__(self, text: bytes = b"", price: float = 1.0) -> None:
        self._text, self._price = text, price

    def fetch(self, symbol: str = "") -> object:
        return Quote(self._price, self._price, 0.0, 0.0, 1e12) if symbol else self._text


def stdin(folder: Path, data: bytes) -> Source:
    path = folder / "input"
    path.write_bytes(data)
    source = StdinSource(1.0, os.open(path, os.O_RDONLY), None, FakeClock().monotonic)
    source.read()
    wait_for(lambda: "ended" in source.status_message)
    return source


def replay(folder: Path, data: bytes) -> Source:
    path = folder / "file.csv"
    path.write_bytes(data)
    return ReplaySource(path, clock=FakeClock().monotonic)


def prometheus(folder: Path, data: bytes) -> Source:
    return PrometheusSource(FakeFeed(data), "http://h/", (), FakeClock().monotonic)  # type: ignore[arg-type]


def quotes(folder: Path, data: bytes) -> Source:
    name, _, value = data.decode(errors="replace").partition("\n")
    price = float(value) if re.fullmatch(r"-?[0-9e]+|nan|inf", value) else 1.0
    source = QuoteSource([name], FakeFeed(price=price), lambda: 5.0)  # type: ignore[arg-type]
    source.fetch_next()
    source._thread = object()  # type: ignore[assignment]
    return source


Make = Callable[[Path, bytes], Source]
Say = Callable[[str, str], str]

# For each format: a function that makes the source from bytes, and one that writes a named value.
FEEDS: dict[str, tuple[Make, Say]] = {
    "stdin columns": (stdin, lambda name, value: f"{name}\tother\n{value}\t1\n"),
    "stdin pairs": (stdin, lambda name, value: f"{name}={value} other=1\n"),
    "stdin json": (stdin, lambda name, value: f'{{"{name}": {value}, "other": 1}}\n'),
    "replay": (replay, lambda name, value: f"time,{name},other\n2026-01-01,{value},1\n"),
    "prometheus": (prometheus, lambda name, value: f'up{{a="{name}"}} {value}\nother 1\n'),
    "quotes": (quotes, lambda name, value: f"{name}\n{value}"),
}
feeds = pytest.mark.parametrize(("make", "say"), FEEDS.values(), ids=FEEDS.keys())


def check(values: Mapping[Metric, float]) -> None:
    """Assert that metrics are well-formed; the sampler drops bad numbers later."""
    keys = [metric.key for metric in values]
    assert len(set(keys)) == len(keys)
    for metric, value in values.items():
        assert re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", metric.key)
        assert len(metric.key) <= 200
        assert 0 < len(metric.label) <= 64
        assert metric.label.isprintable()
        assert metric.unit in UNITS
        assert re.fullmatch(r"[a-z0-9_-]{1,64}", metric.panel)
        assert metric.low is None or value >= metric.low
        assert isinstance(value, float)


def tick(source: Source) -> Mapping[str, float]:
    """Return the values of `source` in a tick; assert that a good source keeps its own value."""
    found = Sampler([source, GoodSource()], MemoryStore(), 1.0).tick(1.0)
    assert found is not None
    assert found.values["good.value"] == 1.0
    return {key: value for key, value in found.values.items() if key != "good.value"}


NAMES = {
    "plain": "abc",
    "tag": "<img src=x onerror=alert(1)>",
    "path": "../../../etc/passwd",
    "dots": "....",
    "spaces": "a  b",
    "controls": "a\x01\x1b[31m",
    "right to left": "\u202eabc",
    "other script": "温度",
    "emoji": "🔥",
    "long": "x" * 5_000,
    "quote": "a'b",
    "percent": "%d%s%n",
    "a key of ours": "cpu.percent",
    "dunder": "__proto__",
}


# Without quotes: their symbols come from the settings, which are validated earlier.
@pytest.mark.parametrize(("make", "say"), list(FEEDS.values())[:-1], ids=list(FEEDS)[:-1])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_external_source_key_is_plain_when_name_is_hostile(
    make: Make, say: Say, name: str, tmp_path: Path
) -> None:
    with suppress(SourceError):
        source = make(tmp_path, say(name, "2").encode())
        check(source.read())
        assert "cpu.percent" not in tick(source)


VALUES = {
    "nan": "nan",
    "infinity": "inf",
    "huge": "1e400",
    "digits": "9" * 400,
    "very many digits": "9" * 5_000,
    "underscores": "1_000",
    "text": "twelve",
    "empty": "",
    "hexadecimal": "0x10",
    "negative": "-1",
    "minus nothing": "-",
    "other digits": "١٢",
    "null": "null",
    "list": "[1,2]",
    "object": '{"a": {"b": 1}}',
}


@feeds
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_external_source_drops_only_hostile_value(make: Make, say: Say, value: str, tmp_path: Path) -> None:
    source = make(tmp_path, say("abc", value).encode())
    with suppress(SourceError):
        check(source.read())
    assert all(math.isfinite(number) for number in tick(source).values())


FILES = {
    "empty": b"",
    "newlines": b"\n" * 10_000,
    "nul": b"\0" * 10_000,
    "random": bytes((number * 7919) % 256 for number in range(50_000)),
    "one line": b"a" * 1_000_000,
    "braces": b"{" * 100_000,
    "quotes": b'"' * 100_000,
    "equals": b"=" * 100_000,
    "commas": b"," * 100_000,
    "hashes": b"# TYPE " * 10_000,
    "spaces": b"a" + b" " * 60_000 + b"=" + b" " * 60_000 + b"1\n",
    "many columns": b",".join(b"c%d" % number for number in range(9_000)) + b"\n" + b"1," * 8_999 + b"1\n",
    "many lines": b"".join(b"n%d=%d\n" % (number, number) for number in range(20_000)),
    "utf-16": "time,a\n2026-01-01,1\n".encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00" + b"x" * 1000,
}


@pytest.mark.parametrize("make", [stdin, replay, prometheus])
@pytest.mark.parametrize("data", FILES.values(), ids=FILES.keys())
def test_external_source_returns_values_or_error_for_hostile_file(
    make: Make, data: bytes, tmp_path: Path
) -> None:
    source = make(tmp_path, data)
    try:
        values = source.read()
    except SourceError as error:
        message = str(error)
    else:
        check(values)
        assert len(values) <= 1000
        message = str(getattr(source, "status_message", ""))
    assert "\n" not in message
    assert str(tmp_path) not in message
    tick(source)
