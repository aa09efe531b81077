"""The threat model: each line names a test that exists."""

from __future__ import annotations

import ast
import re

import pytest
from processes import ROOT

TEXT = (ROOT / "docs" / "threat-model.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| Who")]
TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
ACTORS = [
    *("Visitor", "Holder of a share link", "Program with a push token", "Signed-in user"),
    *("Other local user", "Writer to Redis"),
]


def test_threat_model_names_each_actor() -> None:
    assert re.findall(r"^\| \*\*(.+?)\*\*", TEXT, re.MULTILINE) == ACTORS


def test_each_line_of_threat_model_names_a_test() -> None:
    assert len(ROWS) == len(TESTS) >= 20
    assert all("::test_" in row for row in ROWS)


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_test_of_threat_model_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_threat_model_fits_on_one_page() -> None:
    assert len(TEXT.splitlines()) <= 60
