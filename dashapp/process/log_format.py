"""The log of a process: one line for each message, without control characters.

A message can contain text of other programs, whose escape sequences would change the terminal, and whose line
breaks would look like further messages.
"""

from __future__ import annotations

import logging
from typing import Any

from dashapp.model.text import printable


class PlainFormatter(logging.Formatter):
    """Formats messages and exceptions as printable text. Only exceptions have several lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(map(printable, super().formatException(ei).split("\n")))


def log_to_terminal(name: str, level: int) -> None:
    """Log to standard error. `name`: of this process, in front of each message; may be empty."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter(f"%(asctime)s {name}{': ' if name else ''}%(message)s"))
    logging.basicConfig(handlers=[handler], level=level)
