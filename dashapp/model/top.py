"""Top processes: the names of processes that used the most CPU or memory over some time.

A record has one ranking for each kind: `cpu` in percent of the machine, `memory` in bytes. Names are those of
the kernel; a record never has a command line, user or path.
"""

from __future__ import annotations

import heapq
import json
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dashapp.model.ticks import MAX_EPOCH_MS, MAX_WEIGHT_S

CPU, MEMORY = "cpu", "memory"
# Names in a ranking.
RANKING_LENGTH = 5
# Bounds of a record from elsewhere: its kinds, characters of a name, processes of a name, and values.
MAX_KINDS, MAX_NAME_CHARS, MAX_COUNT, MAX_RANKED_VALUE = 8, 64, 10_000_000, 1e18
# Decimals of a percentage, and significant digits of a number of bytes. More of them would be noise, and half
# of a block.
CPU_DIGITS, BYTES_DIGITS = 2, 4
# Metrics whose alert the processes of a kind explain, by the start of the key.
KINDS_OF_METRICS = {
    "cpu.": CPU,
    "load.": CPU,
    "pressure.cpu": CPU,
    "memory.": MEMORY,
    "swap.": MEMORY,
    "pressure.memory": MEMORY,
}


class TopEntry(NamedTuple):
    """All processes of one name: their CPU in percent of the machine or bytes, and their number."""

    name: str
    value: float
    processes: int


Ranking = Sequence[TopEntry]


@dataclass(frozen=True, slots=True)
class TopRecord:
    """The rankings, by kind, of the `step` seconds that end at `time_ms`.

    CPU is the mean over this time. Memory is its highest value. `unknown` is the share of the CPU in percent
    that no known process used, for example because these ended too soon; None if that is not known.
    """

    time_ms: int
    step: float
    rankings: Mapping[str, Ranking]
    unknown: float | None = None

    @property
    def start_ms(self) -> float:
        return self.time_ms - 1000 * self.step

    def encode(self) -> str:
        """Return one line of JSON: `[time_ms, step, {kind: [[name, value, count]]}, unknown]`."""
        return json.dumps([self.time_ms, self.step, self.rankings, self.unknown], separators=(",", ":"))

    @staticmethod
    def decode(text: object) -> TopRecord:
        """Return the record that `encode` wrote; ValueError on anything else."""
        if not isinstance(text, str | bytes):
            raise ValueError("not a record")
        try:
            time_ms, step, rankings, unknown = json.loads(text)
            return checked_record(time_ms, step, rankings, unknown)
        except (TypeError, AttributeError, LookupError, OverflowError, RecursionError) as error:
            raise ValueError("not a record") from error


class AlertProcesses(NamedTuple):
    """The processes that used the most of a kind before an alert fired at `time_ms`."""

    time_ms: int
    kind: str
    ranking: Ranking


def checked_record(time_ms: Any, step: Any, rankings: Mapping[Any, Any], unknown: Any) -> TopRecord:
    """Return a record of decoded JSON; ValueError or TypeError if it is none."""
    time_ms = operator.index(time_ms)
    if not (0 <= time_ms <= MAX_EPOCH_MS and 0 < step <= 366 * MAX_WEIGHT_S and len(rankings) <= MAX_KINDS):
        raise ValueError("not a record")
    if unknown is not None and not 0 <= unknown <= 100:
        raise ValueError("not a record")
    checked = {_checked_name(kind): checked_ranking(ranking) for kind, ranking in rankings.items()}
    return TopRecord(time_ms, float(step), checked, None if unknown is None else float(unknown))


