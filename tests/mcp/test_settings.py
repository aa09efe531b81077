"""`dashapp mcp` with settings that it cannot use: a sentence, and no output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ALWAYS

from dashapp.mcp.command import MISSING

# The SDK may be in a folder of its own.
PYTHONPATH = os.pathsep.join(filter(None, [ALWAYS["PYTHONPATH"], os.environ.get("PYTHONPATH", "")]))


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        cwd=folder,
        env={**os.environ, **ALWAYS, "PYTHONPATH": PYTHONPATH, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (
            ["--store=memory:"],
            '--store is "memory:"; expected a folder or a Redis, which another process writes',
        ),
        (["--stor=data"], '"--stor=data" is not a setting; did you mean --store?'),
        (["data"], '"data" is not a setting; did you mean --store?'),
        (["cat"], '"cat" is not a setting; see --help'),
    ],
)
def test_bad_settings_are_one_sentence_on_standard_error(
    tmp_path: Path, args: list[str], sentence: str
) -> None:
    done = run(tmp_path, "-m", "dashapp", "mcp", *args)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{sentence}\n")


def test_missing_extra_is_one_sentence_with_the_command(tmp_path: Path) -> None:
    code = (
        "import importlib.util, sys\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'mcp' else find(name, *rest)\n"
        "from dashapp.mcp.command import main\nsys.exit(main(['--store=data']))"
    )
    done = run(tmp_path, "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{MISSING}\n")
    assert "pip install 'dashapp[mcp]'" in MISSING
