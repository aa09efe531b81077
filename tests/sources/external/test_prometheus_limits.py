"""Fault 34: limits reject a hostile response of an exporter with a one-sentence error."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from http.server import BaseHTTPRequestHandler
from time import sleep

import pytest
from clocks import FakeClock
from exporter_server import Act, Exporter, body
from prometheus_source import NODE, exporter_of_a_test, source
from readings import by_key
from thorough import amount
from waiting import PATIENCE_S

from dashapp.model.ticks import SourceError
from dashapp.sources.external.prometheus import MAX_SERIES

exporter = pytest.fixture(exporter_of_a_test)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


# Timeout in seconds for responses that never end; all others get a long one.
SHORT = 0.2


CHUNK = b"a 1\n" * (1 << 18)


def bomb(handler: BaseHTTPRequestHandler) -> None:
    packer = zlib.compressobj(1, wbits=31)
    packed = b"".join(packer.compress(CHUNK) for _ in range(amount(60, 500))) + packer.flush()
    body(packed, content_encoding="gzip")(handler)


def large(handler: BaseHTTPRequestHandler) -> None:
    length = 48 * len(CHUNK)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % length)
    for _ in range(48):
        handler.wfile.write(CHUNK)


def stalls(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
    while True:
        handler.wfile.write(b"#")
        sleep(SHORT / 10)  # bytes keep coming, so that the socket's own timeout never expires


def drips_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write(b"x")
        sleep(SHORT / 10)  # bytes keep coming, as above


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
    while True:
        handler.wfile.write(b"a 1\n" * 10_000)


def to(location: str) -> Act:
    return body("", status=302, location=location)


REFUSED: dict[str, tuple[Act, str]] = {
    "50 MB": (large, "more than 5 MB"),
    "endless": (endless, "more than 5 MB"),
    "gzip bomb": (bomb, "more than 5 MB"),
    "broken gzip": (body(b"not gzip at all", content_encoding="gzip"), "invalid gzip"),
    "half of a gzip": (
        body(gzip.compress(b"a 1\n" * 999)[:-9], content_encoding="gzip"),
        "incomplete response",
    ),
    "another packing": (body("a 1\n", content_encoding="br"), "content encoding br"),
    "stalls": (stalls, f"did not respond within {SHORT:g} s"),
    "drips headers": (drips_headers, f"did not respond within {SHORT:g} s"),
    "html": (body("<html>", "text/html"), "returned text/html; expected text/plain or"),
    "html as text": (body("<!DOCTYPE html><p>login</p>\n"), "not in Prometheus's text format"),
    "json": (body('{"status": "ok"}', "application/json"), "returned application/json"),
    "html without type": (body("<html>\n", ""), 'text format: line 1 is "<html>"; expected a line such as'),
    "bad line": (body('b{x="} 2\n'), 'not in Prometheus\'s text format: line 1 is "b{x="} 2"'),
    "no number": (body("a one\n"), "not in Prometheus's text format"),
    "binary": (body(bytes(range(256)) * 99), "not in Prometheus's text format"),
    "not utf-8": (body(b'a{b="\xff\xfe"} 1\n'), "not in Prometheus's text format"),
    "long line": (body('a{b="' + "\\\\" * 50_000 + '"} 1\n'), "line 1, with 100,009 bytes, is"),
    "500": (body("oh", status=500), "returned status 500"),
    "401": (body("no", status=401), "returned status 401; put the login into the address"),
    "to a file": (to("file:///etc/passwd"), "redirects to another server"),
    "to another host": (to("http://localhost.evil.test/"), "redirects to another server"),
    "to another port": (to("http://127.0.0.1:1/"), "redirects to another server"),
    "to https": (to("https://127.0.0.1/"), "redirects to another server"),
    "to nowhere": (to(""), "redirects more than"),
    "round and round": (to("/metrics"), "redirects more than"),
    "no http": (lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n"), "does not respond (BadStatusLine)"),
    "less than promised": (
        lambda handler: handler.wfile.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 99\r\n\r\na 1\n"
        ),
        "incomplete response",
    ),
}


@pytest.mark.parametrize(("act", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_34_prometheus_rejects_hostile_response_at_limit(
    act: Act, sentence: str, exporter: Exporter, clock: FakeClock
) -> None:
    exporter.act = act
    reading = source(exporter, clock, timeout=SHORT if "within" in sentence else PATIENCE_S)
    tracemalloc.start()
    try:
        with pytest.raises(SourceError) as raised:
            reading.read()
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()
    assert sentence in str(raised.value)
    assert f"http://127.0.0.1:{exporter.port}/metrics" in str(raised.value)
    assert "\n" not in str(raised.value)
    asked = len(exporter.asked)
    with pytest.raises(SourceError):
        reading.read()
    assert len(exporter.asked) == asked, "not asked again at once"
    exporter.act = body("a 1\n")
    vars(reading._fetcher)["_timeout"] = PATIENCE_S
    clock.pass_time(3)
    assert by_key(reading.read()) == {"prom.a": 1}


def test_34_prometheus_limits_number_of_series(exporter: Exporter, clock: FakeClock) -> None:
    lines = b"".join(b'a{b="%d"} 1\n' % number for number in range(300_000))
    exporter.act = body(lines)
    reading = source(exporter, clock)
    tracemalloc.start()
    try:
        assert len(reading.read()) == MAX_SERIES
        assert tracemalloc.get_traced_memory()[1] < 30 << 20
    finally:
        tracemalloc.stop()
    assert f"has more than {MAX_SERIES:,} series" in reading.status_message
    exporter.act = body("a 1\n")
    reading.read()
    assert not reading.status_message


def test_prometheus_accepts_gzip_and_redirect_on_same_server(exporter: Exporter, clock: FakeClock) -> None:
    def act(handler: BaseHTTPRequestHandler) -> None:
        there = handler.path == "/there"
        packed = body(gzip.compress(NODE.encode()), content_encoding="gzip")
        (packed if there else to("/there"))(handler)

    exporter.act = act
    assert by_key(source(exporter, clock).read())["prom.node_load1"] == 0.5
    assert exporter.asked[0][1]["accept-encoding"] == "gzip"
