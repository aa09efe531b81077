"""Clean a line of text: remove escape codes of terminals, and mark dates and times."""

from __future__ import annotations

import re

# Replaces each letter of a date or time, so that positions in the line stay.
TIME_MARK = "\x02"

# Codes that move the cursor to another place end a line.
_CURSOR = re.compile(r"\x1b\[[\d;]*[HfJABEFd]|\x1b[cDEM78]|[\x0b\x0c]")
_FORWARD = re.compile(r"\x1b\[\d*[CG]")
_ESCAPE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_].*?\x1b\\"
    r"|\x1b[ -/]*[0-~]|[\x07\x0e\x0f]"
)
_BACKSPACE = re.compile(r"[^\x08]\x08")

_DATE = r"""(?:\d{4}[-/.]\d\d?[-/.]\d\d? | \d\d?/\d\d?/\d{2,4} | \d\d?\.\d\d?\.\d{4} | \d\d?-\d\d?-\d{4}
    | \d{4}年\d+月\d+日)"""
_CLOCK = r"""(?:(?:上午|下午|午前|午後|오전|오후)\s?)?
    (?:\d{1,4}:\d\d(?::\d\d)?(?:\.\d+|,\d{3}(?=\s+\S))?
        (?:\s?(?:[AaPp]\.?\ ?[Mm]\b\.?|上午|下午))?(?:Z|[+-]\d\d:?\d\d)?
    | \d\d?\s?[時时시]\s?\d\d?\s?[分분]\s?\d\d?\s?[秒초])"""
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = re.compile(
    rf"""(?<![^\s,;"'\[(|#])(?:
    {_DATE}(?:(?:T|,?[ ]){_CLOCK}(?:[ ](?:[+-]\d{{4}}|UTC|GMT|CES?T)\b)?)?
    | (?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?{_MONTH}\s+\d\d?,?\s+(?:\d{{4}}\s+)?{_CLOCK}
        (?:\s[A-Z]{{2,5}})?(?:\s\d{{4}})?
    | (?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+)?\d\d?[-\s/]{_MONTH}[-\s/]\d{{4}}(?:[:\s]+{_CLOCK})?
    | \d+-{_CLOCK}
    | {_CLOCK}
    )(?![^\s,;"'\])|:])""",
    re.VERBOSE,
)
_MAYBE_TIME = re.compile(r"\d[:/年時时시.-]\d|\d\s?[時时시]|[A-Z][a-z]{2}[\s/-]+\d")


def clean(line: str) -> list[str]:
    """Return the lines that a terminal would show, without escape codes.

    >>> clean("\\x1b[1mcpu\\x1b[0m: 5\\x1b[K"), clean("a 1\\x1b[2;1Hb 2"), clean("\\ufeffc=3\\r")
    (['cpu: 5'], ['a 1', 'b 2'], ['c=3'])
    """
    line = line.lstrip("\ufeff")
    if "\x1b" in line or "\x08" in line or "\x07" in line or "\x0c" in line:
        line = _ESCAPE.sub("", _FORWARD.sub(" ", _CURSOR.sub("\n", line)))
        while "\x08" in line and (shorter := _BACKSPACE.sub("", line)) != line:
            line = shorter
        return [part.rstrip() for part in line.split("\n") if part.strip()] or [""]
    return [line.rstrip()]


def is_text(line: str) -> bool:
    """Return whether the line has printable letters, spaces and tabs only."""
    return line.isprintable() or "".join(" " if letter.isspace() else letter for letter in line).isprintable()


def mark_times(line: str) -> str:
    """Replace dates and times by marks of the same length.

    >>> mark_times("12:03:25 PM all 9,23").count(TIME_MARK), mark_times("10.0.0.1 1.2.3 16:9x")
    (11, '10.0.0.1 1.2.3 16:9x')
    """
    if _MAYBE_TIME.search(line) is None:
        return line
    return _TIME.sub(lambda match: TIME_MARK * len(match[0]), line)


def is_time(text: str) -> bool:
    """Return whether a part of a line consists of marks only."""
    return text[:1] == TIME_MARK and not text.strip(TIME_MARK)
