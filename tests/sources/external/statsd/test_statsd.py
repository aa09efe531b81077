"""Statsd: lines, values of a tick, limits, and packets of a real socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from clocks import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st
from thorough import amount
from waiting import wait_for

from dashapp.model.ticks import Metric, SourceError
from dashapp.sources.external.ingest.series import MAX_METRICS
from dashapp.sources.external.statsd.aggregates import MAX_KEPT_VALUES, MAX_SET_MEMBERS
from dashapp.sources.external.statsd.lines import LineError, StatsdParser
from dashapp.sources.external.statsd.source import (
    EXPECTED_SETTING,
    EXPIRY_S,
    MAX_BATCH_S,
    StatsdSource,
    make_source,
)
from dashapp.sources.registry import make_source as registered
from dashapp.sources.registry import source_problems
from dashapp.sources.spec import SourceSpec


class Statsd:
    """A source that gets packets without a socket; `tick` passes seconds and returns its values."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.source = StatsdSource(("127.0.0.1", 0), self.clock.monotonic)
        self.source.read()

    def send(self, *lines: str) -> None:
        self.source.receive("\n".join(lines).encode())

    def tick(self, seconds: float = 1.0) -> dict[str, float]:
        self.clock.pass_time(seconds)
        return {metric.key: value for metric, value in self.source.read().items()}


@pytest.fixture
def statsd() -> Iterator[Statsd]:
    made = Statsd()
    yield made
    made.source.close()


def test_counter_is_events_per_second_of_each_tick(statsd: Statsd) -> None:
    statsd.send("orders:1|c", "orders:3|c")
    assert statsd.tick(2.0) == {"statsd.orders": 2.0}
    assert statsd.tick() == {"statsd.orders": 0.0}
    statsd.send("orders:1|c|@0.1")
    statsd.send("orders:-4|c")
    assert statsd.tick() == pytest.approx({"statsd.orders": 6.0})
    statsd.send("orders:1:2:3|c")
    assert statsd.tick() == {"statsd.orders": 6.0}


def test_gauge_keeps_its_level_and_takes_changes(statsd: Statsd) -> None:
    statsd.send("queue:10|g")
    assert statsd.tick() == {"statsd.queue": 10.0}
    statsd.send("queue:+5|g", "queue:-3|g")
    assert statsd.tick() == {"statsd.queue": 12.0}
    assert statsd.tick() == {"statsd.queue": 12.0}
    statsd.send("queue:0|g", "queue:-7.5|g")
    assert statsd.tick() == {"statsd.queue": -7.5}
    statsd.send("other:+2|g")
    assert statsd.tick()["statsd.other"] == 2.0


def test_timer_has_rate_mean_and_percentiles_in_seconds(statsd: Statsd) -> None:
    statsd.send(*(f"latency:{number}|ms" for number in range(1, 101)))
    assert statsd.tick(10.0) == pytest.approx(
        {
            "statsd.latency.count": 10.0,
            "statsd.latency.mean": 0.0505,
            "statsd.latency.p50": 0.05,
            "statsd.latency.p95": 0.095,
            "statsd.latency.p99": 0.099,
        }
    )
    assert statsd.tick() == {"statsd.latency.count": 0.0}
    statsd.send("latency:200|ms|@0.5")
    values = statsd.tick()
    assert (values["statsd.latency.count"], values["statsd.latency.mean"]) == (2.0, 0.2)
    units = {metric.key: metric.unit for metric in statsd.source.read()}
    assert units == {}


@pytest.mark.parametrize("kind", ["h", "d"])
def test_histogram_and_distribution_have_no_unit(statsd: Statsd, kind: str) -> None:
    statsd.send(f"size:5:7|{kind}")
    statsd.clock.pass_time(1)
    values = statsd.source.read()
    assert {(metric.key, metric.unit): value for metric, value in values.items()} == {
        ("statsd.size.count", "1/s"): 2.0,
        ("statsd.size.mean", ""): 6.0,
        ("statsd.size.p50", ""): 5.0,
        ("statsd.size.p95", ""): 7.0,
        ("statsd.size.p99", ""): 7.0,
    }


