"""Values of InfluxDB clients: each in exactly one tick, and limits of their series."""

from __future__ import annotations

import json

from ingest_pipeline import NS, IngestPipeline, failed, nanoseconds

from dashapp.model.ticks import max_encoded_chars
from dashapp.sources.external.ingest.series import MAX_METRICS
from dashapp.sources.push import LATE, MIN_FULL_TICKS


def test_repeated_request_stores_each_value_once(pipeline: IngestPipeline) -> None:
    assert pipeline.write(f"a v=1 {NS}\nb v=2 {NS}").status == 204
    # The response was lost; another worker gets the repetition, before and after the tick.
    other = pipeline.worker()
    pipeline.post("/write", f"a v=1 {NS}\nb v=2 {NS}".encode(), other)
    assert pipeline.tick() == {"influx.a.v": 1.0, "influx.b.v": 2.0}
    pipeline.post("/write", f"a v=1 {NS}\nb v=2 {NS}".encode(), other)
    assert pipeline.tick() == {}
    pipeline.write(f"a v=1 {NS + 1_000_000_000}")
    assert pipeline.tick() == {"influx.a.v": 1.0}


def test_newest_timestamp_of_a_tick_is_stored_in_any_order(pipeline: IngestPipeline) -> None:
    pipeline.write(f"a v=3 {NS + 3 * 10**9}")
    pipeline.write(f"a v=1 {NS + 10**9}\na v=2 {NS + 2 * 10**9}")
    assert pipeline.tick() == {"influx.a.v": 3.0}
    pipeline.write(f"a v=1 {NS + 10**9}")
    assert pipeline.tick() == {}, "a tick with a newer value is stored already"


def test_values_of_slow_program_stay_until_it_stops(pipeline: IngestPipeline) -> None:
    def send(value: int) -> None:
        pipeline.now += 10
        assert pipeline.write(f"a v={value}").status == 204

    for value in (1, 2):
        send(value)
        assert [pipeline.tick() for _ in range(10)] == [{"influx.a.v": value}, *([{}] * 9)]
    send(3)
    assert [pipeline.tick() for _ in range(10)] == [{"influx.a.v": 3.0}] * 10, "its interval is known"
    send(4)
    ticks = [pipeline.tick() for _ in range(20)]
    assert ticks == [*([{"influx.a.v": 4.0}] * 16), *([{}] * 4)], "half as long again as the interval"


def test_values_of_each_tick_do_not_stay(pipeline: IngestPipeline) -> None:
    for value in range(5):
        pipeline.now += 1
        pipeline.write(f"a v={value}")
        assert pipeline.tick() == {"influx.a.v": value}
    assert pipeline.tick() == {}


def test_values_of_rare_program_do_not_stay(pipeline: IngestPipeline) -> None:
    for value in range(5):
        pipeline.now += 300
        pipeline.write(f"a v={value}")
        assert pipeline.tick(299.0) == {"influx.a.v": value}
        assert pipeline.tick() == {}


def test_write_above_series_limit_stores_those_within(pipeline: IngestPipeline) -> None:
    text = "".join(f"m,n=a{number} v=1\n" for number in range(MAX_METRICS + 7))
    sentence = failed(pipeline.write(text))
    assert f"the limit of {MAX_METRICS} metrics within an hour;" in sentence
    assert "dropped=7 values" in sentence
    values: dict[str, float] = {}
    while tick := pipeline.tick():
        values |= tick
    assert len(values) == MAX_METRICS
    assert pipeline.write("m,n=a5 v=1").status == 204
    pipeline.now += 3601.0
    assert pipeline.write("other v=1").status == 204, "names that are gone make room"


def test_row_of_a_tick_has_room_for_pushes_and_series(pipeline: IngestPipeline) -> None:
    """A tick reserves 100,000 characters. Records beyond that wait for the next tick."""
    long_name = "m" * 60
    text = "".join(f"{long_name},n=a{number} v=1 {NS}\n" for number in range(MAX_METRICS))
    assert pipeline.write(text).status == 204
    ticks = [pipeline.tick() for _ in range(4)]
    assert sum(map(len, ticks)) == MAX_METRICS
    assert all(max_encoded_chars(tick) <= 100_000 for tick in ticks)
    assert not ticks[-1]


