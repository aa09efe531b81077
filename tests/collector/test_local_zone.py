"""The time zone of this machine: from TZ, from files of the system, or as an offset."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashapp.collector.local_zone import format_offset, local_zone
from dashapp.stores.documents import ZONE
from dashapp.stores.memory import MemoryStore

SetZone = Callable[[str], None]


@pytest.fixture
def set_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetZone]:
    """Set the time zone of this process."""

    def set_to(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", ["Asia/Kolkata", "Europe/Berlin", "America/Argentina/Ushuaia", "UTC"])
def test_zone_is_that_of_the_variable(set_zone: SetZone, tmp_path: Path, name: str) -> None:
    set_zone(name)
    assert local_zone({"TZ": name}, tmp_path) == name
    assert local_zone({"TZ": f":{name}"}, tmp_path) == name


def test_zone_is_that_of_the_files(set_zone: SetZone, tmp_path: Path) -> None:
    set_zone("Asia/Kolkata")
    folder = tmp_path / "etc"
    folder.mkdir()
    assert local_zone({}, tmp_path) == "+05:30"
    (folder / "timezone").write_text("Asia/Kolkata\n")
    assert local_zone({}, tmp_path) == "Asia/Kolkata"
    (folder / "localtime").symlink_to("/usr/share/zoneinfo/Asia/Colombo")
    assert local_zone({}, tmp_path) == "Asia/Colombo"


@pytest.mark.parametrize(
    "text",
    ["", "Europe/Berlin", "../../etc/passwd", "Mars/Olympus", "<b>", "a" * 5000, "/etc/localtime", "\xff"],
)
def test_unusable_file_gives_the_offset(set_zone: SetZone, tmp_path: Path, text: str) -> None:
    """A name with another offset than the process has is that of another zone."""
    set_zone("Asia/Kathmandu")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/timezone").write_text(text, "latin-1")
    assert local_zone({}, tmp_path) == "+05:45"


@pytest.mark.parametrize("name", ["IST-5:30", "XYZ", "::", "Mars/Olympus"])
def test_unusable_variable_gives_the_offset(set_zone: SetZone, tmp_path: Path, name: str) -> None:
    set_zone(name)
    assert local_zone({"TZ": name}, tmp_path) == format_offset(time.localtime().tm_gmtoff)


@pytest.mark.parametrize("text", ["5", "[]", "null", '"' + "a" * 65 + '"', '"\\u0000"', "not json"])
def test_invalid_zone_in_store_is_empty(text: str) -> None:
    assert ZONE.decode(text) == ""


def test_zone_survives_the_store() -> None:
    store = MemoryStore()
    assert store.read_document(ZONE) == ""
    store.write_document(ZONE, "Europe/Berlin")
    assert store.read_document(ZONE) == "Europe/Berlin"
    assert ZONE.decode(ZONE.encode("Europe/Berlin")) == "Europe/Berlin"