def test_timer_of_many_values_keeps_a_part_of_them(statsd: Statsd) -> None:
    count = 5 * MAX_KEPT_VALUES
    for start in range(0, count, 1000):
        statsd.send(*(f"latency:{number}|ms" for number in range(start, start + 1000)))
    values = statsd.tick()
    assert values["statsd.latency.count"] == count
    assert values["statsd.latency.mean"] == pytest.approx((count - 1) / 2000)
    assert values["statsd.latency.p50"] == pytest.approx(count / 2000, rel=0.01)
    assert values["statsd.latency.p99"] == pytest.approx(0.99 * count / 1000, rel=0.01)


def test_set_counts_different_values(statsd: Statsd) -> None:
    statsd.send("users:anna|s", "users:ben|s", "users:anna|s", "users:5|s")
    assert statsd.tick() == {"statsd.users": 3.0}
    assert statsd.tick() == {"statsd.users": 0.0}
    statsd.send(*(f"users:{number}|s" for number in range(MAX_SET_MEMBERS + 5)))
    assert statsd.tick() == {}, "more than the source counts"


def test_tags_and_names_become_keys(statsd: Statsd) -> None:
    statsd.send(
        "web.requests:1|c|#country:de,status:200",
        "web.requests:2|c|@0.5|#status:200,country:fr",
        "web.requests:1|c|#urgent",
        "with space/x:1|c|c:ci-1234|T1656581400",
    )
    assert statsd.tick() == {
        "statsd.web.requests.de.status200": 1.0,
        "statsd.web.requests.fr.status200": 4.0,
        "statsd.web.requests.urgent": 1.0,
        "statsd.with-space-x": 1.0,
    }


def test_metric_has_label_with_its_tags(statsd: Statsd) -> None:
    statsd.send("jobs:1|c|#queue:mail", "jobs:1|c|#queue:pdf")
    statsd.clock.pass_time(1)
    key = "statsd.jobs.mail"
    assert Metric(key, "jobs queue=mail", "1/s", "statsd_jobs", 0.0) in statsd.source.read()


@pytest.mark.parametrize(
    "packet", [b"a:1|c\nb:2|g", b"a:1|c\r\nb:2|g\r\n", b"\n\na:1|c\n\nb:2|g\n", b"a:1|c\nb:2|g\0"]
)
def test_packet_can_have_several_lines(statsd: Statsd, packet: bytes) -> None:
    statsd.source.receive(packet)
    assert statsd.tick() == {"statsd.a": 1.0, "statsd.b": 2.0}
    assert statsd.source.status_message == ""


INVALID = [
    *("orders", "orders:", "orders:1", "orders:|c", ":1|c", " :1|c", "orders:1|", "orders:1|x", "orders|c"),
    *(f"orders:{text}|c" for text in ("x", "nan", "inf", "1e400", "1_0", "0x1", " 1", "1:", "1:x", "\u0661")),
    *(f"orders:1|c|@{text}" for text in ("", "0", "-1", "2", "x", "nan", "1e-9")),
    *("a\x07b:1|c", "a:1|c|#k:\x1b", "x" * 1100 + ":1|c", "a:1|c|#" + "k:" + "v" * 1100),
]


@pytest.mark.parametrize("line", INVALID)
def test_invalid_line_is_named_and_others_count(statsd: Statsd, line: str) -> None:
    statsd.send("good:1|c", line, "good:1|c")
    assert statsd.tick() == {"statsd.good": 2.0}
    assert statsd.source.status_message.startswith("statsd on port 0 could not read a line, ")
    assert "expected a line such as" in statsd.source.status_message


def test_invalid_lines_are_counted_in_one_notice(statsd: Statsd) -> None:
    statsd.send("first", *(f"bad{number}" for number in range(1499)))
    statsd.source.receive(b"\xff\xfe:1|c")
    sentence = statsd.source.status_message
    assert sentence.startswith(
        'statsd on port 0 could not read 1,501 lines, and the first, "first"; expected'
    )
    statsd.send("worse")
    statsd.clock.pass_time(1)
    assert statsd.source.status_message == sentence, "a notice that changes every second changes the page"
    statsd.clock.pass_time(61)
    assert statsd.source.status_message == ""


@pytest.mark.parametrize("line", ["_e{5,4}:title|text", "_sc|Redis connection|2|#env:dev"])
def test_events_and_service_checks_are_left_out(statsd: Statsd, line: str) -> None:
    statsd.send(line)
    assert (statsd.tick(), statsd.source.status_message) == ({}, "")


