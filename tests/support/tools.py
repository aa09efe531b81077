"""Find the programs that tests need; `--install` installs them from the system's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BESIDE = Path(sys.executable).parent
ADVICE = "promtool is missing: install your system's package `prometheus`; tests that need it are left out."
NO_REDIS = (
    "redis-server is missing: install your system's package `redis-server`; tests that need it are left out."
)
NO_NGINX = "nginx is missing: install your system's package `nginx`; tests that need it are left out."
NO_FIREFOX = "firefox-esr is missing: install your system's Firefox; tests that need it are left out."


def promtool() -> str | None:
    """Return the path of Prometheus's own checker, or None."""
    beside = BESIDE / "promtool"
    return str(beside) if beside.exists() else shutil.which("promtool")


def redis_server() -> str | None:
    """Return the path of Redis, or None."""
    return shutil.which("redis-server")


def nginx() -> str | None:
    """Return the path of nginx, or None; Debian's folder for it may be missing from PATH."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def firefox() -> str | None:
    """Return the path of Firefox, or None."""
    return shutil.which("firefox-esr") or shutil.which("firefox")


def install() -> int:
    """Install missing programs if possible, and print advice about the others; return 0."""
    if not promtool():
        _promtool()
    if not redis_server():
        _apt("redis-server")
    if not nginx():
        _apt("nginx")
    if not firefox():
        _apt("firefox-esr")
    advices = {ADVICE: promtool(), NO_REDIS: redis_server(), NO_NGINX: nginx(), NO_FIREFOX: firefox()}
    for advice, found in advices.items():
        if not found:
            print(advice, file=sys.stderr)
    return 0


def _promtool() -> None:
    """Extract only promtool from Debian's package, because the package starts a service."""
    apt, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or unpack is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        _update(apt)
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


def _apt(package: str) -> None:
    """Install a package and its dependencies without starting its service; needs root."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    _update(apt)
    policy = Path("/usr/sbin/policy-rc.d")
    mine = not policy.exists()
    if mine:
        # Debian's packages call this script before they start a service; exit code 101 forbids it.
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        subprocess.run(
            [apt, "-qq", "-y", "--no-install-recommends", "install", package],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdout=subprocess.DEVNULL,
            check=False,
        )
    finally:
        if mine:
            policy.unlink()


def _update(apt: str) -> None:
    if os.geteuid() == 0:
        subprocess.run([apt, "-qq", "update"], check=False, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    raise SystemExit(install() if "--install" in sys.argv else print(promtool() or ADVICE))
