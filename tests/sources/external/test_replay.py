"""A CSV replayed as if it were live: its speed, its end, its past, and how the settings say it."""

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


def test_it_streams_as_if_live_and_says_where_it_ended(tmp_path: Path) -> None:
    played = Played(tmp_path, ROWS)
    assert played.after(0) == {"replay.open": 1, "replay.close": 10}
    assert played.after(0.9) == {"replay.open": 1, "replay.close": 10}
    assert played.after(0.2) == {"replay.open": 2, "replay.close": 20}
    assert played.source.status_message == ""
    assert played.after(1) == {"replay.open": 3, "replay.close": 30}
    assert played.source.status_message == "prices.csv ended at its last row, 2026-01-01 00:02:00 UTC"
    assert played.after(4) == {}, "a gap, not a flat line"
    assert "ended" in played.source.status_message


def test_a_row_stands_until_the_next_from_the_first_on(tmp_path: Path) -> None:
    played = Played(tmp_path, ROWS, 1)
    for second in range(120):
        assert played.after(bool(second)), second


def test_the_example_is_what_its_script_makes_and_has_the_names_of_real_quotes() -> None:
    assert make_bars.PATH.read_text() == make_bars.text()
    assert "made up" in make_bars.text().splitlines()[0].lower()
    source = make_source("example?speed=60", 1.0)
    keys = {metric.key for metric in wait_for(source.read)}
    assert keys == {"quotes.AAPL", "quotes.AAPL.close", "quotes.MSFT", "quotes.MSFT.close"}
    real = QuoteSource(["AAPL", "MSFT"], YahooClient())
    assert keys == {metric.key for metric in [*real._prices.values(), *real._closes.values()]}
    assert len(make_source("example?end=now", 1.0).backfill(1e9, 40_000)) == 389 * 60 + 1


def test_faster_than_it_can_be_read_lags_and_says_so(tmp_path: Path) -> None:
    played = Played(tmp_path, "time,a\n" + "".join(f"{second},{second}\n" for second in range(50_000)), 1e6)
    played.after(0)
    assert played.after(1)["replay.a"] < 20_001
    assert "the replay is behind" in played.source.status_message
    for _ in range(3):
        played.after(0)
    assert "ended" in played.source.status_message
    assert "lags" not in played.source.status_message


@pytest.mark.parametrize("rows", [1, 3])
def test_with_end_now_the_past_is_there_at_once(rows: int, tmp_path: Path) -> None:
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


def test_a_past_that_the_store_has_already_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    played = Played(tmp_path, ROWS, 60, end_now=True)
    store = MemoryStore()
    store.append(Tick(1_799_999_999.0, 1.0, {"cpu.percent": 1.0}))
    Sampler([played.source], store, 1.0).backfill(1_800_000_000.0, 7200)
    assert [tick.time for tick in store.since(0, 99)] == [1_799_999_999.0, 1_800_000_000.0]
    assert "knows 3 ticks of the past; 2 of them are older" in caplog.text


def test_the_past_is_a_tick_each_interval_and_a_hole_in_it_stays_one(tmp_path: Path) -> None:
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
def test_a_wrong_spec_says_what_is_expected(rest: str) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        make_source(rest, 1.0)


def test_a_settings_file_may_say_it_by_name(tmp_path: Path) -> None:
    path = Played(tmp_path, ROWS).path
    values = wait_for(make_source(str(path), 1.0, **{"speed": 60, "as": "prices"}).read)
    assert {metric.key for metric in values} == {"prices.open", "prices.close"}
    with pytest.raises(ValueError, match=r"^expected replay:FILE"):
        make_source(str(path), 1.0, sped=60)


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "1e7"])
def test_a_speed_is_bounded(speed: str, tmp_path: Path) -> None:
    path = Played(tmp_path, ROWS).path
    with pytest.raises(ValueError, match="expected a speed above 0"):
        make_source(f"{path}?speed={speed}", 1.0)


def test_a_real_process_replays_and_says_where_it_ended(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(ROWS)
    flags = ("--source", "replay:prices.csv?speed=60&as=quotes", "--source", "none", "--interval", "0.2")
    with dashapp(tmp_path, *flags) as app:
        app.serving()
        wait_for(lambda: "prices.csv ended at its last row" in app.notices())
        values = [value for value in app.ticks()["y"]["quotes.close"] if value is not None]
        # A starved machine may have slept through a row, a second, but not begin with another.
        assert values[0] == 10
        assert values == sorted(values)
        assert {*values} <= {10, 20, 30}


def test_a_real_process_has_the_past_of_a_file_that_ends_now(tmp_path: Path) -> None:
    lines = "".join(f"2026-01-01T00:{minute:02}:00Z,{minute}\n" for minute in range(60))
    (tmp_path / "prices.csv").write_text(f"time,a\n{lines}")
    flags = ("--source", "replay:prices.csv?speed=60&end=now", "--source", "none")
    with dashapp(tmp_path, *flags) as app:
        app.serving()
        values = wait_for(lambda: app.ticks()["y"].get("replay.a"))
        assert [value for value in values if value is not None][:60] == list(range(60))
