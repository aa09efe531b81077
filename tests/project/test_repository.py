"""The workflows, templates and hooks of the repository: they parse, and name what exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from processes import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+)(?: [a-z-]+)*:", MAKEFILE, re.MULTILINE))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def load(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(content, dict)
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: value for key, value in content.items()}


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(path)["jobs"]
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(path).values() for step in job["steps"]]


workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def test_there_are_workflows_for_changes_and_releases() -> None:
    assert {path.stem for path in WORKFLOWS} >= {"ci", "release"}


@workflow
def test_actions_are_pinned_by_hash_and_name_their_version(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text("utf-8"))
    assert len(used) == sum("uses" in step for step in steps(path))
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_an_action_has_one_hash_everywhere() -> None:
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)
    hashes: dict[str, set[str]] = {}
    for name, version in re.findall(r"uses: ([^@\s]+)@(.+)", text):
        hashes.setdefault(name, set()).add(version)
    assert hashes
    assert all(len(found) == 1 for found in hashes.values()), hashes


@workflow
def test_workflow_has_least_permissions_and_time_limits(path: Path) -> None:
    assert load(path)["permissions"] == {}
    for name, job in jobs(path).items():
        assert job["permissions"], name
        assert "contents" not in job["permissions"] or job["permissions"]["contents"] == "read"
        assert job["timeout-minutes"] <= 90, name
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        # In a script, a value of the event would be code of a stranger.
        assert "${{" not in step.get("run", ""), step


@workflow
def test_commands_of_workflow_name_targets_and_files_that_exist(path: Path) -> None:
    commands = [step["run"] for step in steps(path) if "run" in step]
    assert commands
    for command in commands:
        for targets in re.findall(r"^make ([a-z -]+)$", command, re.MULTILINE):
            assert set(targets.split()) <= TARGETS, command
        for name in re.findall(r"(?<![\w./-])((?:tests|dashapp|docs)/[\w./-]+)", command):
            assert (ROOT / name).exists(), name


def test_tests_run_on_each_python_of_the_classifiers() -> None:
    named = [re.findall(r"Python :: (3\.\d+)$", each) for each in PYPROJECT["classifiers"]]
    matrix = jobs(GITHUB / "workflows" / "ci.yml")["test"]["strategy"]["matrix"]["python"]
    assert matrix == [version for found in named for version in found]


def test_release_builds_once_and_publishes_without_a_token() -> None:
    release = jobs(GITHUB / "workflows" / "release.yml")
    build, publish = release["build"], release["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi"
    assert publish["needs"] == "build"
    assert "secrets." not in (GITHUB / "workflows" / "release.yml").read_text("utf-8")
    assert [
        step["with"].get("sbom-path") for step in build["steps"] if "attest@" in step.get("uses", "")
    ] == [
        None,
        "dist/sbom.cdx.json",
    ]
    assert "dist/sbom.cdx.json" in MAKEFILE


def test_version_check_of_release_finds_the_version() -> None:
    (command,) = [
        step["run"] for step in steps(GITHUB / "workflows" / "release.yml") if "grep" in step.get("run", "")
    ]
    pattern = re.findall(r'"(__version__ = .+\\")" (\S+)', command)
    ((text, name),) = pattern
    from dashapp import __version__

    line = text.replace("\\", "").replace("${GITHUB_REF_NAME#v}", __version__)
    assert line in (ROOT / name).read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", ["bug", "idea"])
def test_issue_form_has_what_the_site_needs(name: str) -> None:
    form = load(GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    kinds = {"markdown", "textarea", "input", "dropdown", "checkboxes"}
    assert all(part["type"] in kinds and part["attributes"] for part in form["body"])
    names = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(names) == len(set(names)) > 1


def test_hooks_run_programs_of_the_test_environment() -> None:
    (repo,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    needed = " ".join(PYPROJECT["optional-dependencies"]["test"])
    for hook in repo["hooks"]:
        program, *words = hook["entry"].split()
        assert program.startswith(".venv/bin/")
        assert program.endswith("/python") or Path(program).name in needed
        assert all((ROOT / word).exists() for word in words if "/" in word)
        assert all((ROOT / word).exists() for word in hook.get("args", []))


def test_contributing_names_targets_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = {target for found in re.findall(r"make ([a-z -]+)", text) for target in found.split()}
    assert {"run", "test", "check", "package"} <= named
    for line in re.findall(r"^\| `make ([a-z-]+)", text, re.MULTILINE):
        assert line in TARGETS
