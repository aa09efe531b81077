"""requirements.lock: every package of a server, pinned by hash, within requirements.txt."""

from __future__ import annotations

import json
import re
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from processes import ROOT

from audit import advisories

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
def test_lock_has_no_unreviewed_advisories(capsys: pytest.CaptureFixture[str]) -> None:
    """Skipped if the network does not reach the advisory database."""
    status = advisories.main()
    said = capsys.readouterr().out
    if status == 2:
        pytest.skip(said)
    assert status == 0, said


SAFE, BAD = (
    {"name": "a", "version": "1", "vulns": []},
    {"name": "b", "version": "2", "vulns": [{"id": "CVE-1"}]},
)
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("report", "status", "said"),
    [
        ({"dependencies": [SAFE, SAFE]}, 0, "2 packages have no known vulnerability"),
        ({"dependencies": [SAFE, BAD]}, 1, "b 2 has CVE-1"),
        ({"dependencies": [SKIPPED, BAD]}, 1, "b 2 has CVE-1"),
        ({"dependencies": [SAFE, SKIPPED]}, 2, "nothing about 1 of 2 packages"),
        ({"dependencies": [SKIPPED]}, 2, "could not be reached"),
        ({"dependencies": []}, 2, "could not be reached"),
        ({}, 2, "could not be reached"),
        ("not JSON", 2, "could not be reached"),
    ],
)
def test_advisories_are_only_clean_if_every_package_was_checked(
    report: object, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", "print(__import__('sys').argv[1])", json.dumps(report)]
    assert advisories.main(command) == status
    found = capsys.readouterr().out
    assert said in found
    assert found.count("\n") == 1


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("raise OSError('Failed to resolve pypi.org')", "Failed to resolve pypi.org"),
        ("raise SystemExit(1)", "no output"),
        ("import time; time.sleep(600)", "no answer in 0.5 seconds"),
    ],
)
def test_advisories_fail_in_one_sentence_without_network(
    script: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert advisories.main([sys.executable, "-c", script], 0.5 if "sleep" in script else 90) == 2
    found = capsys.readouterr().out
    assert said in found
    assert found.count("\n") == 1
