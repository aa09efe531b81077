"""Forecasts of a store: when its metrics that fill up are full."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from dashapp.model.columns import Columns
from dashapp.model.statistics.capacity import capacity
from dashapp.model.statistics.forecast import HOUR_S, WEEK_S, Forecast, rising_trend
from dashapp.model.ticks import Metric, to_milliseconds
from dashapp.query.levels import Levels
from dashapp.stores.base import Reader

# Metrics of one store with a forecast, in the order of the catalogue.
MAX_METRICS = 200


@dataclass(frozen=True, slots=True)
class MetricForecast:
    metric: Metric
    forecast: Forecast


def forecasts_of(
    store: Reader, hour: float, step: float, keys: Collection[str] | None = None
) -> tuple[list[MetricForecast], bool]:
    """Return the forecasts after the whole hour that ends at `hour`, in seconds UTC.

    Also return whether the store answered all reads. `keys`: only these metrics. `step`: seconds between
    ticks, for a store without any.
    """
    metrics = [metric for metric in _with_capacity(store.metrics()) if keys is None or metric.key in keys]
    metrics = metrics[:MAX_METRICS]
    if not metrics:
        return [], True
    levels = Levels(store, step)
    start_ms, end_ms = to_milliseconds(hour - WEEK_S), to_milliseconds(hour)
    columns = levels.read(start_ms, end_ms, to_milliseconds(HOUR_S), [metric.key for metric in metrics])
    forecasts = []
    for metric in metrics:
        trend = rising_trend(_points(columns, metric.key), hour)
        limit = capacity(metric)
        forecast = trend.forecast(limit) if trend and limit is not None else None
        if forecast is not None:
            forecasts.append(MetricForecast(metric, forecast))
    return forecasts, levels.is_complete


def _with_capacity(metrics: Iterable[Metric]) -> list[Metric]:
    return [metric for metric in metrics if capacity(metric) is not None]


def _points(columns: Columns, key: str) -> list[tuple[float, float]]:
    """Return the middle and the mean of each hour that has a value."""
    if key not in columns.keys:
        return []
    means = columns.mean[columns.keys.index(key)]
    present = ~np.isnan(means)
    times = columns.t[present] / 1000 - HOUR_S / 2
    return [*zip(times.tolist(), means[present].tolist(), strict=True)]
