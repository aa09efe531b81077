"""Another program's metrics: what its text says, and fault 34, where it means us ill."""

from __future__ import annotations

import gzip
import importlib.util
import re
import time
import tracemalloc
import zlib
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from clocks import FakeClock
from exporter import Act, Exporter, body, exporting
from processes import dashapp, wait_for

from dashapp.model import Metric, SourceError
from dashapp.sources import prometheus
from dashapp.sources.prometheus import ACCEPT, KINDS, MOST, PrometheusSource, make
from dashapp.sources.scraping import Address, Scrape

NODE = """# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.5
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 100
node_cpu_seconds_total{mode="idle",cpu="1"} 200 1395066363000
# TYPE rpc_seconds summary
rpc_seconds{quantile="0.5"} 4
rpc_seconds_sum 10
rpc_seconds_count 20
# TYPE http_seconds histogram
http_seconds_bucket{le="+Inf"} 7
http_seconds_sum 1
http_seconds_count 7
# TYPE old_counter counter
old_counter 5
free_bytes 1024
strange NaN
endless +Inf
# EOF
"""


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with exporting() as found:
        yield found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def source(
    exporter: Exporter, clock: FakeClock, *patterns: str, url: str = "", timeout: float = 5.0
) -> PrometheusSource:
    address = Address.parse(url or exporter.url)
    scrape = Scrape(address, KINDS, ACCEPT, timeout=timeout)
    return PrometheusSource(scrape, address.shown, patterns, clock.monotonic)


def keys(values: Mapping[Metric, float]) -> dict[str, float]:
    return {metric.key: value for metric, value in values.items()}


def test_gauges_are_as_they_are_and_counters_become_rates(exporter: Exporter, clock: FakeClock) -> None:
    reading = source(exporter, clock)
    exporter.act = body(NODE)
    assert keys(reading.read()) == {"prom.node_load1": 0.5, "prom.free_bytes": 1024}
    clock.pass_time(2)
    exporter.act = body(
        NODE.replace("} 100", "} 101").replace("_count 20", "_count 40").replace("counter 5", "counter 3")
    )
    assert keys(reading.read()) == {
        "prom.node_load1": 0.5,
        "prom.free_bytes": 1024,
        "prom.node_cpu_seconds_total.cpu0.idle": pytest.approx(0.5),
        "prom.node_cpu_seconds_total.cpu1.idle": 0,
        "prom.rpc_seconds_sum": 0,
        "prom.rpc_seconds_count": pytest.approx(10),
        "prom.http_seconds_sum": 0,
        "prom.http_seconds_count": 0,
    }
    clock.pass_time(1)
    assert "prom.old_counter" in keys(reading.read()), "what was reset goes on"
    metrics = {metric.key: metric for metric in reading.read()}
    assert metrics["prom.free_bytes"].unit == "B"
    assert metrics["prom.node_load1"].label == "node_load1"
    assert not reading.said


def test_only_what_is_wanted(exporter: Exporter, clock: FakeClock) -> None:
    exporter.act = body(NODE)
    reading = source(exporter, clock, "node_*", "rpc_seconds_count")
    reading.read()
    clock.pass_time(1)
    assert set(keys(reading.read())) == {
        "prom.node_load1",
        "prom.node_cpu_seconds_total.cpu0.idle",
        "prom.node_cpu_seconds_total.cpu1.idle",
        "prom.rpc_seconds_count",
    }


@pytest.mark.parametrize("wanted", ["node_load1,x*", ["node_load1"]])
def test_a_settings_file_may_say_what_is_wanted(wanted: object, exporter: Exporter) -> None:
    exporter.act = body(NODE)
    reading = make(exporter.url, 1.0, filter=wanted)
    assert set(keys(wait_for(reading.read))) == {"prom.node_load1"}
    with pytest.raises(ValueError, match=r"^expected prometheus:"):
        make(exporter.url, 1.0, filter=[7])


COLLIDING = ('up{path="/a b"} 1\n', 'up{path="/a-b"} 2\n', 'up{path="-a-b"} 3\n', 'up{path=""} 4\n')


def test_names_that_collide_are_told_apart_in_any_order(exporter: Exporter, clock: FakeClock) -> None:
    found = []
    for lines in (COLLIDING, COLLIDING[::-1]):
        exporter.act = body("".join(lines))
        values = source(exporter, clock).read()
        assert len(keys(values)) == 4
        found.append(keys(values))
    assert found[0] == found[1]
    assert "prom.up.a-b" in found[0]


