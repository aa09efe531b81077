"""Look for known vulnerabilities of the packages in the lock files.

The exit status is 0 if every package was checked and has none, 1 if one has, and 2 if the advisory data did
not arrive. Alone, `pip-audit` exits with 0 if the index knows no package.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = (ROOT / "requirements.lock", ROOT / "deploy" / "container.lock")
# These do not affect dashapp; docs/security.md has the reasons.
REVIEWED = ("CVE-2025-69872",)
TIMEOUT_S = 90
COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--disable-pip", "--format", "json"),
    *(word for lock in LOCKS for word in ("--requirement", str(lock))),
    *("--progress-spinner", "off", "--timeout", "10"),
    *(word for advisory in REVIEWED for word in ("--ignore-vuln", advisory)),
)


def main(command: Sequence[str] = COMMAND, seconds: float = TIMEOUT_S) -> int:
    """Print one sentence, or a line for each vulnerability, and return the exit status."""
    try:
        done = subprocess.run([*command], capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return _unreachable(f"no answer in {seconds:g} seconds")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.strip().splitlines() or ["no output"]
        return _unreachable(lines[-1][:200])
    found = [
        (each["name"], each["version"], vuln["id"]) for each in packages for vuln in each.get("vulns", ())
    ]
    for name, version, advisory in found:
        print(f"{name} {version} has {advisory}")
    if found:
        return 1
    if skipped := [each["name"] for each in packages if "skip_reason" in each]:
        return _unreachable(f"it has nothing about {len(skipped)} of {len(packages)} packages")
    if not packages:
        return _unreachable("no package was checked")
    print(f"{len(packages)} packages have no known vulnerability, except for {', '.join(REVIEWED)}")
    return 0


def _unreachable(why: str) -> int:
    print(
        f"The advisory data could not be reached, so nothing is known: {why}; run this again with a network"
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
