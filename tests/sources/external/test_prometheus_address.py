"""The URL of a Prometheus exporter: no proxy, no visible password, and errors in the URL."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from clocks import FakeClock
from exporter_server import Exporter, body
from ports import free_port
from processes import dashapp
from prometheus_source import exporter_of_a_test, source
from readings import by_key

from dashapp.model.ticks import SourceError
from dashapp.sources.external import prometheus
from dashapp.sources.external.http_client import Url
from dashapp.sources.external.prometheus import PrometheusSource, make_fetcher, make_source

exporter = pytest.fixture(exporter_of_a_test)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_prometheus_password_is_sent_and_never_shown(
    exporter: Exporter, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://me:s3cret%21@127.0.0.1:{exporter.port}/metrics?token=t0ken"
    exporter.act = body("no", status=403)
    reading = source(exporter, clock, url=url)
    with pytest.raises(SourceError) as raised:
        reading.read()
    assert exporter.asked == [("/metrics?token=t0ken", exporter.asked[0][1])]
    assert exporter.asked[0][1]["authorization"] == "Basic bWU6czNjcmV0IQ=="
    text = f"{raised.value} {Url.parse(url)!r} {make_source(url, 1.0).name} {caplog.text}"
    assert "s3cret" not in text
    assert "bWU6" not in text
    assert "t0ken" not in str(raised.value) + make_source(url, 1.0).name


def test_prometheus_error_is_one_sentence_when_server_is_down(clock: FakeClock) -> None:
    address = Url.parse(f"http://127.0.0.1:{free_port()}/metrics")
    reading = PrometheusSource(make_fetcher(address), address.label, (), clock.monotonic)
    with pytest.raises(SourceError, match=r"does not respond \(Connection refused\)"):
        reading.read()


def test_prometheus_ignores_proxy_of_environment(
    exporter: Exporter, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    exporter.act = body("a 1\n")
    assert by_key(source(exporter, clock).read()) == {"prom.a": 1}


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
def test_prometheus_url_is_rejected_when_invalid(rest: str) -> None:
    with pytest.raises(ValueError, match=r"^expected prometheus:http://"):
        make_source(rest, 1.0)


def test_37_prometheus_error_gives_pip_command_without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install 'prometheus-client"):
        make_source("http://h/metrics", 1.0)
    assert prometheus.PACKAGE_MISSING.count("\n") == 0


def test_prometheus_error_hides_password_when_spec_is_invalid(tmp_path: Path) -> None:
    source = "prometheus:http://me:s3c/r@et@127.0.0.1/metrics#(("
    with dashapp(tmp_path, "--source", source) as app:
        assert app.wait() == 2
        assert "expected prometheus:http://host:port/metrics" in app.said
        assert "…@127.0.0.1/metrics" in app.said
        assert "s3c" not in app.said
    with dashapp(tmp_path, "--source", source.replace("prometheus", "promtheus")) as app:
        assert app.wait() == 2
        assert "did you mean prometheus?" in app.said
        assert "s3c" not in app.said