def test_series_without_packets_ends(statsd: Statsd) -> None:
    statsd.send("a:1|c", "b:5|g")
    statsd.tick()
    assert statsd.tick(EXPIRY_S - 20) == {"statsd.a": 0.0, "statsd.b": 5.0}
    statsd.send("a:1|c")
    assert statsd.tick(40).keys() == {"statsd.a"}
    statsd.send("b:+1|g")
    assert statsd.tick()["statsd.b"] == 1.0


def test_names_above_limit_are_ignored_with_a_sentence(statsd: Statsd) -> None:
    statsd.send(*(f"n{number}:1|c" for number in range(MAX_METRICS + 5)))
    assert len(statsd.tick()) == MAX_METRICS
    assert f"gets more than {MAX_METRICS:,} metrics" in statsd.source.status_message
    statsd.tick(EXPIRY_S + 20)
    statsd.send("late:1|c")
    assert statsd.tick() == {"statsd.late": 1.0}
    assert statsd.source.status_message == ""


@given(st.text(st.sampled_from("ab:|c@#g,.+-1 \\{_es"), max_size=40))
@settings(max_examples=amount(200, 5000), deadline=None)
def test_parser_accepts_or_rejects_any_line(line: str) -> None:
    try:
        StatsdParser().parse(line)
    except LineError:
        return


def test_source_receives_packets_of_its_port() -> None:
    source = StatsdSource(("127.0.0.1", 0))
    with closing(source), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        assert source.read() == {}
        for packet in (b"orders:1|c", b"queue:5|g\nqueue:+1|g", b"x" * 60_000):
            sender.sendto(packet, ("127.0.0.1", source.port))
        seen: dict[str, float] = {}

        def received() -> bool:
            for metric, value in source.read().items():
                seen[metric.key] = max(value, seen.get(metric.key, 0.0))
            return seen.get("statsd.queue") == 6.0 and seen.get("statsd.orders", 0.0) > 0

        wait_for(received)
        wait_for(lambda: "could not read a line" in source.status_message)


def test_port_in_use_is_one_sentence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        source = make_source(str(other.getsockname()[1]), 1.0)
        with pytest.raises(SourceError, match=r"cannot listen on 127\.0\.0\.1 port \d+ \(.+\); stop"):
            source.read()
    with closing(source):
        assert source.read() == {}, "the port is free now"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("statsd:8125", ("127.0.0.1", 8125)),
        ("statsd", ("127.0.0.1", 8125)),
        ("statsd:", ("127.0.0.1", 8125)),
        ("statsd:0.0.0.0:9125", ("0.0.0.0", 9125)),
        ("statsd:[::1]:9125", ("::1", 9125)),
        ("statsd:::1:9125", ("::1", 9125)),
    ],
)
def test_setting_names_address_and_port(text: str, address: tuple[str, int]) -> None:
    source = registered(SourceSpec.parse(text), 1.0)
    assert isinstance(source, StatsdSource)
    assert source._address == address


@pytest.mark.parametrize(
    "text",
    [
        "statsd:0",
        "statsd:65536",
        "statsd:x",
        "statsd:-1",
        "statsd:localhost:8125",
        "statsd:0.0.0.0",
        "statsd:1:2",
    ],
)
def test_invalid_setting_is_one_sentence(text: str) -> None:
    (problem,) = source_problems([SourceSpec.parse(text)], 1.0)
    assert problem == f'source is "{text}"; {EXPECTED_SETTING}'


def test_batch_ends_after_its_time_so_that_large_packets_get_no_whole_core() -> None:
    clock = FakeClock()

    class SlowSource(StatsdSource):
        def receive(self, packet: bytes) -> None:
            super().receive(packet)
            clock.pass_time(0.6 * MAX_BATCH_S)

    source = SlowSource(("127.0.0.1", 0), clock.monotonic)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        listening.bind(("127.0.0.1", 0))
        for number in range(5):
            sender.sendto(b"p%d:1|c" % number, listening.getsockname())
        source._receive_waiting(listening, clock.monotonic())
        assert sorted(source._aggregates) == ["statsd\tc\t\tp0", "statsd\tc\t\tp1"]
        assert listening.recv(100) == b"p2:1|c", "the next batch has the others"


@pytest.mark.parametrize("line", ["a{}:1|c".format(" " * 60_000), "a:1|c|#" + 60_000 * ","])
def test_parser_rejects_long_line_of_a_short_series_because_its_cache_would_grow(line: str) -> None:
    parser = StatsdParser()
    with pytest.raises(LineError):
        parser.parse(line)
    assert not parser._series
