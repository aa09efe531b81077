"""requirements.lock: every package of a server, pinned by hash, within requirements.txt."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from processes import ROOT

LOCK = (ROOT / "requirements.lock").read_text()
PINNED = {
    canonicalize_name(found[1]): (found[2], re.findall(r"--hash=(\S+)", found[3]))
    for found in re.finditer(r"^([\w.-]+)==(\S+) \\\n((?:    --hash=\S+(?: \\)?\n)+)", LOCK, re.MULTILINE)
}
NEEDED = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines() if line.strip()]


@pytest.mark.parametrize("needed", NEEDED, ids=str)
def test_lock_satisfies_requirements_txt(needed: Requirement) -> None:
    version, _ = PINNED[canonicalize_name(needed.name)]
    assert needed.specifier.contains(version)


def test_lock_has_hashes_for_every_release() -> None:
    lines = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) == len(PINNED) > 20
    for name, (_, hashes) in PINNED.items():
        assert hashes, name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), name


def test_lock_names_no_registry() -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host|@ ", LOCK)


def test_lock_pins_dependencies_of_pinned_packages() -> None:
    """A pin whose dependency is missing would stop `pip install --require-hashes`."""
    from importlib.metadata import PackageNotFoundError, requires

    for name in PINNED:
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue
        for text in needs:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in PINNED, f"{name} needs {text}"


@pytest.mark.timeout(110)
def test_lock_has_no_unreviewed_advisories() -> None:
    """Skipped if the network does not reach the advisory database."""
    argv = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(ROOT / "requirements.lock"),
        "--disable-pip",
    ]
    argv += ["--ignore-vuln", "CVE-2025-69872", "--progress-spinner", "off", "--timeout", "10"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the advisories did not come in time")
    said = done.stdout + done.stderr
    if "known vulnerabilit" not in said:
        pytest.skip(f"the advisories cannot be asked for here: {said[-200:]}")
    assert done.returncode == 0, said
