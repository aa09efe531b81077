"""The sampler: reads every source at one instant, and appends one tick to the store.

If a source fails, only its own metrics are missing.
"""

from __future__ import annotations

import logging
import math
import reprlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

from dashapp.collector.catalog import MetricCatalog
from dashapp.collector.derived import DerivedMetrics
from dashapp.model.formulas.derived import DerivedMetric
from dashapp.model.notices import MAX_NOTICES, NoticeSink
from dashapp.model.text import printable
from dashapp.model.ticks import Curves, Metric, SourceError, Tick, finite_values, max_encoded_chars
from dashapp.sources.base import Backfill, Source
from dashapp.sources.rejection import describe_value
from dashapp.stores.base import MAX_ROW_CHARS, Store

log = logging.getLogger("dashapp")

# Maximum characters of a notice, which must fit on the page.
MAX_NOTICE_LENGTH = 240

# An error of third-party code may be endless, or fail to print itself.
_BOUNDED_REPR = reprlib.Repr()
_BOUNDED_REPR.maxother = _BOUNDED_REPR.maxstring = 200

# Maximum characters of values in a tick, below the limit of the stores, because a row has a time too.
MAX_TICK_CHARS = MAX_ROW_CHARS - 1000

# A source without a number in this many readings is named on the page.
MAX_EMPTY_READINGS = 3

# Minimum seconds between two log lines about one source, however often it fails and recovers.
LOG_INTERVAL_S = 60.0


