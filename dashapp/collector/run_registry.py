"""Training runs in the collector: each gets a name of its own, and an end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from dashapp.model.runs import (
    LOST,
    MAX_RUN_NAME_LENGTH,
    MAX_RUNS,
    RUN_PREFIX,
    RUNNING,
    STEP,
    Run,
    combine_steps,
    run_slug,
    split_run_key,
)
from dashapp.model.ticks import finite_values

# Seconds without a sign of life after which a run is lost. Its client sends one every 15 seconds.
LOST_AFTER_S = 60.0
# Seconds between the start of a run and its first message, at most.
MAX_DELAY_S = 5.0


class RunRegistry:
    """The runs of a store.

    `observe` takes an entry of a client, and `finish_tick` returns the values.
    `runs`: those that the store has. `write` stores them all after a change.
    """

    def __init__(
        self,
        runs: Iterable[Run],
        write: Callable[[list[Run]], None],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._clock = clock
        self._monotonic = monotonic
        self._runs = {run.id: run for run in runs}
        # While no collector ran, no sign of life could arrive.
        now = monotonic()
        self._seen = {run.id: now for run in self._runs.values() if run.state == RUNNING}
        # Epoch seconds of the last sign of life.
        self._seen_at = dict.fromkeys(self._seen, clock())
        self._revision = max((run.revision for run in self._runs.values()), default=0)
        self._rows: dict[str, list[Mapping[str, float]]] = {}
        self._has_changed = False
        self._new_count = 0

    def observe(self, entry: Mapping[str, Any]) -> None:
        """Take an entry that the push endpoint has checked."""
        description = entry["run"]
        run = self._update(description)
        if run is None:
            return
        row = dict(entry.get("metrics", {}))
        if entry.get(STEP) is not None:
            row[STEP] = entry[STEP]
        if row := finite_values(row):
            self._rows.setdefault(run.name, []).append(row)

    def observe_values(self, values: Mapping[str, float]) -> dict[str, float]:
        """Take the values of runs that a program pushed by their keys; return the others."""
        others: dict[str, float] = {}
        rows: dict[str, dict[str, float]] = {}
        for key, value in values.items():
            if parts := split_run_key(key):
                rows.setdefault(parts[0], {})[parts[1]] = value
            else:
                others[key] = value
        for name, row in rows.items():
            by_name = next((run for run in self._runs.values() if run.name == name), None)
            run = self._update({"id": by_name.id if by_name else name, "name": name})
            if run is None:
                continue
            self._rows.setdefault(run.name, []).append(row)
        return others

    def finish_tick(self) -> dict[str, float]:
        """Return the values of this tick by key, and store the runs if they changed."""
        values = {
            f"{RUN_PREFIX}{name}.{metric}": value
            for name, rows in self._rows.items()
            for metric, value in combine_steps(rows).items()
        }
        self._rows, self._new_count = {}, 0
        now = self._monotonic()
        for run_id in [run_id for run_id, seen in self._seen.items() if now - seen > LOST_AFTER_S]:
            self._replace(self._runs[run_id], state=LOST, end=self._seen_at[run_id])
            del self._seen[run_id], self._seen_at[run_id]
        if self._has_changed:
            self._has_changed = False
            self._write(list(self._runs.values()))
        return values

    def _update(self, description: Mapping[str, Any]) -> Run | None:
        """Return the run of a description, after its changes; None if too many are new in this tick."""
        run = self._runs.get(description["id"])
        if run is None:
            if self._new_count >= MAX_RUNS:
                # Each further one would remove another one of this tick.
                return None
            run = self._add(description)
        state = description.get("state", RUNNING)
        changes: dict[str, Any] = {}
        if (config := description.get("config")) is not None and config != run.config:
            changes["config"] = config
        if "age" in description and (start := self._start(description)) < run.start - MAX_DELAY_S:
            # Its values came first, or the store is new.
            changes["start"] = start
        if state == RUNNING and run.state in (RUNNING, LOST):
            # A run that was lost may only have been disconnected.
            self._seen[run.id], self._seen_at[run.id] = self._monotonic(), self._clock()
            if run.state == LOST:
                changes |= {"state": RUNNING, "end": None}
        elif state != RUNNING and run.state in (RUNNING, LOST):
            changes |= {"state": state, "error": description.get("error", ""), "end": self._clock()}
            self._seen.pop(run.id, None)
            self._seen_at.pop(run.id, None)
        return self._replace(run, **changes) if changes else run

    def _add(self, description: Mapping[str, Any]) -> Run:
        self._new_count += 1
        if len(self._runs) >= MAX_RUNS:
            # Forget the oldest, and first of all those that ended.
            oldest = min(self._runs.values(), key=lambda run: (run.state == RUNNING, run.start))
            del self._runs[oldest.id]
            self._seen.pop(oldest.id, None)
            self._seen_at.pop(oldest.id, None)
        title = description["name"]
        name = base_name = run_slug(title)
        names = {run.name for run in self._runs.values()}
        number = 2
        while name in names:
            # The keys have the whole name, so it must not exceed the limit of a name.
            end = f"-{number}"
            name, number = base_name[: MAX_RUN_NAME_LENGTH - len(end)] + end, number + 1
        run = Run(description["id"], name, title, RUNNING, self._start(description))
        self._runs[run.id] = run
        self._seen[run.id], self._seen_at[run.id] = self._monotonic(), self._clock()
        return self._replace(run)

    def _start(self, description: Mapping[str, Any]) -> float:
        """Return the start by this clock, because its mark must fit the ticks."""
        return max(self._clock() - float(description.get("age", 0.0)), 0.0)

    def _replace(self, run: Run, **changes: Any) -> Run:
        self._revision += 1
        self._has_changed = True
        run = self._runs[run.id] = replace(run, revision=self._revision, **changes)
        return run
