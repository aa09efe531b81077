"""Entries: what a pushed body may say, each bound told in one sentence. Knows no HTTP and no store.

{"metrics": {"loss": 0.31, "train.accuracy": 0.9}, "t": 1795218017}      or a list of those
"""

from __future__ import annotations

import json
import math
from typing import Any

from dashapp.api.params import shown
from dashapp.model.ticks import LARGEST_VALUE, BadRequestError
from dashapp.sources.push import LONGEST_NAME

MOST_VALUES = 1000
# Seconds that an entry's time may lie from now: it goes into the next tick, and into no other.
NOW = 60.0
# What is greater is milliseconds: as seconds it would be the year 5138.
MILLISECONDS_FROM = 1e11

# Objects in a browser have these before anybody gives them any.
TAKEN = frozenset(
    (
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    )
)


def entries(body: bytes, now: float) -> dict[str, float]:
    """The values by name, the last of each. BadRequestError where anything in the body is not right.

    `now`: epoch seconds.
    """
    try:
        # Whole numbers as floats: one of a million digits is then infinite, and cheap.
        given = json.loads(body.decode(), parse_int=float)
    except UnicodeDecodeError:
        raise BadRequestError("the body is not UTF-8") from None
    except RecursionError:
        raise BadRequestError("the body is nested too deep") from None
    except ValueError as error:
        raise BadRequestError(f"the body is not JSON: {error}") from None
    listed = given if isinstance(given, list) else [given]
    values: dict[str, float] = {}
    count = 0
    for number, entry in enumerate(listed, 1):
        where = f"entry {number}: " if isinstance(given, list) else ""
        metrics = _metrics(entry, now, where)
        count += len(metrics)
        if count > MOST_VALUES:
            raise BadRequestError(f"there are more than {MOST_VALUES} values; push them in several requests")
        for name, value in metrics.items():
            values[name] = _value(name, value, where)
    if not values:
        raise BadRequestError(f"there are no values; {EXAMPLE}")
    return values


EXAMPLE = 'expected such as {"metrics": {"loss": 0.31}}'


def _metrics(entry: Any, now: float, where: str) -> dict[str, Any]:
    """What an entry says under "metrics", and whether the rest of it is right."""
    if not isinstance(entry, dict):
        raise BadRequestError(f"{where}{_kind(entry)} is no entry; {EXAMPLE}")
    for key in entry:
        if key not in ("metrics", "t"):
            raise BadRequestError(f"{where}{shown(key)} is not known here; metrics and t are")
    if not isinstance(metrics := entry.get("metrics", {}), dict):
        raise BadRequestError(f"{where}metrics is {_kind(metrics)}; {EXAMPLE}")
    if "t" in entry:
        _check_time(entry["t"], now, where)
    return metrics


def _check_time(given: Any, now: float, where: str) -> None:
    seconds = given if isinstance(given, float) else math.nan
    if seconds >= MILLISECONDS_FROM:
        seconds /= 1000
    if not abs(seconds - now) <= NOW:
        told = f"{given:.15g}" if isinstance(given, float) else _kind(given)
        raise BadRequestError(
            f"{where}t is {told}; expected epoch seconds or milliseconds at most {NOW:g} seconds "
            f"from now, which is {now:.0f}, or no t"
        )


def _value(name: str, value: Any, where: str) -> float:
    # Printable: a lone surrogate, which no answer could carry, is not, nor is a line break.
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable() and name.strip() == name):
        raise BadRequestError(
            f"{where}{shown(name)} is no name; expected 1 to {LONGEST_NAME} printable characters, "
            "no space at either end"
        )
    if "," in name or name.startswith("__") or name in TAKEN:
        raise BadRequestError(f"{where}{shown(name)} is no name that a page can ask for; choose another")
    if not isinstance(value, float):
        raise BadRequestError(f"{where}{shown(name)} is {_kind(value)}; expected a number")
    if not abs(value) <= LARGEST_VALUE:
        raise BadRequestError(
            f"{where}{shown(name)} is {value}; expected a number of at most {LARGEST_VALUE:.0e}"
        )
    return value


def _kind(value: Any) -> str:
    """What it is, in JSON's words."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else "a number"
