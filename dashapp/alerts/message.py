"""A message: what became of thresholds, put in words for a person who is elsewhere.

Pure: knows no address, store or clock. Plain text: a metric's name may be anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dashapp.model.thresholds import MISSING_OP, AlertChange

# Changes told one by one in a message; of the rest the number.
MAX_LISTED_CHANGES = 20


@dataclass(frozen=True, slots=True)
class Message:
    """`all_resolved`: whether nothing is broken of what it tells."""

    title: str
    body: str
    all_resolved: bool


def compose_message(changes: Sequence[AlertChange], count: int, broken: int, whose: str) -> Message:
    """`changes`, oldest first, are the newest of `count`; so many thresholds are `broken` now."""
    newest = {each.threshold: each for each in changes}
    good = count == len(changes) and not any(each.firing for each in newest.values())
    if count == 1:
        title = describe_change(changes[-1])
    else:
        title = f"{count:,} alerts; {broken:,} {'is' if broken == 1 else 'are'} broken now"
    told = list(changes)[-MAX_LISTED_CHANGES:]
    lines = [format_line(each) for each in told]
    if count > len(told):
        lines.insert(0, f"{count - len(told):,} before these; /api/alerts lists them.")
    return Message(f"{whose}: {title}", "\n".join(lines), good)


def format_line(change: AlertChange) -> str:
    """One of a message's lines."""
    return f"{_format_utc(change.time)}  {describe_change(change)}"


def describe_change(change: AlertChange) -> str:
    """ "cpu.percent > 90 for 30s: broken, at 97.3" """
    if change.threshold.op == MISSING_OP:
        what = "no data" if change.firing else "data again"
    else:
        what = "broken" if change.firing else "well again"
    at = "" if change.value is None else f", at {change.value:.6g}"
    return f"{change.threshold.text}: {what}{at}"


def _format_utc(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
