"""Find the Chromium for browser tests; `--install` installs one if none exists."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# The first is Chromium without a window: it draws the same and uses 40 % less CPU.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = "The tests need Chromium: install your system's package `chromium`, then run this again."


def find() -> str | None:
    """Return the path of the system's Chromium, or None if only Playwright's own can be used."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def install() -> int:
    """Install Debian's package, else Playwright's own browser, else print advice.

    Return an exit code.
    """
    if find():
        return 0
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        update = subprocess.run([apt, "-qq", "update"], env=quiet, check=False)
        package = subprocess.run(
            [apt, "-qq", "-y", "--no-install-recommends", "install", "chromium-headless-shell"],
            env=quiet,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if update.returncode == 0 and package.returncode == 0 and find():
            return 0
    own = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if own.returncode == 0:
        return 0
    print(ADVICE, file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(install() if "--install" in sys.argv else print(find() or "Playwright's own"))
