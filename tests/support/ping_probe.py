"""Run in a new network namespace: ping with and without permission, and print the results."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from check_runs import run_check


def run() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    # A new namespace permits no group.
    results = {"forbidden": run_check("ping://127.0.0.1")}
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
    results["IPv4"] = run_check("ping://127.0.0.1")
    results["IPv6"] = run_check("ping://[::1]")
    results["unreachable"] = run_check("ping://192.0.2.1")
    print(json.dumps({name: result._asdict() for name, result in results.items()}))


if __name__ == "__main__":
    run()
