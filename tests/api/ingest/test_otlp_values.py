"""Values of OTLP: rates, histograms and units of each kind of metric."""

from __future__ import annotations

from typing import Any

import pytest
from ingest_pipeline import IngestPipeline
from otlp_requests import (
    DELTA,
    PROTOBUF,
    attributes,
    document,
    explicit,
    export,
    gauge,
    histogram,
    point,
    response,
    total,
)
from push_pipeline import NOW

from dashapp.api.ingest.otlp_points import MAX_ATTRIBUTES
from dashapp.model.ticks import Metric


@pytest.mark.parametrize(
    "metric",
    [
        gauge("a", point(NOW, flags=1, asDouble=5)),
        gauge("a", point(NOW)),
        *(gauge("a", point(NOW, asDouble=text)) for text in ("NaN", "Infinity", "-Infinity")),
        gauge("a", point(NOW, asDouble=1e301)),
        {"name": "a"},
        gauge("a"),
    ],
)
def test_point_without_number_is_a_gap(pipeline: IngestPipeline, metric: dict[str, Any]) -> None:
    assert response(export(pipeline, document(metric))).partial_success.rejected_data_points == 0
    assert pipeline.tick() == {}


def test_cumulative_sum_is_a_rate_until_it_starts_again(pipeline: IngestPipeline) -> None:
    def send(time: float, start: float, value: int) -> dict[str, float]:
        export(pipeline, document(total("jobs", point(time, start, asInt=str(value)))))
        return pipeline.tick()

    assert send(NOW, NOW - 50, 100) == {}
    assert send(NOW + 10, NOW - 50, 150) == {"otel.jobs": 5.0}
    assert send(NOW + 10, NOW - 50, 150) == {}, "the request was repeated"
    assert send(NOW + 20, NOW - 50, 150) == {"otel.jobs": 0.0}
    assert send(NOW + 30, NOW + 25, 160) == {}, "the program started again, and already did more"
    assert send(NOW + 40, NOW + 25, 170) == {"otel.jobs": 1.0}
    assert send(NOW + 50, NOW + 25, 10) == {}, "a value went back"
    assert send(NOW + 60, NOW + 25, 30) == {"otel.jobs": 2.0}


def test_points_of_two_requests_in_one_tick_give_one_rate(pipeline: IngestPipeline) -> None:
    for seconds, value in ((0, 0), (20, 400), (10, 100)):
        export(pipeline, document(total("jobs", point(NOW + seconds, NOW, asInt=str(value)))))
    assert pipeline.tick() == {"otel.jobs": 20.0}


def test_delta_sum_is_rate_over_its_interval_once(pipeline: IngestPipeline) -> None:
    def send(start: float, time: float, value: int) -> None:
        metric = total("jobs", point(NOW + time, NOW + start, asInt=str(value)), temporality=DELTA)
        export(pipeline, document(metric))

    send(-10, 0, 50)
    assert pipeline.tick() == {"otel.jobs": 5.0}
    send(0, 10, 20)
    send(0, 10, 20)
    send(10, 20, 40)
    assert pipeline.tick() == {"otel.jobs": 3.0}
    send(10, 20, 40)
    assert pipeline.tick() == {}
    send(40, 50, 10)
    assert pipeline.tick() == {"otel.jobs": 1.0}, "the interval does not include the time that is missing"


def test_delta_without_start_has_no_rate(pipeline: IngestPipeline) -> None:
    export(pipeline, document(total("jobs", point(NOW, asInt="5"), temporality=DELTA)))
    assert pipeline.tick() == {}


def test_non_monotonic_sum_is_a_gauge(pipeline: IngestPipeline) -> None:
    export(pipeline, document(total("queue", point(NOW, asInt="-3"), monotonic=False)))
    assert pipeline.tick() == {"otel.queue": -3.0}


def test_histogram_has_rate_mean_and_percentiles(pipeline: IngestPipeline) -> None:
    export(pipeline, document(histogram("d", explicit(0, [5, 5, 0], 10.0), unit="s")))
    assert pipeline.tick() == {}
    export(pipeline, document(histogram("d", explicit(10, [15, 15, 0], 35.0), unit="s")))
    values = pipeline.tick()
    assert values == pytest.approx(
        {"otel.d.count": 2.0, "otel.d.mean": 1.25, "otel.d.p50": 1.0, "otel.d.p95": 1.9, "otel.d.p99": 1.98}
    )
    export(pipeline, document(histogram("d", explicit(20, [15, 15, 0], 35.0), unit="s")))
    assert pipeline.tick() == {"otel.d.count": 0.0}, "without observations only the rate is certain"
    export(pipeline, document(histogram("d", explicit(30, [15, 15, 10], 95.0), unit="s")))
    assert pipeline.tick() == {"otel.d.count": 1.0, "otel.d.mean": 6.0}, "above the largest bound"
    export(pipeline, document(histogram("d", explicit(40, [15, 16, 10], 97.0, (1, 3)), unit="s")))
    assert pipeline.tick() == {"otel.d.count": 0.1, "otel.d.mean": 2.0}, "the buckets changed"
    assert pipeline.store.metrics()[0] == Metric("otel.d.count", "d count", "1/s", "otel_d-count", 0.0)


