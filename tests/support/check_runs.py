"""Run one check to its end."""

from __future__ import annotations

from typing import Any

from dashapp.sources.external.checks.source import CheckSource, Result
from dashapp.sources.external.checks.target import Target


def run_check(text: str, **options: Any) -> Result:
    """Return the result of a check, as its source keeps it.

    Without a timeout in `text` or `options` it has the longest one: the machine may be slow.
    """
    if "timeout=" not in text and not options:
        options = {"timeout": 60.0} | ({} if "every=" in text else {"every": 60.0})
    return CheckSource(Target.parse(text, options)).run_once()
