"""Prometheus exporters as a source: values, filters, and series names as metric keys."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from clocks import FakeClock
from exporter_server import Exporter, body
from processes import dashapp
from prometheus_source import NODE, exporter_of_a_test, source
from readings import by_key
from waiting import wait_for

from dashapp.sources.external.prometheus import make_source

exporter = pytest.fixture(exporter_of_a_test)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_prometheus_reads_gauges_and_counter_rates(exporter: Exporter, clock: FakeClock) -> None:
    reading = source(exporter, clock)
    exporter.act = body(NODE)
    assert by_key(reading.read()) == {
        "prom.node_load1": 0.5,
        "prom.free_bytes": 1024,
        "prom.rpc_seconds.p50": 4,
    }
    clock.pass_time(2)
    exporter.act = body(
        NODE.replace("} 100", "} 101").replace("_count 20", "_count 40").replace("counter 5", "counter 3")
    )
    assert by_key(reading.read()) == {
        "prom.node_load1": 0.5,
        "prom.free_bytes": 1024,
        "prom.rpc_seconds.p50": 4,
        "prom.node_cpu_seconds_total.cpu0.idle": pytest.approx(0.5),
        "prom.node_cpu_seconds_total.cpu1.idle": 0,
        "prom.rpc_seconds_sum": 0,
        "prom.rpc_seconds_count": pytest.approx(10),
        "prom.http_seconds_sum": 0,
        "prom.http_seconds_count": 0,
    }
    clock.pass_time(1)
    assert "prom.old_counter" in by_key(reading.read()), "what was reset goes on"
    metrics = {metric.key: metric for metric in reading.read()}
    assert metrics["prom.free_bytes"].unit == "B"
    assert metrics["prom.node_load1"].label == "node_load1"
    assert not reading.status_message


def test_prometheus_reads_only_filtered_series(exporter: Exporter, clock: FakeClock) -> None:
    exporter.act = body(NODE)
    reading = source(exporter, clock, "node_*", "rpc_seconds_count")
    reading.read()
    clock.pass_time(1)
    assert set(by_key(reading.read())) == {
        "prom.node_load1",
        "prom.node_cpu_seconds_total.cpu0.idle",
        "prom.node_cpu_seconds_total.cpu1.idle",
        "prom.rpc_seconds_count",
    }


@pytest.mark.parametrize("wanted", ["node_load1,x*", ["node_load1"]])
def test_prometheus_accepts_filter_of_settings_file(wanted: object, exporter: Exporter) -> None:
    exporter.act = body(NODE)
    reading = make_source(exporter.url, 1.0, filter=wanted)
    assert set(by_key(wait_for(reading.read))) == {"prom.node_load1"}
    with pytest.raises(ValueError, match=r"^expected prometheus:"):
        make_source(exporter.url, 1.0, filter=[7])
    with pytest.raises(ValueError, match=r"^expected prometheus:"):
        make_source(exporter.url, 1.0, filter=7)


COLLIDING = ('up{path="/a b"} 1\n', 'up{path="/a-b"} 2\n', 'up{path="-a-b"} 3\n', 'up{path=""} 4\n')


def test_prometheus_keys_are_unique_when_labels_collide(exporter: Exporter, clock: FakeClock) -> None:
    found = []
    for lines in (COLLIDING, COLLIDING[::-1]):
        exporter.act = body("".join(lines))
        values = source(exporter, clock).read()
        assert len(by_key(values)) == 4
        found.append(by_key(values))
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
def test_prometheus_keys_and_labels_are_plain_when_hostile(
    line: str, exporter: Exporter, clock: FakeClock
) -> None:
    exporter.act = body(line + "\n")
    (metric,) = source(exporter, clock).read()
    assert re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", metric.key)
    assert len(metric.key) <= 120
    assert 0 < len(metric.label) <= 64
    assert metric.label.isprintable()
    assert re.fullmatch(r"[a-z0-9_-]+", metric.panel)


def test_prometheus_values_and_errors_reach_running_server(tmp_path: Path, exporter: Exporter) -> None:
    exporter.act = body(NODE)
    flags = ("--source", f"prometheus:http://u:s3cret@127.0.0.1:{exporter.port}/metrics#node_*")
    with dashapp(tmp_path, *flags, "--source", "none", "--interval", "0.5") as app:
        app.serving()
        wait_for(lambda: 0.5 in app.ticks()["y"].get("prom.node_load1", []))
        wait_for(lambda: 0 in app.ticks()["y"].get("prom.node_cpu_seconds_total.cpu0.idle", []))
        exporter.act = body("<html>", "text/html")
        wait_for(lambda: "returned text/html; expected text/plain" in app.notices())
        assert "s3cret" not in app.said + app.notices()
        exporter.act = body(NODE)
        wait_for(lambda: not app.notices())


def test_prometheus_reports_filter_without_match(exporter: Exporter, clock: FakeClock) -> None:
    exporter.act = body("a 1\nb 2\n")
    reading = source(exporter, clock, "nothing_*")
    assert reading.read() == {}
    assert "has no series that matches nothing_*" in reading.status_message
