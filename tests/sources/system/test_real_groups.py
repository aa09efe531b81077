"""A real control group under load appears under its name, on a machine that lets this process make one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from readings import by_key
from waiting import wait_for

from dashapp.sources.system.groups.hierarchy import find_roots
from dashapp.sources.system.groups.source import GroupSource


@pytest.fixture
def group() -> Iterator[str]:
    """Make a group in each hierarchy that counts something; return its name, and remove it."""
    name = f"dashapp-test-{os.getpid()}.service"
    with ExitStack() as stack:
        paths = [Path(root.path, name) for root in find_roots()]
        for path in paths:
            try:
                path.mkdir()
            except OSError as error:
                pytest.skip(f"this process cannot make control groups: {error}")
            stack.callback(remove, path)
        if not paths:
            pytest.skip("this machine has no control groups")
        yield name


def remove(path: Path) -> None:
    """Remove a group as soon as the kernel has released its last process."""

    def is_gone() -> bool:
        with suppress(OSError):
            path.rmdir()
        return not path.exists()

    wait_for(is_gone)


def test_real_control_group_under_load_appears_under_its_name(group: str) -> None:
    key = f"service.{group.removesuffix('.service')}.cpu"
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as process:
        try:
            for root in find_roots():
                Path(root.path, group, "cgroup.procs").write_text(str(process.pid))
            source = GroupSource()
            wait_for(lambda: by_key(source.read()).get(key, 0.0) > 0)
        finally:
            process.kill()
    assert by_key(source.read())[key.replace(".cpu", ".memory")] >= 0
