"""Checks before anything starts: can sources be created, and alert addresses be used?

The module of a source is third-party code that may hang or crash, so a separate process imports it. Messages
name an address by position and service only, because it may contain a password.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dashapp.alerts import apprise_worker
from dashapp.config.cli import CHECK_CONFIG_FLAG
from dashapp.config.parsers import is_redis
from dashapp.config.settings import Settings
from dashapp.model.text import redact_credentials
from dashapp.model.ticks import SettingsError
from dashapp.process.supervisor import python_command
from dashapp.sources.spec import MACHINE_SOURCE, NO_SOURCE

# Timeout in seconds for importing all modules together.
IMPORT_TIMEOUT_S = 20.0


def check_sources(
    settings: Settings,
    given: Sequence[str],
    patience: float = IMPORT_TIMEOUT_S,
    environ: Mapping[str, str] = os.environ,
    where: Path | None = None,
) -> None:
    """Raise SettingsError if a source cannot be created, or Redis cannot be used.

    `given`: the command line of `settings`. `environ`: its variables. `where`: the working directory of the
    check, the current one by default.
    """
    asked = [spec.text for spec in settings.source if spec.name not in (MACHINE_SOURCE, NO_SOURCE)]
    # The child checks Redis too: that takes a second and 30 MB, and this process must stay quick and small.
    if not is_redis(settings.store) and (not asked or not settings.collector):
        return
    try:
        done = subprocess.run(
            python_command("dashapp", [CHECK_CONFIG_FLAG, *given]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            cwd=where,
            env={**environ, "PYTHONIOENCODING": "utf-8:replace"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SettingsError(
            [_source_problem(asked, f"importing it took more than {patience:g} seconds")]
        ) from None
    if done.returncode == 2:
        raise SettingsError([line for line in done.stderr.decode(errors="replace").splitlines() if line])
    if done.returncode:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        raise SettingsError([_source_problem(asked, f"importing it ended the process ({how})")])


def _source_problem(asked: Sequence[str], what: str) -> str:
    return f'source is "{redact_credentials(" and ".join(asked))}"; {what}'


NOTIFY_VARIABLE = "DASHAPP_NOTIFY"


def alert_target_problems(settings: Settings) -> list[str]:
    """Return one sentence for each unusable address, or one in all if apprise is missing."""
    if not settings.notify:
        return []
    reasons = apprise_worker.invalid_targets(settings.notify)
    if set(reasons) == {apprise_worker.APPRISE_MISSING}:
        count = f"{len(reasons)} address{'es' if len(reasons) > 1 else ''}"
        return [f"{NOTIFY_VARIABLE} has {count}; {apprise_worker.APPRISE_MISSING}"]
    return [
        f'{NOTIFY_VARIABLE} {place} ("{address.partition("://")[0][:40]}://…") is {reason}'
        for place, (address, reason) in enumerate(zip(settings.notify, reasons, strict=True), 1)
        if reason
    ]
