"""Description of the machine, to judge figures by; without its name, a user or a path."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench.page import chromium

LIBRARIES = ("dash", "plotly", "granian", "diskcache", "psutil", "redis", "playwright")


def words() -> str:
    cores = os.cpu_count() or 1
    # Without the number of the build.
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{cores} core{'s' if cores > 1 else ''} of {_model()}, {system}. "
        f"Python {platform.python_version()}, {_browser()}. Libraries: {libraries}."
    )


def _model() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _browser() -> str:
    path = chromium()
    if path is None:
        return "Playwright's own Chromium"
    process = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=20)
    words = process.stdout.split()
    return " ".join(words[:2]) if words else "Chromium"
