"""A CSV replayed as if it were live: its times, its end, its past, and files that are wrong."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest
from clocks import FakeClock
from processes import dashapp, wait_for

from dashapp.examples import make_bars
from dashapp.model import SourceError, Tick
from dashapp.sampler import Sampler
from dashapp.sources import time_column
from dashapp.sources.quote_feed import YahooFeed
from dashapp.sources.quotes import QuoteSource
from dashapp.sources.replay import ReplaySource, make
from dashapp.stores.memory import MemoryStore

ROWS = "time,open,close\n2026-01-01T00:00:00Z,1,10\n2026-01-01T00:01:00Z,2,20\n2026-01-01T00:02:00Z,3,30\n"


class Played:
    """A file, a clock, and what is shown of the one at the other."""

    def __init__(self, folder: Path, text: str | bytes, speed: float = 60, **more: object) -> None:
        self.path = folder / "prices.csv"
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.clock = FakeClock()
        self.source = ReplaySource(self.path, speed, clock=self.clock.monotonic, **more)  # type: ignore[arg-type]

    def after(self, seconds: float) -> Mapping[str, float]:
        self.clock.pass_time(seconds)
        return {metric.key: value for metric, value in self.source.read().items()}


def test_it_streams_as_if_live_and_says_where_it_ended(tmp_path: Path) -> None:
    played = Played(tmp_path, ROWS)
    assert played.after(0) == {"replay.open": 1, "replay.close": 10}
    assert played.after(0.9) == {"replay.open": 1, "replay.close": 10}
    assert played.after(0.2) == {"replay.open": 2, "replay.close": 20}
    assert played.source.said == ""
    assert played.after(1) == {"replay.open": 3, "replay.close": 30}
    assert played.source.said == "prices.csv ended with its row of 2026-01-01 00:02:00 UTC"
    assert played.after(4) == {}, "a gap, not a flat line"
    assert "ended" in played.source.said


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
def test_a_time_may_be_written_in_many_ways(text: str) -> None:
    assert time_column.parse(text) == 1767225600


@pytest.mark.parametrize("text", ["", "x", "31/12/2025", "nan", "inf", "-", "2026-13-01", "1_0"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        time_column.parse(text)


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
def test_files_of_many_shapes(text: str, expected: Mapping[str, float], tmp_path: Path) -> None:
    values = Played(tmp_path, text).after(0)
    assert expected.items() <= values.items()
    assert all(part for key in values for part in key.split("."))


LEFT_OUT = {
    "wrong date": (
        "time,a\n2026-01-01,1\nyesterday,9\n2026-01-02,2\n",
        'line 3 has no time that can be read ("yest',
    ),
    "unsorted": (
        "time,a\n2026-01-01,1\n2025-01-01,9\n2026-01-02,2\n",
        "line 3 is not later than the one before",
    ),
    "twice": (
        "time,a\n2026-01-01,1\n2026-01-01,9\n2026-01-02,2\n",
        "line 3 is not later than the one before",
    ),
    "ragged": (
        "time,a\n2026-01-01,1\n2026-01-01T01,9,9\n2026-01-02,2\n",
        "line 3 has 3 fields, the heading 2",
    ),
    "short": ("time,a\n2026-01-01,1\n2026-01-01T01\n2026-01-02,2\n", "line 3 has 1 fields, the heading 2"),
    "binary": (b"time,a\n2026-01-01,1\n\x00\xff\xfe\n2026-01-02,2\n", "line 3 has 1 fields"),
    "quote": ('time,a\n2026-01-01,1\n"2026,9\n2026-01-02,2\n', "line 3 has 1 fields"),
}


@pytest.mark.parametrize(("text", "sentence"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_a_row_that_cannot_be_used_is_left_out_and_told(text: str, sentence: str, tmp_path: Path) -> None:
    played = Played(tmp_path, text, speed=86_400)
    assert played.after(0) == {"replay.a": 1}
    assert played.after(1) == {"replay.a": 2}
    assert f"prices.csv: some rows are left out, for {sentence}" in played.source.said


HOPELESS = {
    "empty": "",
    "blank": "\n\n\n",
    "heading alone": "time,a\n",
    "no times": "name,a\n" + "x,1\n" * 1000,
    "binary": bytes(range(256)) * 1000,
    "one endless line": b"x" * 10_000_000,
    "utf-16": ROWS.encode("utf-16"),
}


@pytest.mark.parametrize("text", HOPELESS.values(), ids=HOPELESS.keys())
def test_a_file_without_rows_is_one_sentence(text: str | bytes, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^prices\.csv has no row with a time and a number; ") as raised:
        Played(tmp_path, text).after(0)
    assert "\n" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_a_file_that_goes_away_is_one_sentence(tmp_path: Path) -> None:
    played = Played(tmp_path, ROWS)
    played.path.unlink()
    with pytest.raises(SourceError, match=r"^prices\.csv cannot be read \(No such file or directory\)$"):
        played.after(0)
    with pytest.raises(ValueError, match="expected a file that is there"):
        make(str(played.path), 1.0)


@pytest.mark.parametrize("end_now", [False, True])
def test_a_large_file_is_read_as_it_is_needed(end_now: bool, tmp_path: Path) -> None:
    """A gigabyte, most of it one line of nothing."""
    row = b"%d" + b",7" * 16 + b"\n"
    path = tmp_path / "prices.csv"
    with path.open("wb") as file:
        file.write(b"time," + b",".join(b"c%d" % column for column in range(16)) + b"\n")
        file.truncate(1_000_000_000)
        file.seek(0, 2)
        file.write(b"\n" + b"".join(row % second for second in range(1_767_225_600, 1_767_425_600)))
    source = ReplaySource(path, 3600.0, end_now)
    tracemalloc.start()
    try:
        assert len(source.read()) == 16
        assert bool(source.past(1_800_000_000, 7200)) == end_now
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()


def test_a_row_stands_until_the_next_from_the_first_on(tmp_path: Path) -> None:
    played = Played(tmp_path, ROWS, 1)
    for second in range(120):
        assert played.after(bool(second)), second


def test_the_example_is_what_its_script_makes_and_has_the_names_of_real_quotes() -> None:
    assert make_bars.PATH.read_text() == make_bars.text()
    assert "made up" in make_bars.text().splitlines()[0].lower()
    source = make("example?speed=60", 1.0)
    keys = {metric.key for metric in wait_for(source.read)}
    assert keys == {"quotes.AAPL", "quotes.AAPL.close", "quotes.MSFT", "quotes.MSFT.close"}
    real = QuoteSource(["AAPL", "MSFT"], YahooFeed())
    assert keys == {metric.key for metric in [*real._prices.values(), *real._closes.values()]}
    assert len(make("example?end=now", 1.0).past(1e9, 40_000)) == 389 * 60 + 1


def test_faster_than_it_can_be_read_lags_and_says_so(tmp_path: Path) -> None:
    played = Played(tmp_path, "time,a\n" + "".join(f"{second},{second}\n" for second in range(50_000)), 1e6)
    played.after(0)
    assert played.after(1)["replay.a"] < 20_001
    assert "the replay lags" in played.source.said
    for _ in range(3):
        played.after(0)
    assert "ended" in played.source.said
    assert "lags" not in played.source.said


@pytest.mark.parametrize("rows", [1, 3])
def test_with_end_now_the_past_is_there_at_once(rows: int, tmp_path: Path) -> None:
    played = Played(tmp_path, "".join(ROWS.splitlines(keepends=True)[: rows + 1]), 60, end_now=True)
    store = MemoryStore()
    sampler = Sampler([played.source], store, 1.0)
    sampler.recall(1_800_000_000.0, 7200)
    assert [(tick.time, tick.values["replay.close"]) for tick in store.since(0, 99)] == [
        (1_800_000_000.0 - rows + 1 + row, 10.0 * (row + 1)) for row in range(rows)
    ]
    sampler.tick(1_800_000_001.0)
    assert "ended" in played.source.said
    played.clock.pass_time(10)
    assert sampler.tick(1_800_000_011.0) is None


def test_a_past_that_the_store_has_already_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    played = Played(tmp_path, ROWS, 60, end_now=True)
    store = MemoryStore()
    store.append(Tick(1_799_999_999.0, 1.0, {"cpu.percent": 1.0}))
    Sampler([played.source], store, 1.0).recall(1_800_000_000.0, 7200)
    assert [tick.time for tick in store.since(0, 99)] == [1_799_999_999.0, 1_800_000_000.0]
    assert "knows 3 ticks of the past; 2 of them are older" in caplog.text


def test_the_past_is_a_tick_each_interval_and_a_hole_in_it_stays_one(tmp_path: Path) -> None:
    text = "time,a\n" + "".join(f"{second},{second}\n" for second in range(1000) if not 300 < second < 600)
    past = Played(tmp_path, text, 10, end_now=True).source.past(5000.0, 100)
    assert [time for time, _ in past] == [*range(4901, 4934), *range(4961, 5001)]
    assert {metric.key for _, values in past for metric in values} == {"replay.a"}


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "?speed=2",
        "x.csv?speed",
        "x.csv?sped=2",
        "x.csv?speed=x",
        "x.csv?end=then",
        "x.csv?as=A.b",
        "x.csv?",
    ],
)
def test_a_wrong_spec_says_what_is_expected(rest: str) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        make(rest, 1.0)


def test_a_settings_file_may_say_it_by_name(tmp_path: Path) -> None:
    path = Played(tmp_path, ROWS).path
    values = wait_for(make(str(path), 1.0, **{"speed": 60, "as": "prices"}).read)
    assert {metric.key for metric in values} == {"prices.open", "prices.close"}
    with pytest.raises(ValueError, match=r"^expected replay:FILE"):
        make(str(path), 1.0, sped=60)


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "1e7"])
def test_a_speed_is_bounded(speed: str, tmp_path: Path) -> None:
    path = Played(tmp_path, ROWS).path
    with pytest.raises(ValueError, match="expected a speed above 0"):
        make(f"{path}?speed={speed}", 1.0)


def test_a_real_process_replays_and_says_where_it_ended(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(ROWS)
    flags = ("--source", "replay:prices.csv?speed=60&as=quotes", "--source", "none", "--interval", "0.2")
    with dashapp(tmp_path, *flags) as app:
        app.serving()
        wait_for(lambda: {10, 20, 30} <= set(app.ticks()["y"].get("quotes.close", [])))
        wait_for(lambda: "prices.csv ended with its row of" in app.notices())


def test_a_real_process_has_the_past_of_a_file_that_ends_now(tmp_path: Path) -> None:
    lines = "".join(f"2026-01-01T00:{minute:02}:00Z,{minute}\n" for minute in range(60))
    (tmp_path / "prices.csv").write_text(f"time,a\n{lines}")
    flags = ("--source", "replay:prices.csv?speed=60&end=now", "--source", "none")
    with dashapp(tmp_path, *flags) as app:
        app.serving()
        values = wait_for(lambda: app.ticks()["y"].get("replay.a"))
        assert [value for value in values if value is not None][:60] == list(range(60))
