"""Telegraf, OpenTelemetry and statsd send to a real server with two workers."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agents import PROGRAM, write
from ports import free_port
from processes import Dashapp, dashapp
from push_pipeline import TOKEN
from push_requests import ENV
from waiting import PATIENCE_S, wait_for

STATSD_PORT = free_port()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashapp]:
    flags = ("--workers", "2", "--interval", "0.2", "--source", f"statsd:{STATSD_PORT}")
    with dashapp(tmp_path_factory.mktemp("app"), *flags, env=ENV) as process:
        yield process.serving()


def values(app: Dashapp, key: str) -> list[float]:
    """Return the values of a metric in all ticks of a minute, without gaps."""
    return [value for value in app.ticks(60)["y"].get(key, ()) if value is not None]


def test_repeated_batch_of_telegraf_is_stored_once(app: Dashapp) -> None:
    now = time.time_ns()
    batch = f"cpu,cpu=cpu0,host=web1 usage_idle=98.1,n=3i {now}\n"
    # Each connection can get another worker.
    assert [write(app, batch) for _ in range(4)] == [204] * 4
    key = "influx.cpu.usage_idle.cpu0.web1"
    wait_for(lambda: values(app, key))
    assert write(app, batch) == 204
    assert write(app, f"later v=1 {now}\n") == 204
    wait_for(lambda: values(app, "influx.later.v"))
    assert values(app, key) == [98.1]


def test_opentelemetry_program_needs_only_variables(app: Dashapp, tmp_path: Path) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{app.port}",
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{TOKEN}",
        "OTEL_SERVICE_NAME": "shop",
    }
    argv = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    subprocess.run(argv, env=variables, cwd=tmp_path, check=True, timeout=PATIENCE_S)
    wait_for(lambda: values(app, "otel.orders.shop.de"))
    assert values(app, "otel.orders.shop.de")[0] > 0


def test_statsd_client_of_this_machine_is_received(app: Dashapp) -> None:
    def received() -> bool:
        # UDP has no confirmation, so a client repeats its gauge.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"queue:7|g|#name:mail", ("127.0.0.1", STATSD_PORT))
        return 7.0 in values(app, "statsd.queue.mail")

    wait_for(received)
