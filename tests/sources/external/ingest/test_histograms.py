"""Buckets of histograms: differences in any scale, and percentiles near the real ones."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thorough import amount

from dashapp.sources.external.ingest.histograms import (
    Buckets,
    ExplicitBuckets,
    ExponentialBuckets,
    decode_buckets,
    percentiles,
)
from dashapp.sources.external.ingest.records import HISTOGRAM, Point, SeriesId, decode_record, encode_records

SERIES = SeriesId("otel", HISTOGRAM, "s", "duration").encode()


def exponential(values: Sequence[float], scale: int) -> ExponentialBuckets:
    """Return the buckets of values, as an SDK counts them."""
    sides: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for value in values:
        if value:
            index = math.ceil(math.log2(abs(value)) * 2.0**scale) - 1
            side = sides[value < 0]
            side[index] = side.get(index, 0) + 1
    return ExponentialBuckets(scale, float(sum(not value for value in values)), *sides)


VALUES = st.lists(st.floats(0.001, 1000) | st.floats(-1000, -0.001) | st.just(0.0), min_size=1, max_size=30)


@given(VALUES, st.integers(0, 8))
@settings(max_examples=amount(100, 2000), deadline=None)
def test_percentiles_of_exponential_buckets_are_in_the_bucket_of_the_real_one(
    values: list[float], scale: int
) -> None:
    found = percentiles(exponential(values, scale))
    for share, value in zip((0.5, 0.95, 0.99), found, strict=True):
        real = sorted(values)[math.ceil(share * len(values)) - 1]
        assert value is not None
        assert value == pytest.approx(real, rel=2.0 ** (2.0**-scale) - 1 + 1e-6, abs=1e-9)


@given(VALUES, VALUES, st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=amount(100, 2000), deadline=None)
def test_difference_of_scales_has_the_new_observations(
    first: list[float], second: list[float], old_scale: int, drop: int
) -> None:
    # An SDK lowers its scale when the values need more room.
    before = exponential(first, old_scale + drop)
    after = exponential(first + second, old_scale)
    difference = after.combine(before, -1)
    assert difference is not None
    assert difference.cumulative() == exponential(second, old_scale).cumulative()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ExplicitBuckets((1.0,), (1.0, 1.0)), ExplicitBuckets((2.0,), (1.0, 1.0))),
        (ExplicitBuckets((1.0,), (1.0, 1.0)), ExplicitBuckets((1.0,), (2.0, 0.0))),
        (ExplicitBuckets((1.0,), (1.0, 1.0)), ExponentialBuckets(0, 0.0, {}, {})),
        (ExponentialBuckets(0, 0.0, {}, {}), ExplicitBuckets((1.0,), (1.0, 1.0))),
        (ExponentialBuckets(0, 0.0, {1: 1.0}, {}), ExponentialBuckets(0, 1.0, {1: 1.0}, {})),
        (ExponentialBuckets(0, 0.0, {1: 1.0}, {}), ExponentialBuckets(0, 0.0, {1: 2.0}, {})),
        (ExponentialBuckets(0, 0.0, {}, {}), ExponentialBuckets(0, 0.0, {}, {3: 1.0})),
    ],
)
def test_difference_that_is_no_histogram_is_unknown(first: Buckets, second: Buckets) -> None:
    assert first.combine(second, -1) is None


@pytest.mark.parametrize(
    "buckets",
    [
        None,
        ExplicitBuckets((), (5.0,)),
        ExplicitBuckets((1.0,), (0.0, 0.0)),
        ExplicitBuckets((1.0,), (0.0, 4.0)),
        ExponentialBuckets(0, 0.0, {}, {}),
        ExponentialBuckets(-10, 0.0, {100_000: 5.0}, {}),
    ],
)
def test_uncertain_percentiles_are_none(buckets: Buckets | None) -> None:
    assert percentiles(buckets) == [None, None, None]


COUNTS = st.dictionaries(st.integers(-(1 << 31), 1 << 31), st.integers(0, 1 << 60).map(float), max_size=5)


@given(
    st.builds(ExponentialBuckets, st.integers(-10, 20), st.integers(0, 1 << 60).map(float), COUNTS, COUNTS)
    | st.lists(st.floats(allow_nan=False, allow_infinity=False), unique=True, max_size=5).map(
        lambda bounds: ExplicitBuckets(tuple(sorted(bounds)), (1.0,) * (len(bounds) + 1))
    )
)
@settings(max_examples=amount(100, 2000), deadline=None)
def test_record_returns_the_buckets_of_its_points(buckets: Buckets) -> None:
    point = Point(SERIES, 1.5, 3.0, 0.5, True, 2.0, buckets)
    (record,) = encode_records([point])
    assert decode_record(record[1:]) == [point]
    percentiles(buckets)


@pytest.mark.parametrize("fields", [[], [[1]], "ab", [1, 2, 3], [0, 0, [], [], []], [None, 0, [], []]])
def test_other_fields_are_no_buckets(fields: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode_buckets(fields)


@pytest.mark.parametrize(
    "buckets", [[1, 0, {"a": 1}, []], [{}, {}], {}, [0, 0, [], {"1": 2}], "ab", [[1], "ab"]]
)
def test_record_with_foreign_buckets_has_no_point(buckets: object) -> None:
    # An error would keep the record in the queue, and all others behind it.
    record = json.dumps([[SERIES, 1.0, 1.0, 0.0, 0, None, buckets], [SERIES, 2.0, 1.0]])
    assert [point.time for point in decode_record(record.encode())] == [2.0]
