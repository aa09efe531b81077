"""/api/forecast: when the metrics that fill up are full.

The server computes it once an hour for each store.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

from dashapp.api.params import parse_metric_keys, parse_parameters
from dashapp.api.top import UNREADABLE
from dashapp.model.statistics.capacity import capacity
from dashapp.model.statistics.forecast import DAY_S
from dashapp.model.statistics.times import whole_hour
from dashapp.model.ticks import BusyError, Metric, to_milliseconds
from dashapp.query.forecasts import MetricForecast, forecasts_of
from dashapp.stores.base import Reader

PARAMETERS = ("metrics",)


class ForecastEndpoint:
    """The forecasts of `store`; `interval`: seconds between its ticks."""

    def __init__(self, store: Reader, interval: float) -> None:
        self._store = store
        self._interval = interval
        self._lock = Lock()
        self._hour: tuple[str, float, tuple[Metric, ...]] | None = None
        self._forecasts: list[MetricForecast] = []

    def json(self, query: str, now: float) -> list[dict[str, Any]]:
        """Return the response; BadRequestError or BusyError if there is none. `now`: epoch seconds."""
        metrics = self._store.metrics()
        values = parse_parameters(query, PARAMETERS)
        keys = None
        if "metrics" in values:
            keys = parse_metric_keys(values["metrics"], [metric.key for metric in metrics])
        return [
            forecast_json(row)
            for row in self._current(now, tuple(metrics))
            if (keys is None or row.metric.key in keys) and row.forecast.at > now
        ]

    def _current(self, now: float, metrics: tuple[Metric, ...]) -> list[MetricForecast]:
        """Return the forecasts of this hour. Requests wait for the one that computes them."""
        # Other metrics may appear and disappear with each tick.
        filling = tuple(metric for metric in metrics if capacity(metric) is not None)
        key = (self._store.newest().generation, whole_hour(now), filling)
        with self._lock:
            if key != self._hour:
                forecasts, is_complete = forecasts_of(self._store, key[1], self._interval)
                if not is_complete:
                    raise BusyError(UNREADABLE)
                self._hour, self._forecasts = key, forecasts
            return self._forecasts


def forecast_json(row: MetricForecast) -> dict[str, Any]:
    """Times in epoch milliseconds, and the slope in units of the metric per day."""
    metric, forecast = row.metric, row.forecast
    line = forecast.line
    return {
        "metric": metric.key,
        "label": metric.label,
        "unit": metric.unit,
        "limit": forecast.limit,
        "at": to_milliseconds(forecast.at),
        "earliest": to_milliseconds(forecast.earliest),
        "latest": None if forecast.latest is None else to_milliseconds(forecast.latest),
        "since": to_milliseconds(forecast.since),
        "start": line.value(forecast.since),
        "slope": DAY_S * line.slope,
        "slope_low": DAY_S * line.low,
        "slope_high": DAY_S * line.high,
    }
