"""Modules that a test writes as a user does, and their functions as sources."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dashapp.sources.function import FunctionSource

Define = Callable[..., str]


def definer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Define]:
    """Yield `define("code")`, which writes a module to the working folder and returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def write(code: str) -> str:
        name = f"made_{len(made)}_{tmp_path.name.replace('-', '_')}"
        made.append(name)
        (tmp_path / f"{name}.py").write_text(code)
        return name

    yield write
    for name in made:
        sys.modules.pop(name, None)


def answerer(define: Define) -> Callable[[Any], FunctionSource]:
    """Return a function that makes a source whose function `f` returns the given value."""

    def source(answer: Any, **options: Any) -> FunctionSource:
        module = define("def f():\n    return answer\n")
        made = FunctionSource(f"{module}:f", options)
        vars(import_module(module))["answer"] = answer
        return made

    return source
