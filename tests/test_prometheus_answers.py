"""Fault 34: what another program answers, where it means us ill, is refused at a limit in one sentence."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from http.server import BaseHTTPRequestHandler

import pytest
from clocks import FakeClock
from exporter import Act, Exporter, body
from readings import by_key
from scraped import NODE, exporter_of_a_test, source

from dashapp.model.ticks import SourceError
from dashapp.sources.external.prometheus import MOST

exporter = pytest.fixture(exporter_of_a_test)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(b"a 1\n" * (1 << 18)) for _ in range(size >> 20)]) + packer.flush()


def stalls(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
    while True:
        handler.wfile.write(b"#")
        time.sleep(0.05)


def drips_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"a: b\r\n" if time.time() % 1 < 0.01 else b"x")
        time.sleep(0.02)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
    while True:
        handler.wfile.write(b"a 1\n" * 10_000)


def to(location: str) -> Act:
    return body("", status=302, location=location)


REFUSED: dict[str, tuple[Act, str]] = {
    "50 MB": (body(b"a 1\n" * 12_500_000), "more than 5 MB"),
    "endless": (endless, "more than 5 MB"),
    "gzip bomb": (body(bomb(500 << 20), content_encoding="gzip"), "more than 5 MB"),
    "broken gzip": (body(b"not gzip at all", content_encoding="gzip"), "broken gzip"),
    "half of a gzip": (body(gzip.compress(b"a 1\n" * 999)[:-9], content_encoding="gzip"), "by half"),
    "another packing": (body("a 1\n", content_encoding="br"), "packed by br"),
    "stalls": (stalls, "did not answer within 0.5 s"),
    "drips headers": (drips_headers, "did not answer within 0.5 s"),
    "html": (body("<html>", "text/html"), "answers with text/html; expected text/plain or"),
    "html as text": (body("<!DOCTYPE html><p>login</p>\n"), "not in Prometheus's text format"),
    "json": (body('{"status": "ok"}', "application/json"), "answers with application/json"),
    "no type": (body("a 1\n", ""), "answers with none"),
    "bad line": (body('a 1\nb{x="} 2\n'), "not in Prometheus's text format"),
    "no number": (body("a one\n"), "not in Prometheus's text format"),
    "binary": (body(bytes(range(256)) * 99), "not in Prometheus's text format"),
    "not utf-8": (body(b'a{b="\xff\xfe"} 1\n'), "not in Prometheus's text format"),
    "long line": (body('a{b="' + "\\\\" * 50_000 + '"} 1\n'), "has a line of more than 4096 bytes"),
    "500": (body("oh", status=500), "answers with status 500"),
    "401": (body("no", status=401), "answers with status 401"),
    "to a file": (to("file:///etc/passwd"), "redirects to another server"),
    "to another host": (to("http://localhost.evil.test/"), "redirects to another server"),
    "to another port": (to("http://127.0.0.1:1/"), "redirects to another server"),
    "to https": (to("https://127.0.0.1/"), "redirects to another server"),
    "to nowhere": (to(""), "redirects more than"),
    "round and round": (to("/metrics"), "redirects more than"),
    "no http": (lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n"), "does not answer (BadStatusLine)"),
    "less than promised": (
        lambda handler: handler.wfile.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 99\r\n\r\na 1\n"
        ),
        "by half",
    ),
}


@pytest.mark.parametrize(("act", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_34_what_means_ill_is_refused_at_the_limit_in_one_sentence(
    act: Act, sentence: str, exporter: Exporter, clock: FakeClock
) -> None:
    exporter.act = act
    reading = source(exporter, clock, timeout=0.5 if "within" in sentence else 5.0)
    began = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(SourceError) as raised:
            reading.read()
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 5
    assert sentence in str(raised.value)
    assert f"http://127.0.0.1:{exporter.port}/metrics" in str(raised.value)
    assert "\n" not in str(raised.value)
    asked = len(exporter.asked)
    with pytest.raises(SourceError):
        reading.read()
    assert len(exporter.asked) == asked, "not asked again at once"
    exporter.act = body("a 1\n")
    clock.pass_time(3)
    assert by_key(reading.read()) == {"prom.a": 1}


def test_34_a_million_series_are_refused_at_the_limit(exporter: Exporter, clock: FakeClock) -> None:
    lines = b"".join(b'a{b="%d"} 1\n' % number for number in range(300_000))
    exporter.act = body(lines)
    reading = source(exporter, clock)
    tracemalloc.start()
    try:
        assert len(reading.read()) == MOST
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()
    assert f"has more than {MOST:,} series" in reading.said
    exporter.act = body("a 1\n")
    reading.read()
    assert not reading.said


def test_gzip_and_a_redirect_on_the_same_server_are_followed(exporter: Exporter, clock: FakeClock) -> None:
    def act(handler: BaseHTTPRequestHandler) -> None:
        there = handler.path == "/there"
        packed = body(gzip.compress(NODE.encode()), content_encoding="gzip")
        (packed if there else to("/there"))(handler)

    exporter.act = act
    assert by_key(source(exporter, clock).read())["prom.node_load1"] == 0.5
    assert exporter.asked[0][1]["accept-encoding"] == "gzip"
