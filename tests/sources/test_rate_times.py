"""Rates belong to the moment when the counters were read, however long the reading takes."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from itertools import cycle
from pathlib import Path

import pytest
from clocks import FakeClock
from exporter_server import Exporter, body
from fake_machine import FakeMachine
from prometheus_source import exporter_of_a_test, source
from readings import by_key
from waiting import PATIENCE_S

from dashapp.sources.base import Source
from dashapp.sources.external.prometheus import PrometheusSource
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.system.cpu import CpuSource, ProcStat
from dashapp.sources.system.disk import DiskSource, ProcDisks
from dashapp.sources.system.memory import MemorySource, ProcMemory
from dashapp.sources.system.network import NetworkSource, ProcNetwork

exporter = pytest.fixture(exporter_of_a_test)

DELAYS_S = (0.02, 0.6, 0.02, 0.3, 0.0, 0.45)
RATE = 1000.0
START_S = 1000.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def counter_text(clock: FakeClock) -> str:
    return f"# TYPE hits_total counter\nhits_total {RATE * clock.monotonic()}\n"


class SlowExporter:
    """A fetcher in memory, whose exporter counts at once and then responds late."""

    def __init__(self, clock: FakeClock) -> None:
        self.on_send: Callable[[], object] = lambda: None
        self._clock = clock
        self._delays = cycle(DELAYS_S)

    def fetch(self) -> bytes:
        text = counter_text(self._clock)
        self._clock.pass_time(next(self._delays))
        return text.encode()


def rates_each_second(reading: Source, clock: FakeClock) -> list[float]:
    """Return the rates of readings that start at whole seconds."""
    rates: list[float] = []
    for second in range(1, 12):
        clock.pass_time(START_S + second - clock.monotonic())
        rates += by_key(reading.read()).values()
    return rates


def test_exporter_rate_is_constant_when_response_times_vary(clock: FakeClock) -> None:
    rates = rates_each_second(PrometheusSource(SlowExporter(clock), "x", (), clock.monotonic), clock)
    assert rates == pytest.approx([RATE] * 10)


def slow_body(clock: FakeClock) -> Callable[[BaseHTTPRequestHandler], object]:
    delays = cycle(DELAYS_S)

    def act(handler: BaseHTTPRequestHandler) -> None:
        text = counter_text(clock)
        clock.pass_time(next(delays))
        body(text)(handler)

    return act


@pytest.mark.parametrize("in_background", [False, True])
def test_rate_over_http_is_constant_when_response_times_vary(
    exporter: Exporter, clock: FakeClock, in_background: bool
) -> None:
    exporter.act = slow_body(clock)
    reading: Source = source(exporter, clock)
    if in_background:
        reading = BackgroundSource(reading, max_wait=PATIENCE_S, timeout=PATIENCE_S, clock=clock.monotonic)
    rates = rates_each_second(reading, clock)
    assert rates == pytest.approx([RATE] * 10)


def test_rate_uses_time_of_request_after_redirect(exporter: Exporter, clock: FakeClock) -> None:
    """A redirect can be slow as well; the exporter counts when the last request arrives."""
    delays = cycle(DELAYS_S)

    def act(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/metrics":
            clock.pass_time(next(delays))
            body("", status=302, location="/moved")(handler)
        else:
            body(counter_text(clock))(handler)

    exporter.act = act
    rates = rates_each_second(source(exporter, clock), clock)
    assert rates == pytest.approx([RATE] * 10)


def test_rate_skips_failed_request(exporter: Exporter, clock: FakeClock) -> None:
    reading = source(exporter, clock)
    exporter.act = body(counter_text(clock))
    reading.read()
    clock.pass_time(1)
    exporter.act = body("", status=500)
    with pytest.raises(Exception, match="500"):
        reading.read()
    clock.pass_time(60)
    exporter.act = slow_body(clock)
    assert list(by_key(reading.read()).values()) == pytest.approx([RATE])


Wrap = Callable[[Callable[[], object]], Callable[[], object]]
SYSTEM_SOURCES: dict[str, tuple[Callable[[FakeMachine, Wrap], Source], str, float]] = {
    "network": (
        lambda m, slow: NetworkSource(slow(ProcNetwork(m.proc)), m.now),  # type: ignore[arg-type]
        "network.received",
        1000,
    ),
    "disk": (lambda m, slow: DiskSource(slow(ProcDisks(m.proc)), m.now), "disk.read", 1000),  # type: ignore[arg-type]
    "memory": (
        lambda m, slow: MemorySource(slow(ProcMemory(m.proc, 1)), m.now),  # type: ignore[arg-type]
        "swap.in",
        100,
    ),
    "cpu": (lambda m, slow: CpuSource(slow(ProcStat(m.proc)), m.now), "cpu.switches", 100),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", SYSTEM_SOURCES)
def test_rate_of_machine_is_constant_when_reading_is_slow(tmp_path: Path, name: str) -> None:
    machine = FakeMachine(tmp_path)
    delays = cycle(DELAYS_S)

    def slow(read: Callable[[], object]) -> Callable[[], object]:
        def read_slowly() -> object:
            counters = read()
            machine.pass_time(next(delays))
            return counters

        return read_slowly

    make, key, rate = SYSTEM_SOURCES[name]
    reading = make(machine, slow)
    for second in range(1, 12):
        machine.pass_time(1000.0 + second - machine.time)
        assert by_key(reading.read())[key] == pytest.approx(rate, abs=512 if name == "disk" else 0.02 * rate)
