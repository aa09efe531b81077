"""CSV files to replay: formats of times and files, and invalid rows and files."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest
from replay_source import ROWS, Played
from thorough import amount

from dashapp.model.ticks import SourceError
from dashapp.sources.external.csv import times
from dashapp.sources.external.replay import ReplaySource, make_source

TIMES = {
    "zone": "2026-01-01T01:00:00+01:00",
    "no zone": "2026-01-01 00:00:00",
    "day": "2026-01-01",
    "day without dashes": "20260101",
    "seconds": "1767225600",
    "fraction": "1767225600.0",
    "milliseconds": "1767225600000",
    "microseconds": "1767225600000000",
    "nanoseconds": "1767225600000000000",
}


@pytest.mark.parametrize("text", TIMES.values(), ids=TIMES.keys())
def test_parse_time_accepts_common_formats(text: str) -> None:
    assert times.parse_time(text) == 1767225600


@pytest.mark.parametrize("text", ["", "x", "31/12/2025", "nan", "inf", "-", "2026-13-01", "1_0"])
def test_parse_time_rejects_invalid_text(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        times.parse_time(text)


SHAPES = {
    "named later": ("a,Date\n7,2026-01-01\n", {"replay.a": 7}),
    "first column": ("when,a\n2026-01-01,7\n", {"replay.a": 7}),
    "semicolons": ("time;a;b\n2026-01-01;7;8\n", {"replay.a": 7, "replay.b": 8}),
    "tabs": ("time\ta\n2026-01-01\t7\n", {"replay.a": 7}),
    "windows": ("\ufefftime,a\r\n2026-01-01,7\r\n", {"replay.a": 7}),
    "quoted": ('"time","a"\n"2026-01-01","7"\n', {"replay.a": 7}),
    "no heading": ("2026-01-01,7\n", {"replay.column1": 7}),
    "text beside": ("time,a,who\n2026-01-01,7,me\n", {"replay.a": 7}),
    "nan": ("time,a,b,c\n2026-01-01,7,nan,\n", {"replay.a": 7}),
    "collide": ("time,a b,a-b\n2026-01-01,7,8\n", {"replay.a-b": 7, "replay.a-b-2": 8}),
    "hostile": ("time,<b>x,../y\n2026-01-01,7,8\n", {"replay.b-x": 7}),
    "case and dots": ("time,AAPL,AAPL.close\n2026-01-01,7,8\n", {"replay.AAPL": 7, "replay.AAPL.close": 8}),
    "comment": ("# made up\n\ntime,a\n2026-01-01,7\n", {"replay.a": 7}),
    "no newline": ("time,a\n2026-01-01,7", {"replay.a": 7}),
}


@pytest.mark.parametrize(("text", "expected"), SHAPES.values(), ids=SHAPES.keys())
def test_replay_reads_files_of_many_formats(text: str, expected: Mapping[str, float], tmp_path: Path) -> None:
    values = Played(tmp_path, text).after(0)
    assert expected.items() <= values.items()
    assert all(part for key in values for part in key.split("."))


LEFT_OUT = {
    "wrong date": (
        "time,a\n2026-01-01,1\nyesterday,9\n2026-01-02,2\n",
        'line 3 has an invalid time ("yest',
    ),
    "unsorted": (
        "time,a\n2026-01-01,1\n2025-01-01,9\n2026-01-02,2\n",
        "line 3 is not later than the previous row",
    ),
    "twice": (
        "time,a\n2026-01-01,1\n2026-01-01,9\n2026-01-02,2\n",
        "line 3 is not later than the previous row",
    ),
    "ragged": (
        "time,a\n2026-01-01,1\n2026-01-01T01,9,9\n2026-01-02,2\n",
        "line 3 has 3 fields, but the heading has 2",
    ),
    "short": (
        "time,a\n2026-01-01,1\n2026-01-01T01\n2026-01-02,2\n",
        "line 3 has 1 fields, but the heading has 2",
    ),
    "binary": (b"time,a\n2026-01-01,1\n\x00\xff\xfe\n2026-01-02,2\n", "line 3 has 1 fields"),
    "quote": ('time,a\n2026-01-01,1\n"2026,9\n2026-01-02,2\n', "line 3 has 1 fields"),
}


@pytest.mark.parametrize(("text", "sentence"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_replay_skips_and_reports_unusable_row(text: str, sentence: str, tmp_path: Path) -> None:
    played = Played(tmp_path, text, speed=86_400)
    assert played.after(0) == {"replay.a": 1}
    assert played.after(1) == {"replay.a": 2}
    assert f"prices.csv: some rows were dropped; {sentence}" in played.source.status_message


HOPELESS = {
    "empty": "",
    "blank": "\n\n\n",
    "heading alone": "time,a\n",
    "no times": "name,a\n" + "x,1\n" * 1000,
    "binary": bytes(range(256)) * 1000,
    "one endless line": b"x" * 10_000_000,
}


@pytest.mark.parametrize("text", HOPELESS.values(), ids=HOPELESS.keys())
def test_replay_error_is_one_sentence_when_file_has_no_rows(text: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^prices\.csv has no row with a time and a number; ") as raised:
        Played(tmp_path, text).after(0)
    assert "\n" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_replay_error_is_one_sentence_when_file_disappears(tmp_path: Path) -> None:
    played = Played(tmp_path, ROWS)
    played.path.unlink()
    with pytest.raises(SourceError, match=r"^prices\.csv cannot be read \(No such file or directory\)$"):
        played.after(0)
    with pytest.raises(ValueError, match="expected an existing file"):
        make_source(str(played.path), 1.0)


@pytest.mark.parametrize("end_now", [False, True])
def test_replay_memory_is_bounded_with_large_file(end_now: bool, tmp_path: Path) -> None:
    """The file is far larger than the memory limit; most of it is one line of NUL bytes."""
    row = b"%d" + b",7" * 16 + b"\n"
    path, rows = tmp_path / "prices.csv", amount(4_000, 200_000)
    with path.open("wb") as file:
        file.write(b"time," + b",".join(b"c%d" % column for column in range(16)) + b"\n")
        file.truncate(amount(30_000_000, 1_000_000_000))
        file.seek(0, 2)
        file.write(b"\n" + b"".join(row % second for second in range(1_767_225_600, 1_767_225_600 + rows)))
    source = ReplaySource(path, 3600.0, end_now)
    tracemalloc.start()
    try:
        assert len(source.read()) == 16
        assert bool(source.backfill(1_800_000_000, 7200)) == end_now
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()
