"""The code paths of macOS and Windows, on Linux without what those systems lack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ALWAYS, ROOT
from waiting import PATIENCE_S

PROGRAM = ROOT / "tests" / "support" / "other_system.py"


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_modules_import_and_store_works_without_what_other_systems_lack(system: str, tmp_path: Path) -> None:
    argv = [sys.executable, str(PROGRAM), system, str(tmp_path)]
    env = {**os.environ, **ALWAYS}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    (count,) = re.findall(r"^(\d+) modules$", done.stdout, re.MULTILINE)
    assert int(count) > 300