def test_delta_histograms_of_one_tick_are_added(pipeline: IngestPipeline) -> None:
    for number in range(2):
        metric = histogram("d", explicit(10 * (number + 1), [0, 4, 0], 6.0), unit="ms", temporality=DELTA)
        export(pipeline, document(metric))
    values = pipeline.tick()
    assert values["otel.d.count"] == pytest.approx(8 / 20)
    assert values["otel.d.mean"] == pytest.approx(0.0015)
    assert values["otel.d.p50"] == pytest.approx(0.0015)


def exponential(time: float, scale: int, offset: int, counts: list[int], **fields: Any) -> dict[str, Any]:
    buckets = {"offset": offset, "bucketCounts": [*map(str, counts)]}
    count = sum(counts) + int(fields.get("zeroCount", 0))
    return point(NOW + time, NOW, scale=scale, count=str(count), sum=1.0, positive=buckets, **fields)


def test_exponential_histogram_has_percentiles_when_its_scale_changes(pipeline: IngestPipeline) -> None:
    kind = "exponentialHistogram"
    # Scale 1: buckets of a factor of the square root of 2. Scale 0: of 2.
    export(pipeline, document(histogram("d", exponential(0, 1, 2, [3, 1]), kind=kind)))
    pipeline.tick()
    export(pipeline, document(histogram("d", exponential(10, 0, 1, [4, 10]), kind=kind)))
    values = pipeline.tick()
    assert values["otel.d.p50"] == pytest.approx(6.0)
    assert values["otel.d.count"] == 1.0
    export(pipeline, document(histogram("d", exponential(20, 0, 1, [4, 10], zeroCount="10"), kind=kind)))
    assert pipeline.tick()["otel.d.p50"] == 0.0
    export(pipeline, document(histogram("d", exponential(30, 0, 1, [4, 9], zeroCount="20"), kind=kind)))
    assert "otel.d.p50" not in pipeline.tick(), "a bucket went back"


def test_summary_has_rate_mean_and_its_quantiles(pipeline: IngestPipeline) -> None:
    for seconds, count, sum_ in ((0, 10, 20.0), (10, 20, 60.0)):
        quantiles = [{"quantile": 0.5, "value": 3.0}, {"quantile": 0.99, "value": "NaN"}]
        fields = {"count": str(count), "sum": sum_, "quantileValues": quantiles}
        summary = {"name": "d", "unit": "s", "summary": {"dataPoints": [point(NOW + seconds, NOW, **fields)]}}
        export(pipeline, document(summary))
        values = pipeline.tick()
    assert values == {"otel.d.count": 1.0, "otel.d.mean": 4.0, "otel.d.p50": 3.0}


@pytest.mark.parametrize(
    ("unit", "sent", "value", "shown"),
    [
        ("s", 2, 2, "s"),
        ("ms", 2000, 2, "s"),
        ("us", 5, 5e-6, "s"),
        ("min", 2, 120, "s"),
        ("By", 5, 5, "B"),
        ("KiBy", 2, 2048, "B"),
        ("MBy", 2, 2e6, "B"),
        ("%", 50, 50, "%"),
        ("1", 0.5, 0.5, ""),
        ("Cel", 21, 21, "°C"),
        ("{request}", 3, 3, ""),
        ("By{payload}", 3, 3, "B"),
        ("Hz", 3, 3, "Hz"),
        ("furlong", 3, 3, "furlong"),
        ("", 3, 3, ""),
    ],
)
def test_units_become_base_units(
    pipeline: IngestPipeline, unit: str, sent: float, value: float, shown: str
) -> None:
    export(pipeline, document(gauge("a", point(NOW, asDouble=sent), unit=unit)))
    assert pipeline.tick() == pytest.approx({"otel.a": value})
    assert pipeline.store.metrics()[0].unit == shown


def test_counter_goes_on_when_clock_is_set_back(pipeline: IngestPipeline) -> None:
    def send(seconds: float, value: int) -> dict[str, float]:
        pipeline.now = NOW + seconds
        export(pipeline, document(total("jobs", point(NOW + seconds, NOW - 9000, asInt=str(value)))))
        return pipeline.tick()

    assert send(0, 100) == {}
    assert send(10, 200) == {"otel.jobs": 10.0}
    assert send(-3600, 210) == {}, "the time between both points is not certain"
    assert send(-3590, 260) == {"otel.jobs": 5.0}
    assert send(-3600, 210) == {}, "a repetition"


def test_unit_of_a_megabyte_takes_no_time(pipeline: IngestPipeline) -> None:
    """Removing annotations from one of 2 MB took hours, in which no other thread ran."""
    answer = export(pipeline, document(gauge("a", point(NOW, asDouble=1), unit="{" * 1_000_000)), PROTOBUF)
    assert answer.status == 200
    assert list(pipeline.tick().values()) == [1.0]


def test_point_of_too_many_attributes_is_rejected(pipeline: IngestPipeline) -> None:
    many = attributes(**{f"a{number}": 1 for number in range(MAX_ATTRIBUTES + 1)})
    few = attributes(a="x")
    points = [point(NOW, asDouble=1, attributes=many), point(NOW, asDouble=2, attributes=few)]
    partial = response(export(pipeline, document(gauge("m", *points)))).partial_success
    assert partial.rejected_data_points == 1
    assert f"expected at most {MAX_ATTRIBUTES} attributes; it has {len(many)}" in partial.error_message
    assert list(pipeline.tick().values()) == [2.0]