def test_collector_limits_series_of_all_workers(pipeline: IngestPipeline) -> None:
    for name in ("m", "w"):
        worker = pipeline.worker()
        text = "".join(f"{name},n=a{number} v=1\n" for number in range(MAX_METRICS - 5))
        assert pipeline.post("/write", text.encode(), worker).status == 204
    keys: set[str] = set()
    while tick := pipeline.tick():
        keys |= tick.keys()
    assert len(keys) == MAX_METRICS
    assert f"more than {MAX_METRICS:,} metrics" in pipeline.series.status_message


def test_catalogue_shows_distinguishing_tags_only(pipeline: IngestPipeline) -> None:
    pipeline.write("cpu,host=web1,zone=eu idle=1")
    pipeline.tick()
    assert [metric.label for metric in pipeline.store.metrics()] == ["cpu.idle"]
    pipeline.now += 1.0
    pipeline.write("cpu,host=web2,zone=eu idle=1\ncpu,host=web1,zone=eu idle=1")
    pipeline.tick()
    labels = {metric.key: metric.label for metric in pipeline.store.metrics()}
    assert labels == {
        "influx.cpu.idle.web1.eu": "cpu.idle host=web1",
        "influx.cpu.idle.web2.eu": "cpu.idle host=web2",
    }


FORGED_BUCKETS: list[object] = [
    *(5, "ab", [[], []], [9 * [1], []], [[2, 1], [1, 1, 1]], [[1], [1, -1]], [[], [1e400]]),
    *([99, 0, [], []], [1, 0, [1 << 40, 1], []], [1, 0, [1], []], [1, 0, [1, -1], []], [1, 0, []]),
    [[*range(2000)], [1] * 2001],
]

HUGE = b"=[" + b'["influx\\tg\\t\\tm.v",1,1],' * 10_000 + b'["influx\\tg\\t\\tm.v",1,1]]'


def test_forged_records_of_the_queue_are_ignored(pipeline: IngestPipeline) -> None:
    series = "influx\tg\t\tm.v"
    forged: list[object] = [
        *(5, None, {}, [1], [[]], [[series]], [[series, 1]], [[series, "1", 1]], [[series, 1, None]]),
        *([[series, 1, True]], [["m", 1, 1]], [["influx\tx\t\tm", 1, 1]], [["influx\tg\t\tm\ta", 1, 1]]),
        *([[5, 1, 1]], [[series, 1e400, 1]], [[series, 1, 10**400]], [[f"influx\tg\t\t{'x' * 5000}", 1, 1]]),
        [[series, 1, 1, 1, 0, "x"]],
        *([[series, 1, 1, 0, 0, 1, buckets]] for buckets in FORGED_BUCKETS),
    ]
    for document in forged:
        pipeline.queue.put(b"=" + json.dumps(document).encode())
    for text in (b"=", b"=[", b"=\xff", b"=" + b"[" * 100_000, b'=["\\ud800"]', HUGE):
        pipeline.queue.put(text)
    assert pipeline.tick() == {}
    pipeline.write("a v=1")
    assert pipeline.tick() == {"influx.a.v": 1.0}


def test_series_goes_on_when_clock_is_set_back(pipeline: IngestPipeline) -> None:
    for value in (1, 2):
        pipeline.write(f"cpu v={value}")
        assert pipeline.tick() == {"influx.cpu.v": value}
        pipeline.now -= 3600
    pipeline.write(f"cpu v=3 {nanoseconds(pipeline.now - 1)}")
    assert pipeline.tick() == {"influx.cpu.v": 3}


def test_values_that_come_late_have_a_message(pipeline: IngestPipeline) -> None:
    names = [f"m{number},a={60 * 'x'},b={60 * 'y'}" for number in range(MAX_METRICS)]
    for value in range(MIN_FULL_TICKS):
        assert pipeline.source.status_message == ""
        pipeline.now += 1
        pipeline.write("\n".join(f"{name} v={value}" for name in names))
        pipeline.tick()
    assert pipeline.source.status_message == LATE
    pipeline.ticks_until_empty()
    assert pipeline.source.status_message == ""