class Sampler:
    """Reads `sources` into `store`; `step` is the seconds between ticks.

    It logs a problem with a source once, and shows it in `notice` for as long as it lasts.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        store: Store,
        step: float,
        notice: NoticeSink | None = None,
        retention: float = math.inf,
        derived: Sequence[DerivedMetric] = (),
    ) -> None:
        """`retention`: the seconds for which the store keeps the history of a metric.

        `derived`: the metrics to compute from the values of the sources.
        """
        self._sources = sources
        self._store = store
        self._step = step
        self._notice = notice
        # A push is the last source. Its values were accepted, so no other source may take their place.
        self._reserved_chars = sum(getattr(source, "reserved_chars", 0) for source in sources)
        self._derived = DerivedMetrics(derived, (metric.key for metric in store.metrics()))
        self._catalog = MetricCatalog(store, retention, self._panel_kinds)
        self._curves: Mapping[str, Curves] | None = None
        self._problems: dict[int, str] | None = None
        self._log_times: dict[int, float] = {}
        # Readings of the sources that have not returned a number yet.
        self._empty_readings = dict.fromkeys(
            (number for number, source in enumerate(sources) if not getattr(source, "is_optional", False)), 0
        )

    def tick(self, time: float) -> Tick | None:
        """Append and return the tick of `time`; None if no source returned a value."""
        metrics: dict[str, Metric] = {}
        values: dict[str, float] = {}
        curves: dict[str, Curves] = {}
        problems: dict[int, str] = {}
        free_chars = MAX_TICK_CHARS - self._reserved_chars - self._derived.max_chars
        for number, source in enumerate(self._sources):
            try:
                readings = _values_by_key(source.read())
                numbers = finite_values({key: value for key, (_, value) in readings.items()})
                has_numbers = bool(numbers)
                invalid_keys = readings.keys() - numbers.keys() if len(numbers) < len(readings) else ()
                free_chars += getattr(source, "reserved_chars", 0)
                rejection = _remove_invalid(numbers, values, free_chars)
                free_chars -= max_encoded_chars(numbers)
                values.update(numbers)
                metrics.update((key, readings[key][0]) for key in numbers)
                # A source that merely has no new curves keeps its last ones; a source that fails loses them.
                source_curves = getattr(source, "curves", {})
                waiting = self._is_waiting(number, source, has_numbers)
                duplicates = source_curves.keys() & curves.keys()
                curves = {**source_curves, **curves}
            except SourceError as error:
                problems[number] = self._report(number, time, str(error)[:MAX_NOTICE_LENGTH], error)
            except Exception as error:
                # A source is third-party code: whatever it raises, the other sources must not lose their
                # second. The page shows only the kind of error, because its text may contain a path.
                message = f"{self._source_name(number)} failed: {type(error).__name__}"
                problems[number] = self._report(number, time, message, error)
            else:
                if invalid_keys:
                    key = min(invalid_keys)
                    message = f"{self._source_name(number)} returned no number for {key[:64]}"
                    # Keep the first value: a text that changes would change the page each second.
                    previous = (self._problems or {}).get(number, "")
                    if not previous.startswith(f"{message} ("):
                        previous = f"{message} (it is {describe_value(readings[key][1])})"
                    problems[number] = self._report(number, time, previous)
                elif rejection:
                    problems[number] = self._report(number, time, f"{self._source_name(number)} {rejection}")
                elif duplicates:
                    message = f"returned curves for {min(duplicates)[:64]}, which an earlier source provides"
                    problems[number] = self._report(number, time, f"{self._source_name(number)} {message}")
                elif message := getattr(source, "status_message", ""):
                    problems[number] = self._report(number, time, message[:MAX_NOTICE_LENGTH])
                elif waiting:
                    message = f"{self._source_name(number)} has returned no number in {waiting} readings"
                    problems[number] = self._report(number, time, message)
        derived_values = self._derived.derive(values) if values else {}
        if message := self._derived.problem(time, values):
            number = len(self._sources)
            problems[number] = self._report(number, time, message[:MAX_NOTICE_LENGTH])
        self._update_notice(problems)
        if curves != self._curves:
            # Before the tick, so that a response about this tick has its curves.
            self._curves = curves
            self._store.set_curves(curves)
        if not values:
            return None
        for metric, value in derived_values.items():
            metrics[metric.key], values[metric.key] = metric, value
        tick = Tick(time, self._step, values)
        self._catalog.update(tick.time, metrics)
        self._store.append(tick)
        return tick

    def backfill(self, until: float, limit: int) -> None:
        """Append the ticks that sources have of the time before `until`, at most `limit` of each."""
        for number, source in enumerate(self._sources):
            try:
                ticks = list(getattr(source, "backfill", _no_backfill)(until, limit))
            except Exception as error:
                # The first reading reports the problem to the page.
                log.warning(
                    "%s failed to backfill (%s)", self._source_name(number), _BOUNDED_REPR.repr(error)
                )
                continue
            if not ticks:
                continue
            # The usual distance is the step: ticks that are farther apart have a gap between them.
            steps = sorted(new - old for (old, _), (new, _) in pairwise(ticks))
            step = max(self._step, steps[len(steps) // 2] if steps else 0.0)
            metrics = {metric.key: metric for _, readings in ticks for metric in readings}
            self._catalog.update(ticks[-1][0], metrics)
            append_count = 0
            for time, readings in ticks:
                values = finite_values({metric.key: value for metric, value in readings.items()})
                values |= {metric.key: value for metric, value in self._derived.derive(values).items()}
                append_count += self._store.append(Tick(time, step, values))
            if append_count < len(ticks):
                log.warning(
                    "%s backfilled %d ticks; %d of them are older than the store's newest and are dropped",
                    *(self._source_name(number), len(ticks), len(ticks) - append_count),
                )

    def _panel_kinds(self) -> dict[str, str]:
        panel_kinds: dict[str, str] = {}
        for source in self._sources:
            panel_kinds |= getattr(source, "panel_kinds", {})
        return panel_kinds

    def _is_waiting(self, number: int, source: Source, has_numbers: bool) -> int:
        """Return MAX_EMPTY_READINGS if a source has had so many and never a number, otherwise 0."""
        if number not in self._empty_readings:
            return 0
        if has_numbers:
            del self._empty_readings[number]
            return 0
        self._empty_readings[number] += 1
        count = getattr(source, "reading_count", self._empty_readings[number])
        return MAX_EMPTY_READINGS if count >= MAX_EMPTY_READINGS else 0

    def _source_name(self, number: int) -> str:
        source = self._sources[number]
        return str(getattr(source, "name", type(source).__name__))

    def _report(self, number: int, time: float, message: str, detail: object = None) -> str:
        # An application that embeds dashapp has a log of its own.
        message = printable(message)
        failing = self._problems is not None and number in self._problems
        # The clock may have been set back meanwhile.
        if not failing and abs(time - self._log_times.get(number, float("-inf"))) >= LOG_INTERVAL_S:
            self._log_times[number] = time
            if detail is None or isinstance(detail, SourceError):
                log.warning("%s", message)
            else:
                log.warning("%s (%s)", message, _BOUNDED_REPR.repr(detail))
        return message

    def _update_notice(self, problems: dict[int, str]) -> None:
        if self._notice and problems != self._problems:
            if problems:
                messages = list(problems.values())[:MAX_NOTICES]
                remainder = [f"and {len(problems) - MAX_NOTICES} more"] if len(problems) > MAX_NOTICES else []
                self._notice.set("; ".join([*messages, *remainder]))
            else:
                self._notice.clear()
        self._problems = problems


def _no_backfill(until: float, limit: int) -> Backfill:
    return ()


def _remove_invalid(numbers: dict[str, float], previous: Mapping[str, float], free_chars: int) -> str:
    """Remove numbers that the tick cannot take; return why, empty if all fit."""
    if duplicates := numbers.keys() & previous.keys():
        for key in duplicates:
            del numbers[key]
        return f"returned {min(duplicates)[:64]}, which an earlier source provides"
    if max_encoded_chars(numbers) <= free_chars:
        return ""
    count = len(numbers)
    for key in tuple(numbers):
        free_chars -= max_encoded_chars((key,))
        if free_chars < 0:
            del numbers[key]
    return (
        f"returned {count:,} values, and {count - len(numbers):,} of them are not stored: "
        f"a tick has at most {MAX_ROW_CHARS:,} characters"
    )


def _values_by_key(readings: Mapping[Metric, float]) -> dict[str, tuple[Metric, float]]:
    """Return the values by key. Raise TypeError if a source returned anything but metrics."""
    for metric in readings:
        if not (isinstance(metric, Metric) and isinstance(metric.key, str) and metric.key):
            raise TypeError(f"{metric!r:.80} is not a metric")
    return {metric.key: (metric, value) for metric, value in readings.items()}
