"""The failed units of systemd: their number, and a line for each name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from dashapp.model.ticks import Metric
from dashapp.sources.named_values import plain_label
from dashapp.sources.slug import SlugRegistry
from dashapp.sources.system.groups.identity import unescape_unit

FAILED = Metric("services.failed", "Failed units", "", "failedunits", 0.0)

INTERVAL_S = 60.0
TIMEOUT_S = 5.0
# Names with a line of their own; the number counts all.
MAX_NAMES = 20

_COMMAND = ("systemctl", "list-units", "--failed", "--all", "--plain", "--no-legend", "--no-pager", "--full")
# systemd makes this folder when it starts as the first process (sd_booted(3)).
_BOOTED = "/run/systemd/system"


def is_booted_by_systemd(booted: str = _BOOTED) -> bool:
    return Path(booted).is_dir()


class FailedUnitsSource:
    """Runs systemctl, which may take seconds. It has no values if systemctl does not answer."""

    is_optional = True

    def __init__(self, command: Sequence[str] = _COMMAND, timeout: float = TIMEOUT_S) -> None:
        self._command = command
        self._timeout = timeout
        self._slugs = SlugRegistry(max_length=100)

    def read(self) -> Mapping[Metric, float]:
        try:
            result = subprocess.run(
                self._command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout,
                env={**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0"},
            )
        except (OSError, subprocess.SubprocessError):
            return {}
        if result.returncode != 0:
            return {}
        units = parse_units(result.stdout)
        values: dict[Metric, float] = {FAILED: len(units)}
        self._slugs.keep(units)
        for unit in units[:MAX_NAMES]:
            key = f"service.{self._slugs(unit)}.failed"
            values[Metric(key, plain_label(unit), "", "failedunits", 0.0)] = 1
        return values


def parse_units(output: bytes) -> list[str]:
    """Return the names of the units in the output of `systemctl list-units --plain`, in order.

    >>> parse_units(b"foo.service loaded failed failed Foo\\n")
    ['foo.service']
    """
    words = (line.split(None, 4) for line in output.decode(errors="replace").splitlines())
    return sorted(unescape_unit(line[0]) for line in words if len(line) >= 4 and "." in line[0])