HOSTILE = (
    'up{a="<script>alert(1)</script>"} 1',
    'up{a="../../etc/passwd"} 1',
    'up{a="' + "long" * 500 + '"} 1',
    'up{a="\u202e' + r'\n\"quoted\""} 1',
    "UP::x 1",
    'up{a="é"} 1e308',
    'up{a="0"} -1',
    "up{" + ",".join(f'l{number}="{number}"' for number in range(200)) + "} 1",
)


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_labels_become_plain_keys_and_short_labels(
    line: str, exporter: Exporter, clock: FakeClock
) -> None:
    exporter.act = body(line + "\n")
    (metric,) = source(exporter, clock).read()
    assert re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", metric.key)
    assert len(metric.key) <= 120
    assert 0 < len(metric.label) <= 64
    assert metric.label.isprintable()
    assert re.fullmatch(r"[a-z0-9_-]+", metric.panel)


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
    assert keys(reading.read()) == {"prom.a": 1}


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
    assert keys(source(exporter, clock).read())["prom.node_load1"] == 0.5
    assert exporter.asked[0][1]["accept-encoding"] == "gzip"


def test_a_password_is_sent_and_never_shown(
    exporter: Exporter, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://me:s3cret%21@127.0.0.1:{exporter.port}/metrics?token=t0ken"
    exporter.act = body("no", status=403)
    reading = source(exporter, clock, url=url)
    with pytest.raises(SourceError) as raised:
        reading.read()
    assert exporter.asked == [("/metrics?token=t0ken", exporter.asked[0][1])]
    assert exporter.asked[0][1]["authorization"] == "Basic bWU6czNjcmV0IQ=="
    told = f"{raised.value} {Address.parse(url)!r} {make(url, 1.0).name} {caplog.text}"
    assert "s3cret" not in told
    assert "bWU6" not in told
    assert "t0ken" not in str(raised.value) + make(url, 1.0).name


def test_nobody_there_is_one_sentence(clock: FakeClock) -> None:
    with exporting() as gone:
        pass
    with pytest.raises(SourceError, match=r"does not answer \(Connection refused\)"):
        source(gone, clock).read()


def test_a_proxy_of_the_environment_is_not_asked(
    exporter: Exporter, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    exporter.act = body("a 1\n")
    assert keys(source(exporter, clock).read()) == {"prom.a": 1}


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "x",
        "file:///etc/passwd",
        "ftp://h/",
        "http://",
        "http://h:99999/",
        "http://h:x/",
        "http://h/ x",
        "http://h/é",
        "http://h/\r\nx: y",
        "http://h/#a b",
        "http://h/#(a+)+",
        "http://[::1/",
    ],
)
def test_what_can_be_no_address_says_what_is_expected(rest: str) -> None:
    with pytest.raises(ValueError, match=r"^expected prometheus:http://"):
        make(rest, 1.0)


def test_37_without_the_package_one_sentence_with_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'dashapp\[prometheus\]'"):
        make("http://h/metrics", 1.0)
    assert prometheus.MISSING.count("\n") == 0


def test_a_spec_that_cannot_be_is_told_without_its_password(tmp_path: Path) -> None:
    source = "prometheus:http://me:s3c/r@et@127.0.0.1/metrics#(("
    with dashapp(tmp_path, "--source", source) as app:
        assert app.wait(20) == 2
        assert "expected prometheus:http://host:port/metrics" in app.said
        assert "…@127.0.0.1/metrics" in app.said
        assert "s3c" not in app.said
    with dashapp(tmp_path, "--source", source.replace("prometheus", "promtheus")) as app:
        assert app.wait(20) == 2
        assert "did you mean prometheus?" in app.said
        assert "s3c" not in app.said


def test_a_real_process_shows_an_exporter_and_what_is_wrong_with_it(
    tmp_path: Path, exporter: Exporter
) -> None:
    exporter.act = body(NODE)
    flags = ("--source", f"prometheus:http://u:s3cret@127.0.0.1:{exporter.port}/metrics#node_*")
    with dashapp(tmp_path, *flags, "--source", "none", "--interval", "0.5") as app:
        app.serving()
        wait_for(lambda: 0.5 in app.ticks()["y"].get("prom.node_load1", []))
        wait_for(lambda: 0 in app.ticks()["y"].get("prom.node_cpu_seconds_total.cpu0.idle", []))
        exporter.act = body("<html>", "text/html")
        wait_for(lambda: "answers with text/html; expected text/plain" in app.notices())
        assert "s3cret" not in app.said + app.notices()
        exporter.act = body(NODE)
        wait_for(lambda: not app.notices())


def test_names_that_match_nothing_are_told(exporter: Exporter, clock: FakeClock) -> None:
    exporter.act = body("a 1\nb 2\n")
    reading = source(exporter, clock, "nothing_*")
    assert reading.read() == {}
    assert "has no series that matches nothing_*" in reading.said
