"""Counts the alerts of `cpu.percent unusual for 10m` on public traces of CPUs.

    python -m bench.false_alarms FILE...

Each file is a CSV of values every five minutes. With a column `timestamp` it is one machine. Otherwise each
column but the first is one, and the first row is a Monday at midnight.

Two files have their results in docs/alerts.md.

- `data/microsoft_avg_100.rda` of https://github.com/carlonlv/DataCenterSim, saved as CSV. It has 28 days of
  100 virtual machines of the Azure Public Dataset V1 (https://github.com/Azure/AzurePublicDataset).
- `data/realKnownCause/cpu_utilization_asg_misconfiguration.csv` of https://github.com/numenta/NAB. It has 62
  days, with one labelled incident at the end. The other CPUs there have only two weeks.

Azure has no labels, so each number is an upper bound of the false alarms.
"""

from __future__ import annotations

import csv
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dashapp.alerts.evaluator import AlertEvaluator
from dashapp.alerts.outlook import Outlook
from dashapp.model.statistics.usual import WEEKS, UsualRange, hours_like, usual_range, with_margin
from dashapp.model.thresholds import Threshold
from dashapp.model.ticks import Tick

STEP_S, DAY_S, WEEK_S = 300, 86_400, 7 * 86_400
MINUTES_PER_VALUE = STEP_S // 60
FIRST_MONDAY = 1_767_571_200  # 2026-01-05
DURATIONS = ("5m", "10m", "30m", "1h")
# Without a margin, for comparison; and with the one of the product.
RANGES = {"band alone": lambda usual: usual, "with margin": lambda usual: with_margin(usual, "%")}


class TraceOutlook(Outlook):
    """The usual ranges of a trace, whose values are those of five minutes each."""

    def __init__(self, values: dict[float, float], widen: object) -> None:
        self._values = values
        self._widen = widen
        self._ranges: dict[float, UsualRange | None] = {}

    def usual_range(self, metric: str, time: float) -> UsualRange | None:
        start, _end, earlier = hours_like(time - 1, UTC)
        if start not in self._ranges:
            weeks = [self._minutes(first, last) for first, last in earlier[:WEEKS]]
            usual = usual_range(weeks)
            self._ranges[start] = usual and self._widen(usual)  # type: ignore[operator]
        return self._ranges[start]

    def _minutes(self, first: float, last: float) -> list[float]:
        times = range(int(first) + STEP_S, int(last) + 1, STEP_S)
        return [
            self._values[time] for time in times if time in self._values for _ in range(MINUTES_PER_VALUE)
        ]


def read_traces(path: Path) -> Iterator[dict[float, float]]:
    """Yield the values of each machine in a file by their time."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    header, *body = rows
    if "timestamp" in header:
        at, value = header.index("timestamp"), header.index("value")
        times = [datetime.fromisoformat(row[at]).replace(tzinfo=UTC).timestamp() for row in body]
        yield {
            float(math.ceil(time / STEP_S) * STEP_S): float(row[value])
            for time, row in zip(times, body, strict=True)
        }
        return
    for column in range(1, len(header)):
        yield {
            float(FIRST_MONDAY + STEP_S * number): float(row[column])
            for number, row in enumerate(body, 1)
            if row[column] not in ("", "NA")
        }


def count_alerts(values: dict[float, float], duration: str, widen: object) -> tuple[int, float]:
    """Return the number of alerts, and the days in which there could be any."""
    evaluator = AlertEvaluator(
        [Threshold.parse(f"cpu unusual for {duration}")], outlook=TraceOutlook(values, widen)
    )
    start = min(values) + 2 * WEEK_S
    alerts = 0
    for time in sorted(values):
        if time > start:
            changes = evaluator.evaluate(Tick(time, STEP_S, {"cpu": values[time]}))
            alerts += sum(change.firing for change in changes)
    return alerts, (max(values) - start) / DAY_S


def main(paths: Sequence[str]) -> None:
    for path in map(Path, paths):
        traces = [trace for trace in read_traces(path) if max(trace) - min(trace) > 2 * WEEK_S + DAY_S]
        print(f"{path.name}: {len(traces)} machines of more than 15 days")
        for name, widen in RANGES.items():
            for duration in DURATIONS:
                results = [count_alerts(trace, duration, widen) for trace in traces]
                if results:
                    alerts, days = sum(count for count, _ in results), sum(length for _, length in results)
                    rates = [7 * count / length for count, length in results]
                    print(
                        f"  {name}, for {duration}: {alerts} alerts in {days:.0f} days, "
                        f"{7 * alerts / days:.2f} a week and machine (median {statistics.median(rates):.2f})"
                    )


if __name__ == "__main__":
    main(sys.argv[1:])
