"""When tests keep their files in memory."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import memory_folder
import pytest


@pytest.mark.parametrize(
    ("blocks", "flags", "is_usable"),
    [(2_000_000, 0, True), (16_384, 0, False), (2_000_000, os.ST_NOEXEC, False)],
    ids=["large", "small", "without programs"],
)
def test_folder_needs_room_and_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int, flags: int, is_usable: bool
) -> None:
    found = SimpleNamespace(f_bavail=blocks, f_frsize=4096, f_flag=flags)
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    assert memory_folder.is_usable(tmp_path) == is_usable


def test_absent_folder_is_not_usable(tmp_path: Path) -> None:
    assert not memory_folder.is_usable(tmp_path / "absent")
