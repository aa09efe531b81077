"""An entry of a push with values of a training run.

It has `metrics`, the `step` of them, and `run`. That has the `name` of the run, and can have its `id`,
`config`, `state`, `error` (the type of the exception) and `age` in seconds. Entries with equal names and
different ids belong to different runs. Without an id, the name is the id.
"""

from __future__ import annotations

import json
import math
from typing import Any

from dashapp.model.runs import (
    FAILED,
    FINISHED,
    MAX_CONFIG_CHARS,
    MAX_CONFIG_ENTRIES,
    MAX_CONFIG_JSON_CHARS,
    MAX_METRIC_NAME_LENGTH,
    MAX_RUN_NAME_LENGTH,
    RUNNING,
    is_step,
)
from dashapp.model.text import quote_value
from dashapp.model.ticks import MAX_VALUE, BadRequestError

STATES = (RUNNING, FINISHED, FAILED)
KEYS = ("id", "name", "config", "state", "error", "age")
EXAMPLE = 'expected {"name": "resnet"}'


def parse_run_entry(entry: dict[str, Any], metrics: dict[str, float], prefix: str) -> dict[str, Any]:
    """Return the entry for the push queue; BadRequestError if a part of it is invalid.

    `metrics`: its values, which are checked already.
    """
    run = entry["run"]
    if not isinstance(run, dict):
        raise BadRequestError(f"{prefix}run is {json_type(run)}; {EXAMPLE}")
    for key in run:
        if key not in KEYS:
            raise BadRequestError(f"{prefix}{quote_value(key)} is not a key of run; {EXAMPLE}")
    name = _parse_text(run.get("name"), f"{prefix}the name of run", MAX_RUN_NAME_LENGTH)
    parsed: dict[str, Any] = {"id": name, "name": name}
    if "id" in run:
        parsed["id"] = _parse_text(run["id"], f"{prefix}the id of run", MAX_RUN_NAME_LENGTH)
    if "config" in run:
        parsed["config"] = _parse_config(run["config"], prefix)
    if "state" in run:
        if run["state"] not in STATES:
            raise BadRequestError(
                f"{prefix}state of run is {quote_value(run['state'])}; expected {', '.join(STATES)}"
            )
        parsed["state"] = run["state"]
    if run.get("error", ""):
        parsed["error"] = _parse_text(run["error"], f"{prefix}error of run", MAX_CONFIG_CHARS)
    if "age" in run:
        parsed["age"] = _parse_number(run["age"], f"{prefix}age of run")
    for metric in metrics:
        if is_step(metric) or len(metric) > MAX_METRIC_NAME_LENGTH:
            raise BadRequestError(
                f"{prefix}{quote_value(metric)} is not a metric of a run; expected a name of at most "
                f"{MAX_METRIC_NAME_LENGTH} characters, and the step beside metrics"
            )
    step = entry.get("step")
    if step is not None:
        step = _parse_number(step, f"{prefix}step")
    return {"run": parsed, "step": step, "metrics": metrics}


def _parse_text(value: Any, name: str, limit: int) -> str:
    if not (
        isinstance(value, str) and len(value.strip()) > 0 and len(value) <= limit and value.isprintable()
    ):
        text = quote_value(value) if isinstance(value, str) else json_type(value)
        raise BadRequestError(f"{name} is {text}; expected 1 to {limit} printable characters")
    return value.strip()


def _parse_config(config: Any, prefix: str) -> dict[str, Any]:
    if not isinstance(config, dict) or len(config) > MAX_CONFIG_ENTRIES:
        raise BadRequestError(
            f"{prefix}config of run is {json_type(config)}; expected an object with at most "
            f"{MAX_CONFIG_ENTRIES} entries"
        )
    for key, value in config.items():
        _parse_text(key, f"{prefix}a name in config", MAX_CONFIG_CHARS)
        if isinstance(value, str):
            is_valid = len(value) <= MAX_CONFIG_CHARS and value.isprintable()
        else:
            is_valid = value is None or isinstance(value, bool) or _is_number(value)
        if not is_valid:
            raise BadRequestError(
                f"{prefix}{quote_value(key)} in config is {json_type(value)}; expected a number, true, "
                f"false, null or text of at most {MAX_CONFIG_CHARS} printable characters"
            )
    if (size := len(json.dumps(config))) > MAX_CONFIG_JSON_CHARS:
        raise BadRequestError(
            f"{prefix}config of run has {size} characters as JSON; expected at most {MAX_CONFIG_JSON_CHARS}"
        )
    return config


def _parse_number(value: Any, name: str) -> float:
    if not _is_number(value) or value < 0:
        text = value if isinstance(value, float) else json_type(value)
        raise BadRequestError(f"{name} is {text}; expected a number of at least 0")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value) and abs(value) <= MAX_VALUE


def json_type(value: Any) -> str:
    """The JSON type of a value."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "a number"
