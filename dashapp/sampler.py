"""The sampler: reads every source at one instant, and appends one tick to the store.

A source that fails costs its own metrics and nobody else's. Knows no clock, process or signal.
"""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from dashapp.model import Metric, Tick, finite
from dashapp.sources import Source
from dashapp.stores import Store

log = logging.getLogger("dashapp")

# What a page has room for.
MOST_TOLD = 5

# Somebody else's error may be endless, or fail to say what it is.
_SHORT = reprlib.Repr()
_SHORT.maxother = _SHORT.maxstring = 200

# Seconds between two log lines about one source, however often it fails and recovers.
PATIENCE = 60.0


class Speaker(Protocol):
    """Where a sentence for the page goes: `notices.Notice`."""

    def say(self, sentence: str) -> None: ...
    def clear(self) -> None: ...


class Sampler:
    """Reads `sources` into `store`; `step` is the seconds between ticks.

    What is wrong with a source is logged once, and said to `notice` for as long as it lasts.
    """

    def __init__(
        self, sources: Sequence[Source], store: Store, step: float, notice: Speaker | None = None
    ) -> None:
        self._sources = sources
        self._store = store
        self._step = step
        self._notice = notice
        self._known: dict[str, Metric] = {metric.key: metric for metric in store.metrics()}
        self._described: dict[str, Metric] = {}
        self._wrong: dict[int, str] | None = None
        self._logged: dict[int, float] = {}

    def tick(self, time: float) -> Tick | None:
        """The tick of `time`, kept; None where no source gave a value."""
        metrics: dict[str, Metric] = {}
        values: dict[str, float] = {}
        wrong: dict[int, str] = {}
        for number, source in enumerate(self._sources):
            try:
                found = _by_key(source.read())
                numbers = finite({key: value for key, (_, value) in found.items()})
                values.update(numbers)
                metrics.update((key, found[key][0]) for key in numbers)
            except Exception as error:
                # A source is somebody else's code: whatever it raises, the others keep their second.
                # Only the kind of error goes on the page: its text may hold a path.
                wrong[number] = self._note(number, time, f"gives nothing: {type(error).__name__}", error)
            else:
                if len(numbers) < len(found):
                    key = min(found.keys() - numbers.keys())
                    kind = type(found[key][1]).__name__
                    wrong[number] = self._note(number, time, f"gives no number for {key[:64]}", kind)
        self._tell(wrong)
        if not values:
            return None
        tick = Tick(time, self._step, values)
        described = self._described
        # Most are the very same objects as in the tick before, and to compare two by value costs far more.
        if any(
            (old := described.get(key)) is not metric and old != metric for key, metric in metrics.items()
        ):
            described.update(metrics)
            self._store.describe((self._known | described).values())
        self._store.append(tick)
        return tick

    def _note(self, number: int, time: float, what: str, detail: object) -> str:
        source = self._sources[number]
        sentence = f"{getattr(source, 'name', type(source).__name__)} {what}"
        failing = self._wrong is not None and number in self._wrong
        if not failing and time - self._logged.get(number, float("-inf")) >= PATIENCE:
            self._logged[number] = time
            log.warning("%s (%s)", sentence, _SHORT.repr(detail))
        return sentence

    def _tell(self, wrong: dict[int, str]) -> None:
        if self._notice and wrong != self._wrong:
            if wrong:
                self._notice.say("; ".join(list(wrong.values())[:MOST_TOLD]))
            else:
                self._notice.clear()
        self._wrong = wrong


def _by_key(read: Mapping[Metric, float]) -> dict[str, tuple[Metric, float]]:
    """TypeError where a source answers with something else than metrics."""
    for metric in read:
        if not (isinstance(metric, Metric) and isinstance(metric.key, str) and metric.key):
            raise TypeError(f"{metric!r:.80} is not a metric")
    return {metric.key: (metric, value) for metric, value in read.items()}
