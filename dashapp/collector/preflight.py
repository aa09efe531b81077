"""Checks before anything starts: can sources be created, and alert addresses be used?

The module of a source is third-party code that may hang or crash, so a separate process imports it. Messages
name an address by position and service only, because it may contain a password.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dashapp.config.cli import CHECK_CONFIG_FLAG
from dashapp.config.parsers import is_redis
from dashapp.config.settings import Settings
from dashapp.model.text import redact_credentials
from dashapp.model.ticks import SettingsError
from dashapp.process.start import start_process
from dashapp.process.supervisor import python_command
from dashapp.sources.spec import MACHINE_SOURCE, NO_SOURCE

# Timeout in seconds for importing all modules together.
IMPORT_TIMEOUT_S = 20.0


def check_sources(
    settings: Settings,
    args: Sequence[str],
    timeout: float = IMPORT_TIMEOUT_S,
    environ: Mapping[str, str] = os.environ,
    directory: Path | None = None,
) -> None:
    """Raise SettingsError if a source cannot be created, or Redis cannot be used.

    `args`: the command line of `settings`. `environ`: its variables. `directory`: the working directory of
    the check, the current one by default.
    """
    source_texts = [spec.text for spec in settings.source if spec.name not in (MACHINE_SOURCE, NO_SOURCE)]
    # The child checks Redis too: that takes a second and 30 MB, and this process must stay quick and small.
    if not is_redis(settings.store) and (not source_texts or not settings.collector):
        return
    with start_process(
        python_command("dashapp", [CHECK_CONFIG_FLAG, *args]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=directory,
        # As our child, so that an app that is imported for its functions collects nothing.
        env={**environ, "PYTHONIOENCODING": "utf-8:replace", "DASHAPP_CHILD": "1"},
    ) as process:
        try:
            _, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise SettingsError(
                [_source_problem(source_texts, f"importing it took more than {timeout:g} seconds")]
            ) from None
        code = process.returncode
    if code == 2:
        raise SettingsError([line for line in stderr.decode(errors="replace").splitlines() if line])
    if code:
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise SettingsError([_source_problem(source_texts, f"importing it ended the process ({reason})")])


def _source_problem(source_texts: Sequence[str], problem: str) -> str:
    return f'source is "{redact_credentials(" and ".join(source_texts))}"; {problem}'


NOTIFY_VARIABLE = "DASHAPP_NOTIFY"


def alert_target_problems(settings: Settings) -> list[str]:
    """Return one sentence for each unusable address, or one in all if apprise is missing."""
    if not settings.notify:
        return []
    # Imported only if needed, because the supervisor must stay small.
    from dashapp.alerts import apprise_worker

    reasons = apprise_worker.invalid_targets(settings.notify)
    if set(reasons) == {apprise_worker.APPRISE_MISSING}:
        count = f"{len(reasons)} address{'es' if len(reasons) > 1 else ''}"
        return [f"{NOTIFY_VARIABLE} has {count}; {apprise_worker.APPRISE_MISSING}"]
    return [
        f'{NOTIFY_VARIABLE} {position} is "{address.partition("://")[0][:40]}://…"; {reason}'
        for position, (address, reason) in enumerate(zip(settings.notify, reasons, strict=True), 1)
        if reason
    ]
