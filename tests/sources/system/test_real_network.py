"""The totals of the network on this machine's kernel, in a network namespace of the test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from processes import ROOT
from waiting import PATIENCE_S


def namespace_problem() -> str:
    """Return why this machine cannot create network namespaces; empty if it can."""
    if missing := [name for name in ("unshare", "nsenter", "ip", "mount") if shutil.which(name) is None]:
        return f"{missing[0]} is not installed"
    command = "mount -t sysfs sysfs /sys && ip link add x type veth peer name y && ip link add z type bridge"
    trial = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", command], capture_output=True, text=True, check=False
    )
    return trial.stderr.strip() if trial.returncode else ""


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are of Linux")
def test_network_totals_count_once_on_this_kernel() -> None:
    if problem := namespace_problem():
        pytest.skip(f"this machine forbids network namespaces: {problem}")
    probe = ROOT / "tests/support/namespace_probe.py"
    command = 'mount -t sysfs sysfs /sys && exec "$0" "$1"'
    run = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", command, sys.executable, str(probe)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    values = found["values"]
    assert found["bridge"] > 50_000, "the bytes passed the bridge as well"
    assert values["network.sent"] == values["network.uplink.sent"] > 50_000
