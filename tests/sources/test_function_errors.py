"""Specs of function sources: no import before the first read, and a one-sentence error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from user_modules import Define, definer

from dashapp.sources.function import make_source
from dashapp.sources.polling import BackgroundSource
from dashapp.sources.registry import make_sources, source_problem
from dashapp.sources.spec import SourceSpec

define = pytest.fixture(definer)


def test_make_sources_does_not_import_function_module(define: Define) -> None:
    module = define("raise SystemExit('imported')")
    (source,) = make_sources([SourceSpec("none"), SourceSpec(f"{module}:f")], 1.0)
    assert isinstance(source, BackgroundSource)
    assert source.name == f"{module}:f"
    assert module not in sys.modules
    assert isinstance(make_source(f"{module}:f", 1.0, unit="x"), BackgroundSource)


REASONS = {
    "syntax": ("def f(:", "cannot be imported: SyntaxError: "),
    "raises": ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
    "exits": ("raise SystemExit(5)", "cannot be imported: SystemExit: 5"),
    "lacks": ("import nothing_like_it", "cannot be imported: ModuleNotFoundError: No module named"),
    "endless-reason": ("raise ValueError('x\\n' * 5000)", "cannot be imported: ValueError: x x x"),
    "no-function": ("def ff(): return 1", "has no function f; did you mean ff?"),
    "a-number": ("f = 5", "f is of type int; expected a function"),
    "arguments": ("def f(x): return 1", "f cannot be called: missing a required argument: 'x'"),
    "wrongly-decorated": (
        "import dashapp\n@dashapp.source(low=5, high=1)\ndef f(): return 1",
        "cannot be imported: ValueError: low is 5; expected less than high",
    ),
}


@pytest.mark.parametrize(("code", "reason"), REASONS.values(), ids=REASONS.keys())
def test_source_problem_is_one_sentence_when_function_is_unusable(
    define: Define, code: str, reason: str
) -> None:
    module = define("print('noise')\n" + code)
    sentence = source_problem(SourceSpec(f"{module}:f"), 1.0)
    assert sentence.startswith(f'source is "{module}:f"; ')
    assert reason in sentence
    assert "\n" not in sentence
    assert len(sentence) < 400


def test_source_problem_checks_settings_with_decorator_options(define: Define) -> None:
    module = define("import dashapp\n@dashapp.source(low=5)\ndef f(): return 1")
    assert source_problem(SourceSpec(f"{module}:f", {"high": 10}), 1.0) == ""
    assert "expected less than high" in source_problem(SourceSpec(f"{module}:f", {"high": 1}), 1.0)


def test_source_problem_suggests_nearest_module(define: Define) -> None:
    module = define("def f(): return 1")
    sentence = source_problem(SourceSpec(f"{module}x:f"), 1.0)
    assert f"module {module}x not found in {Path.cwd()}; did you mean {module}?" in sentence


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("websockets", "websockets cannot be used; run python -m pip install websockets"),
        ("dashapp.sources.nowhere", "nowhere cannot be used"),
    ],
)
def test_37_source_problem_is_one_sentence_without_package(
    monkeypatch: pytest.MonkeyPatch, missing: str, expected: str
) -> None:
    def import_module(_name: str) -> None:
        raise ModuleNotFoundError(f"{missing.rpartition('.')[2]} cannot be used", name=missing)

    monkeypatch.setattr("dashapp.sources.registry.import_module", import_module)
    sentence = source_problem(SourceSpec("quotes:x"), 1.0)
    assert sentence == f'source is "quotes:x"; quotes cannot be used: {expected}'