def checked_ranking(rows: Any) -> list[TopEntry]:
    """Return a ranking of decoded JSON; ValueError or TypeError if it is none."""
    if len(rows) > RANKING_LENGTH:
        raise ValueError("not a ranking")
    ranking = []
    for name, value, count in rows:
        if not (0 <= value <= MAX_RANKED_VALUE and 0 < operator.index(count) <= MAX_COUNT):
            raise ValueError("not a ranking")
        ranking.append(TopEntry(_checked_name(name), value, count))
    return ranking


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name or len(name) > MAX_NAME_CHARS:
        raise ValueError("not a name")
    # Half of a surrogate pair is no text that a response can contain.
    name.encode()
    return name


def rank(entries: Iterable[TopEntry]) -> list[TopEntry]:
    """Return the highest entries, without those at 0. Equal ones are in alphabetical order."""
    present = [entry for entry in entries if entry.value > 0]
    return heapq.nsmallest(RANKING_LENGTH, present, key=lambda entry: (-entry.value, entry.name))


def combine_records(parts: Sequence[tuple[TopRecord, float]], time_ms: int, step: float) -> TopRecord:
    """Return records as one that ends at `time_ms`; each has the seconds for which it counts.

    A name counts while it is in a ranking, so its CPU is at least what the result has.
    """
    kinds = dict.fromkeys(kind for record, _seconds in parts for kind in record.rankings)
    total = math.fsum(seconds for record, seconds in parts if CPU in record.rankings)
    rankings = {}
    for kind in kinds:
        values: dict[str, float] = {}
        counts: dict[str, int] = {}
        for record, seconds in parts:
            for name, value, count in record.rankings.get(kind, ()):
                counts[name] = max(counts.get(name, 0), count)
                if kind == CPU:
                    values[name] = values.get(name, 0.0) + value * seconds
                else:
                    values[name] = max(values.get(name, 0.0), value)
        if kind == CPU:
            values = {name: round(value / (total or 1), CPU_DIGITS) for name, value in values.items()}
        rankings[kind] = rank(TopEntry(name, value, counts[name]) for name, value in values.items())
    return TopRecord(time_ms, step, rankings, _mean_unknown(parts))


def _mean_unknown(parts: Sequence[tuple[TopRecord, float]]) -> float | None:
    known = [(record.unknown, seconds) for record, seconds in parts if record.unknown is not None]
    total = math.fsum(seconds for _unknown, seconds in known)
    if not total:
        return None
    return round(math.fsum(unknown * seconds for unknown, seconds in known) / total, CPU_DIGITS)


def shorten_bytes(size: float) -> int:
    """Return a number of bytes with BYTES_DIGITS significant digits."""
    return int(float(f"{size:.{BYTES_DIGITS}g}"))


def kind_of_metric(key: str) -> str | None:
    """Return the kind of the ranking that explains a metric; None if none does."""
    return next((kind for start, kind in KINDS_OF_METRICS.items() if key.startswith(start)), None)


def describe_ranking(kind: str, ranking: Ranking, length: int = 3) -> str:
    """Return the first names of a ranking in words.

    >>> describe_ranking("cpu", [TopEntry("ffmpeg", 61.2, 1), TopEntry("python", 22.0, 4)])
    'ffmpeg 61 %, python 22 % (4 processes)'
    """
    return ", ".join(_describe_entry(kind, entry) for entry in ranking[:length])


def _describe_entry(kind: str, entry: TopEntry) -> str:
    value = _format_percent(entry.value) if kind == CPU else _format_bytes(entry.value)
    return f"{entry.name} {value}" + (f" ({entry.processes:,} processes)" if entry.processes > 1 else "")


def _format_percent(value: float) -> str:
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.1f} %"


def _format_bytes(value: float) -> str:
    """Return bytes with three digits.

    >>> _format_bytes(1_234_000_000), _format_bytes(12_340), _format_bytes(999_900)
    ('1.23 GB', '12.3 kB', '1 MB')
    """
    exponent = 0
    while exponent < 5 and float(f"{value / 1000**exponent:.3g}") >= 1000:
        exponent += 1
    return f"{float(f'{value / 1000**exponent:.3g}'):g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB')[exponent]}"
