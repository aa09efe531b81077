"""Training runs: their names, states and configurations, and the keys of their metrics.

The metrics of a run are `run.NAME.METRIC`. `run.NAME.step` is the step of all values of a tick, except those
with a step of their own in `run.NAME.step:METRIC`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

RUN_PREFIX = "run."
# Panels of runs start with this. No other panel's name contains a colon.
RUN_PANEL_PREFIX = "run:"
STEP, OWN_STEP_PREFIX = "step", "step:"
RUNNING, FINISHED, FAILED, LOST = STATES = ("running", "finished", "failed", "lost")
MAX_RUN_NAME_LENGTH = 64
MAX_METRIC_NAME_LENGTH = 120
# Runs in a store; the oldest are forgotten first, but their metrics stay.
MAX_RUNS = 200
# Entries of a configuration, characters of a name or a text in it, and of the whole as JSON. Each change of a
# run writes the configurations of all, and pages load them.
MAX_CONFIG_ENTRIES, MAX_CONFIG_CHARS, MAX_CONFIG_JSON_CHARS = 100, 200, 16_000

ConfigValue = str | int | float | bool | None

_INVALID_CHARS = re.compile(r"[^\w-]+")


@dataclass(frozen=True, slots=True)
class Run:
    """One training run.

    `id` is what its program chose, and `name` the part of its keys, unique in a store. `title` is the name as
    the program wrote it. `error` is the type of the exception that ended a failed run. `start` and `end` are
    epoch seconds; `end` is None while it runs. `revision` rises with each change of any run.
    """

    id: str
    name: str
    title: str
    state: str
    start: float
    end: float | None = None
    error: str = ""
    config: Mapping[str, ConfigValue] = field(default_factory=dict)
    revision: int = 0


def run_slug(title: str) -> str:
    """Return a name for the keys of a run: letters, digits, `_` and `-`.

    >>> run_slug("ResNet 50, lr=0.1"), run_slug("v1.2"), run_slug("…")
    ('ResNet-50-lr-0-1', 'v1-2', 'run')
    """
    return _INVALID_CHARS.sub("-", title).strip("-")[:MAX_RUN_NAME_LENGTH] or "run"


def split_run_key(key: str) -> tuple[str, str] | None:
    """Return the run and the metric of a key, or None for the key of another metric.

    >>> split_run_key("run.resnet.val.loss"), split_run_key("run.resnet"), split_run_key("running.x.y")
    (('resnet', 'val.loss'), None, None)
    """
    if not key.startswith(RUN_PREFIX):
        return None
    name, _, metric = key[len(RUN_PREFIX) :].partition(".")
    return (name, metric) if name and metric and run_slug(name) == name else None


def is_step(metric: str) -> bool:
    """Return whether a metric of a run is a step, and not a value.

    >>> is_step("step"), is_step("step:val.loss"), is_step("steps")
    (True, True, False)
    """
    return metric == STEP or metric.startswith(OWN_STEP_PREFIX)


def combine_steps(rows: list[Mapping[str, float]]) -> dict[str, float]:
    """Return the newest value of each metric of a run, each with its own step.

    A row has the values of one step, which it names STEP. The result has the last row's STEP, and an own step
    for each value of another step.

    >>> combine_steps([{"val": 0.5, "step": 100}, {"loss": 0.3, "step": 101}])
    {'val': 0.5, 'loss': 0.3, 'step': 101, 'step:val': 100}
    """
    values: dict[str, float] = {}
    steps: dict[str, float] = {}
    newest: float | None = None
    for row in rows:
        step = row.get(STEP)
        newest = newest if step is None else step
        for name, value in row.items():
            if is_step(name):
                continue
            values[name] = value
            own = row.get(OWN_STEP_PREFIX + name, step)
            if own is None:
                steps.pop(name, None)
            else:
                steps[name] = own
    if newest is not None:
        values[STEP] = newest
        values |= {OWN_STEP_PREFIX + name: step for name, step in steps.items() if step != newest}
    return values
