"""The text of a program: arguments, options, name, and one sentence for each mistake."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashapp.sources.external.programs.command import Command
from dashapp.sources.registry import source_problems
from dashapp.sources.spec import SourceSpec


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the start, with a program and a file that is none."""
    for name, mode in (("load.sh", 0o755), ("notes.txt", 0o644)):
        (tmp_path / name).write_text("#!/bin/sh\necho 1\n")
        (tmp_path / name).chmod(mode)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "args", "name", "every", "timeout"),
    [
        ("./load.sh", (), "load", 10, 10),
        ("./load.sh?every=30", (), "load", 30, 30),
        ("./load.sh?every=60&timeout=2.5#disk", (), "disk", 60, 2.5),
        ("./load.sh#disk?every=60", (), "disk", 60, 30),
        ("./load.sh --flag 'two words' \"\"?every=30", ("--flag", "two words", ""), "load", 30, 30),
        ("./load.sh $HOME `id` ; * | >x", ("$HOME", "`id`", ";", "*", "|", ">x"), "load", 10, 10),
        ("./load.sh http://h/?a=b", ("http://h/?a=b",), "load", 10, 10),
        ("./load.sh http://h/?a=b?every=20", ("http://h/?a=b",), "load", 20, 20),
        ("./load.sh '#fff'", ("#fff",), "load", 10, 10),
    ],
)
def test_command_has_arguments_options_and_name(
    folder: Path, text: str, args: tuple[str, ...], name: str, every: float, timeout: float
) -> None:
    command = Command.parse(text)
    assert command == Command((str(folder / "load.sh"), *args), name, every, timeout)


def test_command_is_found_in_path() -> None:
    command = Command.parse("cat /proc/loadavg")
    assert command.argv[0].endswith("/cat")
    assert command.argv[1:] == ("/proc/loadavg",)


def test_command_takes_options_of_a_settings_file() -> None:
    command = Command.parse("./load.sh", {"every": 30, "timeout": 5, "name": "x"})
    assert (command.every, command.timeout, command.name) == (30, 5, "x")


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("", {}, "expected a program, such as exec:./script.sh?every=30"),
        ("?every=3", {}, "expected a program, such as exec:./script.sh?every=30"),
        ("./missing.sh", {}, '"./missing.sh" not found in '),
        ("./load.sh?evry=30", {}, "its options are every and timeout"),
        ("load.sh", {}, 'no program "load.sh" in PATH; did you mean ./load.sh?'),
        ("~nobody-here/x", {}, '"~nobody-here/x" names an unknown user; expected a program'),
        ("no-such-program", {}, 'no program "no-such-program" in PATH'),
        ("./notes.txt", {}, '"./notes.txt" is not executable; run chmod +x ./notes.txt'),
        ("/", {}, '"/" is not a file; expected a program'),
        ("./load.sh 'a", {}, "a quotation mark is not closed"),
        ("./load.sh\0", {}, "expected a program, such as"),
        ("./load.sh?every=0", {}, 'every is "0"; expected seconds from 1 to 86400'),
        ("./load.sh?every=x", {}, 'every is "x"; expected seconds from 1 to 86400'),
        ("./load.sh?every=5&every=6", {}, "every occurs twice; expected it once"),
        ("./load.sh?every=5&timeout=6", {}, "timeout is 6; expected at most every, which is 5"),
        ("./load.sh?every=5", {"every": 6}, "every occurs twice; expected it once"),
        ("./load.sh", {"evry": 6}, '"evry" is not an option; did you mean every?'),
        ("./load.sh", {"name": "a b"}, 'the name is "a b"; expected 1 to 32 letters, digits, - and _'),
    ],
)
def test_command_explains_mistake_in_one_sentence(text: str, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)) as error:
        Command.parse(text, options)
    assert "\n" not in str(error.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_command_is_valid_or_a_sentence_for_any_text(text: str) -> None:
    for start in ("./load.sh", ""):
        try:
            assert Command.parse(start + text).name
        except ValueError as error:
            assert str(error)  # noqa: PT017


def test_problem_of_program_is_known_before_the_start() -> None:
    """Relative paths begin in the working directory."""
    specs = [SourceSpec.parse("exec:./missing.sh"), SourceSpec.parse("exec:./load.sh")]
    (problem,) = source_problems(specs, 1.0)
    assert problem.startswith('source is "exec:./missing.sh"; "./missing.sh" not found in /')
    specs = [SourceSpec.parse(f"exec:./load.sh {number}") for number in range(2)]
    assert source_problems(specs, 1.0) == [
        "source: several are called exec.load; put #NAME at the end of one, such as #load-2"
    ]


@pytest.mark.parametrize("name", ["killpg", "waitid"])
def test_command_is_rejected_on_a_system_that_cannot_end_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delattr(os, name)
    with pytest.raises(ValueError, match="this system cannot end the processes"):
        Command.parse("./load.sh")
