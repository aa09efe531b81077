"""/api/usual: the usual ranges of metrics, for each hour of a time range."""

from __future__ import annotations

import math
from collections import OrderedDict
from datetime import tzinfo
from threading import Lock
from typing import Any

from dashapp.api.params import parse_metric_keys, parse_parameters, parse_range
from dashapp.api.top import UNREADABLE
from dashapp.model.statistics.forecast import HOUR_S
from dashapp.model.statistics.usual import MIN_WEEKS, WEEKS
from dashapp.model.ticks import BadRequestError, BusyError, to_milliseconds
from dashapp.query.time_zones import zone_of
from dashapp.query.usual import UsualBands, usual_bands
from dashapp.stores.base import Reader
from dashapp.stores.documents import ZONE

PARAMETERS = ("metrics", "from", "to")
# A longer range would be hundreds of hours, which a chart cannot show.
MAX_RANGE_S = 8 * 86_400
# Bands of one hour and one metric in a response, and responses in the cache.
MAX_BANDS, MAX_CACHED_RESPONSES = 10_000, 8
NO_METRICS = "metrics is not set; expected the keys of 1 to 64 metrics"
TOO_LITTLE_HISTORY = (
    f"There is too little history for usual values: {MIN_WEEKS} of the last {WEEKS} weeks are necessary."
)


class UsualEndpoint:
    """The usual ranges in `store`; `interval`: seconds between its ticks."""

    def __init__(self, store: Reader, interval: float) -> None:
        self._store = store
        self._interval = interval
        self._lock = Lock()
        self._cache: OrderedDict[Any, UsualBands] = OrderedDict()

    def json(self, query: str, now: float) -> dict[str, Any]:
        """Return the response; BadRequestError or BusyError if there is none. `now`: epoch seconds."""
        values = parse_parameters(query, PARAMETERS)
        if "metrics" not in values:
            raise BadRequestError(NO_METRICS)
        keys = sorted(
            parse_metric_keys(values.pop("metrics"), [metric.key for metric in self._store.metrics()])
        )
        start, end = parse_range(values or {"from": str(1000 * now - 1)}, MAX_RANGE_S, 1000 * now)
        count = (end - start) / 1000 / HOUR_S + 1
        if count * len(keys) > MAX_BANDS:
            raise BadRequestError(
                f"{len(keys)} metrics of {count:.0f} hours are requested; "
                f"expected at most {MAX_BANDS:,} in total"
            )
        zone = zone_of(self._store.read_document(ZONE))
        bands = self._bands(start / 1000, end / 1000, tuple(keys), zone, now)
        # The cache has whole hours of UTC, and the hours of some zones begin between them.
        shown = [
            number
            for number, (first, last) in enumerate(bands.hours)
            if 1000 * last > start and 1000 * first < end
        ]
        rows = {key: [bands.bands[key][number] for number in shown] for key in keys}
        hours = [bands.hours[number] for number in shown]
        return {
            "zone": str(zone),
            "start": [to_milliseconds(first) for first, _last in hours],
            "end": [to_milliseconds(last) for _first, last in hours],
            "low": {key: [band and band[0] for band in row] for key, row in rows.items()},
            "high": {key: [band and band[1] for band in row] for key, row in rows.items()},
            "message": "" if any(map(any, rows.values())) else TOO_LITTLE_HISTORY,
        }

    def _bands(self, start: float, end: float, keys: tuple[str, ...], zone: tzinfo, now: float) -> UsualBands:
        """Return the bands of the hours; the same for all requests for these hours in this hour."""
        first, last = start // HOUR_S * HOUR_S, math.ceil(end / HOUR_S) * HOUR_S
        key = (self._store.newest().generation, first, last, keys, str(zone), now // HOUR_S)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        bands = usual_bands(self._store, first, last, keys, zone, self._interval)
        if not bands.is_complete:
            raise BusyError(UNREADABLE)
        with self._lock:
            self._cache[key] = bands
            while len(self._cache) > MAX_CACHED_RESPONSES:
                self._cache.popitem(last=False)
        return bands
