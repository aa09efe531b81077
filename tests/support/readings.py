"""Values and labels of a reading by metric key."""

from __future__ import annotations

from collections.abc import Mapping

from dashapp.model.ticks import Metric


def by_key(values: Mapping[Metric, float]) -> dict[str, float]:
    return {metric.key: value for metric, value in values.items()}


def labels(values: Mapping[Metric, float]) -> dict[str, str]:
    return {metric.key: metric.label for metric in values}
