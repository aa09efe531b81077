"""/metrics behind the security middleware, checked by promtool and Prometheus's parser."""

from __future__ import annotations

import http.client
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from jiffies import let_time_pass
from processes import dashapp
from prometheus_client.parser import text_string_to_metric_families
from tools import promtool
from waiting import PATIENCE_S, wait_for
from wsgi_client import Answer, ask

from dashapp.api.prometheus import CONTENT_TYPE, METRICS_PATH, PrometheusEndpoint, format_metrics
from dashapp.config.settings import Settings
from dashapp.model.ticks import Metric, Tick
from dashapp.sources.system.all import system_sources
from dashapp.stores.memory import MemoryStore
from dashapp.web.app import create_app

CHECKER = promtool()
checked = pytest.mark.skipif(
    CHECKER is None, reason="promtool is not installed: tests/support/tools.py --install"
)

METRICS = [
    Metric("cpu.percent", "CPU", "%", "cpu", 0, 100),
    Metric("cpu.core0.percent", "Core 0", "%", "cores", 0, 100),
    Metric("cpu.core1.percent", "Core 1", "%", "cores", 0, 100),
    Metric("network.sent", "Sent", "B/s", "network", 0),
    Metric("network.eth0.sent", "eth0 sent", "B/s", "interfaces", 0),
    Metric("temperature.chip-0", "Chip 0", "°C", "temperature"),
    Metric("check.shop.up", "shop", "up/down", "checks", 0, 1),
    Metric("check.shop.certificate", "shop", "days", "checkcertificates"),
    Metric("threads.count", "Threads", "", "processes", 0),
    Metric("stdin.b", "b", "", "stdin"),
    Metric("prom.http_requests_total.a", "requests", "1/s", "prom_http_requests_total"),
    Metric('odd."x"\\\n', 'a "label"\\\n# TYPE x', "ms", "odd"),
    Metric("live", "not ours", "", "pushed"),
    Metric("cpu.percent.x", "in our panel", "", "cpu"),
    Metric("silent.x", "has no value", "", "silent"),
]


def text_of(metrics: list[Metric]) -> str:
    values = {metric.key: 1.5 + place for place, metric in enumerate(metrics) if metric.panel != "silent"}
    return format_metrics(metrics, Tick(1_800_000_000, 1.0, values), 0.5)


def check(text: str) -> None:
    """Assert that promtool accepts the text and gives no advice."""
    assert CHECKER
    done = subprocess.run(
        [CHECKER, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def values(text: str) -> dict[tuple[str, str], float]:
    """Return values by name and label, as Prometheus's client reads them."""
    return {
        (sample.name, " ".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_exposition_has_metric_names_and_device_labels() -> None:
    text = text_of(METRICS)
    assert (
        "# HELP dashapp_cpu_percent CPU, %\n# TYPE dashapp_cpu_percent gauge\ndashapp_cpu_percent 1.5\n"
        in text
    )
    assert values(text) == {
        ("dashapp_live", ""): 1,
        ("dashapp_tick_age_seconds", ""): 0.5,
        ("dashapp_cpu_percent", ""): 1.5,
        ("dashapp_cores_percent", "core0"): 2.5,
        ("dashapp_cores_percent", "core1"): 3.5,
        ("dashapp_network_sent_bytes_per_second", ""): 4.5,
        ("dashapp_interfaces_sent_bytes_per_second", "eth0"): 5.5,
        ("dashapp_temperature_celsius", "chip-0"): 6.5,
        ("dashapp_checks_up", "shop"): 7.5,
        ("dashapp_checkcertificates_certificate", "shop"): 8.5,
        ("dashapp_threads", ""): 9.5,
        ("dashapp_value", "stdin.b"): 10.5,
        ("dashapp_value", "prom.http_requests_total.a"): 11.5,
        # Keys have no line ends.
        ("dashapp_value", 'odd."x"\\ '): 12.5,
        ("dashapp_value", "live"): 13.5,
        ("dashapp_cpu_percent_x", ""): 14.5,
    }


@checked
def test_promtool_accepts_any_metric_name() -> None:
    check(text_of(METRICS))


@checked
def test_promtool_accepts_metrics_of_this_machine() -> None:
    sources = system_sources()
    let_time_pass()
    metrics = [metric for source in sources for metric in source.read()]
    assert len(metrics) > 10
    check(text_of(metrics))


def test_exposition_omits_values_of_stale_tick() -> None:
    tick = Tick(1_800_000_000, 1.0, {"cpu.percent": 5})
    assert values(format_metrics(METRICS, tick, 60)) == {
        ("dashapp_live", ""): 0,
        ("dashapp_tick_age_seconds", ""): 60,
    }
    assert values(format_metrics(METRICS, None, None)) == {("dashapp_live", ""): 0}


def test_metrics_endpoint_reports_newest_tick_from_future() -> None:
    store = MemoryStore()
    store.describe(METRICS)
    store.append(Tick(1_800_001_500, 1.0, {"cpu.percent": 12.5}))
    endpoint = PrometheusEndpoint(store, now=lambda: 1_800_000_000)
    assert values(ask(endpoint, METRICS_PATH).body.decode()) == {
        ("dashapp_live", ""): 0,
        ("dashapp_tick_age_seconds", ""): -1500,
    }


def test_metrics_endpoint_uses_security_middleware(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    store.describe(METRICS)
    store.append(Tick(1_800_000_000, 1.0, {"cpu.percent": 12.5}))
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.5)
    app = create_app(store, Settings())

    def asked(path: str = "/metrics", method: str = "GET", host: str = "127.0.0.1:8050") -> Answer:
        return ask(app, path, method=method, host=host)

    answer = asked()
    assert answer.status == 200
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")
    assert values(answer.body.decode())["dashapp_cpu_percent", ""] == 12.5
    assert asked(host="evil.test").status == 400
    assert asked(method="POST").status == 405
    assert asked("/metrics/").status == 404


def test_metrics_endpoint_serves_newest_tick_of_real_process(tmp_path: Path) -> None:
    with dashapp(tmp_path) as app:
        app.serving().moves()
        found = wait_for(lambda: "dashapp_cpu_percent" in (text := app.get("/metrics")[1].decode()) and text)
        assert values(str(found))["dashapp_live", ""] == 1
        with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
            connection.request("HEAD", "/metrics")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
            assert answer.headers["content-type"] == CONTENT_TYPE
