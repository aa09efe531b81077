"""Replay of a CSV file as a live source: speed, end, backfill and settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import dashapp
from replay_source import ROWS, Played
from waiting import wait_for

from dashapp.collector.sampler import Sampler
from dashapp.examples import make_bars
from dashapp.model.ticks import SourceError, Tick
from dashapp.sources.external.quote_client import YahooClient
from dashapp.sources.external.quotes import QuoteSource
from dashapp.sources.external.replay import make_source
from dashapp.stores.memory import MemoryStore


def test_replay_streams_rows_and_reports_end(tmp_path: Path) -> None:
    played = Played(tmp_path, ROWS)
    assert played.after(0) == {"replay.open": 1, "replay.close": 10}
    assert played.after(0.9) == {"replay.open": 1, "replay.close": 10}
    assert played.after(0.2) == {"replay.open": 2, "replay.close": 20}
    assert played.source.status_message == ""
    assert played.after(1) == {"replay.open": 3, "replay.close": 30}
    assert played.source.status_message == "prices.csv ended at its last row, 2026-01-01 00:02:00 UTC"
    assert played.after(4) == {}, "a gap, not a flat line"
    assert "ended" in played.source.status_message


def test_replay_repeats_row_until_next_row_is_due(tmp_path: Path) -> None:
    played = Played(tmp_path, ROWS, 1)
    for second in range(120):
        assert played.after(bool(second)), second


def test_replay_example_matches_its_script_and_quote_names() -> None:
    assert make_bars.PATH.read_text() == make_bars.text()
    assert "made up" in make_bars.text().splitlines()[0].lower()
    source = make_source("example?speed=60", 1.0)
    keys = {metric.key for metric in wait_for(source.read)}
    assert keys == {"quotes.AAPL", "quotes.AAPL.close", "quotes.MSFT", "quotes.MSFT.close"}
    real = QuoteSource(["AAPL", "MSFT"], YahooClient())
    assert keys == {metric.key for metric in [*real._prices.values(), *real._closes.values()]}
    assert len(make_source("example?end=now", 1.0).backfill(1e9, 40_000)) == 389 * 60 + 1


def test_replay_reports_lag_when_speed_is_too_high(tmp_path: Path) -> None:
    played = Played(tmp_path, "time,a\n" + "".join(f"{second},{second}\n" for second in range(50_000)), 1e6)
    played.after(0)
    assert played.after(1)["replay.a"] < 20_001
    assert "the replay is behind" in played.source.status_message
    for _ in range(3):
        played.after(0)
    assert "ended" in played.source.status_message
    assert "lags" not in played.source.status_message


@pytest.mark.parametrize("rows", [1, 3])
def test_replay_backfills_all_rows_with_end_now(rows: int, tmp_path: Path) -> None:
    played = Played(tmp_path, "".join(ROWS.splitlines(keepends=True)[: rows + 1]), 60, end_now=True)
    store = MemoryStore()
    sampler = Sampler([played.source], store, 1.0)
    sampler.backfill(1_800_000_000.0, 7200)
    assert [(tick.time, tick.values["replay.close"]) for tick in store.since(0, 99)] == [
        (1_800_000_000.0 - rows + 1 + row, 10.0 * (row + 1)) for row in range(rows)
    ]
    sampler.tick(1_800_000_001.0)
    assert "ended" in played.source.status_message
    played.clock.pass_time(10)
    assert sampler.tick(1_800_000_011.0) is None


def test_replay_backfill_skips_and_logs_ticks_older_than_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    played = Played(tmp_path, ROWS, 60, end_now=True)
    store = MemoryStore()
    store.append(Tick(1_799_999_999.0, 1.0, {"cpu.percent": 1.0}))
    Sampler([played.source], store, 1.0).backfill(1_800_000_000.0, 7200)
    assert [tick.time for tick in store.since(0, 99)] == [1_799_999_999.0, 1_800_000_000.0]
    assert "backfilled 3 ticks; 2 of them are older" in caplog.text


def test_replay_backfill_has_tick_per_interval_and_keeps_gaps(tmp_path: Path) -> None:
    text = "time,a\n" + "".join(f"{second},{second}\n" for second in range(1000) if not 300 < second < 600)
    past = Played(tmp_path, text, 10, end_now=True).source.backfill(5000.0, 100)
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
def test_replay_spec_is_rejected_when_invalid(rest: str) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        make_source(rest, 1.0)


def test_replay_options_are_accepted_by_keyword(tmp_path: Path) -> None:
    path = Played(tmp_path, ROWS).path
    values = wait_for(make_source(str(path), 1.0, **{"speed": 60, "as": "prices"}).read)
    assert {metric.key for metric in values} == {"prices.open", "prices.close"}
    with pytest.raises(ValueError, match=r"^expected replay:FILE"):
        make_source(str(path), 1.0, sped=60)


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "1e7"])
def test_replay_speed_is_rejected_outside_limits(speed: str, tmp_path: Path) -> None:
    path = Played(tmp_path, ROWS).path
    with pytest.raises(ValueError, match="expected a speed above 0"):
        make_source(f"{path}?speed={speed}", 1.0)


def test_replay_end_is_shown_by_running_server(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(ROWS)
    flags = ("--source", "replay:prices.csv?speed=60&as=quotes", "--source", "none", "--interval", "0.2")
    with dashapp(tmp_path, *flags) as app:
        app.serving()
        wait_for(lambda: "prices.csv ended at its last row" in app.notices())
        values = [value for value in app.ticks()["y"]["quotes.close"] if value is not None]
        # A busy machine may skip rows, each of which lasts a second, but never the first one.
        assert values[0] == 10
        assert values == sorted(values)
        assert {*values} <= {10, 20, 30}


def test_replay_past_is_shown_by_running_server_with_end_now(tmp_path: Path) -> None:
    lines = "".join(f"2026-01-01T00:{minute:02}:00Z,{minute}\n" for minute in range(60))
    (tmp_path / "prices.csv").write_text(f"time,a\n{lines}")
    flags = ("--source", "replay:prices.csv?speed=60&end=now", "--source", "none")
    with dashapp(tmp_path, *flags) as app:
        app.serving()
        values = wait_for(lambda: app.ticks()["y"].get("replay.a"))
        assert [value for value in values if value is not None][:60] == list(range(60))


def test_replay_key_and_label_show_the_end_of_long_names(tmp_path: Path) -> None:
    names = [
        f"\\\\HOST\\Network Interface(Intel[R] Ethernet Controller I225-V)\\Bytes {way}/sec"
        for way in ("In", "Out")
    ]
    text = f"time,{names[0]},{names[1]},{'x.' * 300}\n2026-01-01,1,2,3\n"
    metrics = {value: metric for metric, value in Played(tmp_path, text).source.read().items()}
    for value, way in ((1, "In"), (2, "Out")):
        assert f"Bytes-{way}" in metrics[value].key
        assert metrics[value].label.endswith(f"Bytes {way}/sec")
    assert all(len(metric.key) <= 200 and len(metric.label) <= 64 for metric in metrics.values())


def test_replay_metric_has_unit_of_cells(tmp_path: Path) -> None:
    text = "time,a,b [MHz],c\n2026-01-01,500 W,345 MHz,12 %\n2026-01-02,1.2 kW,346 MHz,13 %\n"
    units = {metric.key: metric.unit for metric in Played(tmp_path, text).source.read()}
    assert units == {"replay.a": "W", "replay.b-MHz": "", "replay.c": "%"}


@pytest.mark.parametrize(
    ("rows", "advice"),
    [
        (("2026-01-01", "2026-01-02"), "its next row 24 hours later; add ?speed=86400 to see it sooner"),
        (("2026-01-01", "2026-02-01"), "its next row 31 days later; add ?speed=1000000 to see it sooner"),
        (
            ("2026-01-01 12:00", "2026-01-01 12:05"),
            "its next row 5 minutes later; add ?speed=300 to see it sooner",
        ),
        (("2026-01-01 12:00", "2026-01-01 12:01"), ""),
    ],
)
def test_replay_reports_long_wait_for_next_row(rows: tuple[str, str], advice: str, tmp_path: Path) -> None:
    played = Played(tmp_path, "time,a\n" + "".join(f"{time},1\n" for time in rows), speed=1)
    assert played.after(0) == {"replay.a": 1}
    assert played.source.status_message == (f"prices.csv has {advice}" if advice else "")


def test_replay_end_is_shown_in_the_time_of_the_file(tmp_path: Path) -> None:
    for row, shown in (
        ("31.1.2026 12:0:5.123", "2026-01-31 12:00:05"),
        ("2026-01-31T12:00:05+01:00", "2026-01-31 11:00:05 UTC"),
        ("1769860805", "2026-01-31 12:00:05 UTC"),
        ("12:00:05", "12:00:05"),
        ("12.5", "12.5 s"),
    ):
        played = Played(tmp_path, f"time;a\n{row};1\n")
        played.after(0)
        assert played.source.status_message == f"prices.csv ended at its last row, {shown}"


def test_replay_options_state_the_notation_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("Datum;a\n01/02/2026 12:00;1,234\n")
    (value,) = wait_for(make_source(f"{path}?dates=dmy&decimal=comma&zone=Europe/Berlin", 1.0).read).values()
    assert value == 1.234
    (value,) = wait_for(make_source(str(path), 1.0, dates="mdy", decimal="point").read).values()
    assert value == 1234


@pytest.mark.parametrize(
    "option", ["dates=ydm", "decimal=.", "zone=Mars", "zone=Mars/Olympus", "zone=../../etc"]
)
def test_replay_notation_is_rejected_when_invalid(option: str, tmp_path: Path) -> None:
    path = Played(tmp_path, ROWS).path
    with pytest.raises(ValueError, match=f"^expected {option.partition('=')[0]}="):
        make_source(f"{path}?{option}", 1.0)


def test_replay_reads_failed_file_again_only_after_a_change(tmp_path: Path) -> None:
    played = Played(tmp_path, "a,b\n1,2\n")
    errors = []
    for _ in range(2):
        with pytest.raises(SourceError) as raised:
            played.after(1)
        errors.append(raised.value)
    assert errors[0] is errors[1]
    played.path.write_text(ROWS)
    assert played.after(1) == {"replay.open": 1, "replay.close": 10}


@pytest.mark.parametrize("order", [1, -1])
def test_replay_backfills_the_newest_rows_of_a_large_file(order: int, tmp_path: Path) -> None:
    """Only a part of the file becomes the history; it starts or ends with the newest row."""
    rows = [
        f"2026-01-01T{row // 3600:02}:{row // 60 % 60:02}:{row % 60:02}Z,{row},{'x' * 100}\n"
        for row in range(20_000)
    ]
    played = Played(tmp_path, "time,a,b\n" + "".join(rows[::order]), 1, end_now=True)
    past = played.source.backfill(5000.0, 3000)
    assert [next(iter(values.values())) for _time, values in past[-2:]] == pytest.approx([19_998, 19_999])
    assert len(past) == 3000
