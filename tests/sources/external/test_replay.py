"""Replay of a CSV file as a live source: speed, end, backfill and settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import dashapp
from replay_source import ROWS, Played
from waiting import wait_for

from dashapp.collector.sampler import Sampler
from dashapp.examples import make_bars
from dashapp.model.ticks import Tick
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
