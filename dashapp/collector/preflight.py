"""Checks before anything starts: can the sources be created, and the alert addresses be used?

A function's module is other people's code: it is imported in a process of its own, which may hang or crash.
Addresses are named by position and service only, since they may contain passwords.
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
from dashapp.process.start import start_process
from dashapp.process.supervisor import python_command
from dashapp.sources.spec import MACHINE_SOURCE, NO_SOURCE

# Seconds that all modules together may take to be imported.
IMPORT_TIMEOUT_S = 20.0


def check_sources(
    settings: Settings,
    given: Sequence[str],
    patience: float = IMPORT_TIMEOUT_S,
    environ: Mapping[str, str] = os.environ,
    where: Path | None = None,
) -> None:
    """SettingsError where a source cannot be made. `given`: the command line that led to `settings`,
    `environ` the variables, and `where` the folder, the working folder where not given."""
    asked = [spec.text for spec in settings.source if spec.name not in (MACHINE_SOURCE, NO_SOURCE)]
    # A question to Redis takes a second and thirty megabytes, for a process that is to be quick and small.
    if not is_redis(settings.store) and (not asked or not settings.collector):
        return
    with start_process(
        python_command("dashapp", [CHECK_CONFIG_FLAG, *given]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=where,
        # As our child, so that an app that is imported for its functions collects nothing.
        env={**environ, "PYTHONIOENCODING": "utf-8:replace", "DASHAPP_CHILD": "1"},
    ) as process:
        try:
            _, stderr = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            raise SettingsError(
                [_source_problem(asked, f"importing it took more than {patience:g} seconds")]
            ) from None
        code = process.returncode
    if code == 2:
        raise SettingsError([line for line in stderr.decode(errors="replace").splitlines() if line])
    if code:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise SettingsError([_source_problem(asked, f"importing it ended the process ({how})")])


def _source_problem(asked: Sequence[str], what: str) -> str:
    return f'source is "{redact_credentials(" and ".join(asked))}"; {what}'


NOTIFY_VARIABLE = "DASHAPP_NOTIFY"


def alert_target_problems(settings: Settings) -> list[str]:
    """A sentence for each that no message could go to, or one where none could."""
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
