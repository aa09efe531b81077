"""The log of a process: text of other programs changes neither its lines nor the terminal."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from dashapp.process.log_format import PlainFormatter

HOSTILE = "bad\n2026-01-01 00:00:00,000 web: forged\r\x1b]0;title\x07\x1b[2J\x9b31m\u2028\u202e\udcff"


def formatted(message: str, *arguments: object, error: bool = False) -> str:
    formatter = PlainFormatter("%(levelname)s web: %(message)s")
    info = None
    if error:
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            info = sys.exc_info()
    record = logging.LogRecord("dashapp", logging.WARNING, "", 1, message, arguments, info)
    return formatter.format(record)


@pytest.mark.parametrize("arguments", [(), (HOSTILE,)])
def test_message_is_one_printable_line(arguments: tuple[str, ...]) -> None:
    text = formatted("source %s failed" if arguments else HOSTILE, *arguments)
    assert text.isprintable()
    assert "forged" in text
    assert text.startswith("WARNING web: ")


def test_exception_keeps_its_lines_and_no_escape_sequence() -> None:
    first, *lines = formatted("failed", error=True).split("\n")
    assert first == "WARNING web: failed"
    assert lines[0].startswith("Traceback")
    assert all(line.isprintable() for line in lines)
    assert any("ValueError: bad" in line for line in lines)


def test_processes_of_dashapp_log_with_it() -> None:
    script = (
        "import logging, sys; from dashapp.process.log_format import log_to_terminal;"
        "log_to_terminal('web', logging.INFO); logging.getLogger('dashapp').info('a\\x1b[2Jb\\nc')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.endswith(" web: a\N{REPLACEMENT CHARACTER}[2Jb c\n")
