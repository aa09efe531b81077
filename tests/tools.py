"""Finds the programs that tests check with; `--install` fetches them from the system's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BESIDE = Path(sys.executable).parent
ADVICE = "promtool is missing: install your system's package `prometheus`; tests that need it are left out."


def promtool() -> str | None:
    """The path of Prometheus's own checker; None where there is none."""
    beside = BESIDE / "promtool"
    return str(beside) if beside.exists() else shutil.which("promtool")


def nginx() -> str | None:
    """The path of nginx; None where there is none. Debian keeps it where only root looks."""
    beside = BESIDE / "nginx"
    return (
        str(beside) if beside.exists() else shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    )


def install() -> int:
    """promtool alone out of Debian's package, which as a whole would start a service; always 0."""
    if promtool():
        return 0
    apt, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt and unpack:
        with tempfile.TemporaryDirectory() as folder:
            if os.geteuid() == 0:
                subprocess.run([apt, "-qq", "update"], check=False, stdout=subprocess.DEVNULL)
            subprocess.run(
                [apt, "-qq", "-o", "APT::Sandbox::User=root", "download", "prometheus"],
                cwd=folder,
                check=False,
            )
            for package in Path(folder).glob("prometheus_*.deb"):
                subprocess.run([unpack, "--extract", str(package), folder], check=False)
            found = Path(folder, "usr/bin/promtool")
            if found.exists():
                shutil.copy2(found, BESIDE)
                return 0
    print(ADVICE, file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(install() if "--install" in sys.argv else print(promtool() or ADVICE))
