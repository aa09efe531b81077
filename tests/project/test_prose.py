"""Docstrings, comments and documents keep the rules of plain prose."""

from __future__ import annotations

from pathlib import Path

import pytest
from prose import files_below, problems

DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "docs")
CODE = ("dashapp", "collector.py", "assets", "tests", "bench", "audit", "docsite", "examples")


@pytest.mark.parametrize("name", [*DOCUMENTS, *CODE])
def test_prose_keeps_the_rules(name: str) -> None:
    files = files_below(name)
    assert files
    assert [line for path in files for line in problems(path)] == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("What no metric has is left out.", "starts with Who/What/Where"),
        ("Return the seconds to wait, 0 where none is needed.", "'where' for 'if' or 'when'"),
        ("The page says which.", "'told' or 'said'"),
        ("The collector is asked for values.", "passive without an actor"),
        ("Nobody reads the file.", "house word"),
        ("One " + "very " * 30 + "long sentence.", "33 words in a sentence"),
    ],
)
def test_prose_rule_finds_its_example(
    tmp_path: Path, text: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prose.ROOT", tmp_path)
    path = tmp_path / "page.md"
    path.write_text(f"{text}\n")
    assert [line.split(": ")[1] for line in problems(path)] == [rule]


def test_prose_rules_skip_code_and_quotations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prose.ROOT", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(
        '"""Return the rows.\n\n>>> where("x")\n"""\nquery = "select 1 where x"  # `where` is SQL\n'
    )
    assert problems(path) == []
