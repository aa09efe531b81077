"""Notifications: changes of alerts in words, for a person who does not see the page.

They are plain text, because anyone may have chosen the name of a metric or of a process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from dashapp.model.thresholds import CRITICAL, MISSING_OP, REMINDER, TEST, AlertChange, AlertState
from dashapp.model.ticks import to_milliseconds
from dashapp.model.top import AlertProcesses, describe_ranking

Processes = Mapping[int, AlertProcesses]
# Sentences of the sources about changes, by their number.
Reasons = Mapping[int, str]

# Also in plain text, Discord and Mattermost notify everybody at "@everyone", Google Chat at "<users/all>",
# and Slack at "<!channel>" or, with apprise 1, "!channel>". The first two show "[text](address)" as a link,
# the others "<address|text>". A space without width prevents both.
_MENTION_OR_LINK = re.compile(r"(?<!\w)@|!(?=\w)|<(?=users/)|\](?=\()|:(?=//[^|\s]*[ \t]*\|)")
ZERO_WIDTH_SPACE = "\u200b"

# Changes that a message lists; it only counts the rest.
MAX_LISTED_CHANGES = 20
# Seconds that a link to a moment shows.
LINK_WINDOW_S = 600


@dataclass(frozen=True, slots=True)
class Message:
    """Title and body. `all_resolved` is true if none of the message's alerts is firing.

    `is_critical`: one of those that fire is critical.
    """

    title: str
    body: str
    all_resolved: bool
    is_critical: bool = False


def compose_message(
    changes: Sequence[AlertChange],
    count: int,
    firing_count: int,
    sender: str,
    processes: Processes = MappingProxyType({}),
    url: str = "",
    critical_count: int = 0,
    reasons: Reasons = MappingProxyType({}),
) -> Message:
    """Return the message of `changes`, oldest first, which are the newest of `count` changes.

    `firing_count` is the number of alerts that are firing now, and `critical_count` of those that are
    critical. `sender` is the start of the title. `processes` and `reasons` explain changes, by their number.
    `url` is the address of the page, or empty.
    """
    newest = {change.threshold: change for change in changes}
    all_resolved = count == len(changes) and not any(change.firing for change in newest.values())
    is_critical = any(change.firing and change.threshold.level == CRITICAL for change in newest.values())
    if count == 1:
        title = describe_change(changes[-1], processes, reasons)
    else:
        critical = f", {critical_count:,} critical" if critical_count else ""
        title = f"{count:,} alert changes; {firing_count:,} firing now{critical}"
    listed_changes = list(changes)[-MAX_LISTED_CHANGES:]
    lines = [format_line(change, processes, reasons) for change in listed_changes]
    if count > len(listed_changes):
        lines.insert(0, f"{count - len(listed_changes):,} earlier changes: see /api/alerts")
    if url:
        lines.append(moment_url(url, changes[-1].time))
    return Message(_disarm(f"{sender}: {title}"), _disarm("\n".join(lines)), all_resolved, is_critical)


def _disarm(text: str) -> str:
    r"""Return text in which a name of somebody else is neither a mention nor a link.

    >>> _disarm("@here (a@b.c [x](http://y))").split("\u200b")
    ['@', 'here (a@b.c [x]', '(http://y))']
    """
    return _MENTION_OR_LINK.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, text)


def critical_count(states: Iterable[AlertState]) -> int:
    """Return how many of these alerts are critical."""
    return sum(state.threshold.level == CRITICAL for state in states)


def moment_url(url: str, time: float) -> str:
    """Return the address of the page at a moment, with some time before and after it.

    >>> moment_url("https://monitor.example", 1795218017.0)
    'https://monitor.example/?window=600&end=1795218317000'
    """
    end_ms = to_milliseconds(time) + 1000 * LINK_WINDOW_S // 2
    return f"{url.rstrip('/')}/?window={LINK_WINDOW_S}&end={end_ms}"


def format_line(
    change: AlertChange,
    processes: Processes = MappingProxyType({}),
    reasons: Reasons = MappingProxyType({}),
) -> str:
    """Return one change as a line of a message, with its time in UTC."""
    return f"{_format_utc(change.time)}  {describe_change(change, processes, reasons)}"


def describe_change(
    change: AlertChange,
    processes: Processes = MappingProxyType({}),
    reasons: Reasons = MappingProxyType({}),
) -> str:
    """Return one change in words, such as "cpu.percent > 90: firing, at 97.3 (ffmpeg 61 %)"."""
    value_text = "" if change.value is None else f", at {change.value:.6g}"
    if change.detail and not change.firing:
        return f"{change.threshold.condition}: ended, {change.detail}"
    if change.kind == TEST:
        return f"{change.threshold.condition}: test of this rule{value_text}"
    if change.threshold.op == MISSING_OP:
        state = "no data" if change.firing else "data received"
    else:
        state = "firing" if change.firing else "resolved"
    still = "still " if change.kind == REMINDER and change.firing else ""
    level = " (critical)" if change.firing and change.threshold.level == CRITICAL else ""
    used = explanation_of(change, processes)
    reason = describe_ranking(used.kind, used.ranking) if used else reasons.get(change.number, "")
    names = f" ({reason})" if reason else ""
    if change.firing and change.detail:
        return f"{change.threshold.subject} {still}{change.detail}{level}{value_text}{names}"
    return f"{change.threshold.condition}: {still}{state}{level}{value_text}{names}"


def explanation_of(change: AlertChange, processes: Processes) -> AlertProcesses | None:
    """Return the processes that explain a change; None if they are unknown or another one's."""
    used = processes.get(change.number)
    is_same = used is not None and used.time_ms == to_milliseconds(change.time)
    return used if change.firing and is_same else None


def _format_utc(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
