"""Share prices: yfinance parses responses of a fake server, and a scheduler limits requests."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from clocks import FakeClock
from exporter_server import exporting
from fake_yahoo import Exchange
from waiting import PATIENCE_S, wait_for

from dashapp.model.ticks import SourceError
from dashapp.process import threads
from dashapp.sources.external import quotes
from dashapp.sources.external.quote_client import (
    BACKOFF_MAX_S,
    CLOSED_INTERVAL_S,
    Quote,
    QuoteScheduler,
    TooManyRequestsError,
    YahooClient,
)
from dashapp.sources.external.quotes import MAX_SYMBOLS, QuoteSource, make_source

# Warnings of yfinance, which its next release may fix.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    # Only here: each worker of pytest imports all modules of tests.
    import yfinance

    yfinance.set_tz_cache_location(str(tmp_path))
    with exporting() as server:
        yield Exchange(server)


class Harness:
    """A quote source with a fake feed and a fake clock."""

    def __init__(self, *symbols: str) -> None:
        self.clock = FakeClock()
        self.answer: Quote | SourceError = self.quote(10)
        self.trading = True
        self.asked: list[tuple[float, str]] = []
        self._began = self.clock.wall()
        self.source = QuoteSource(symbols, self, self.clock.wall)

    def quote(self, price: float, opens: float = -100, closes: float = 1e6) -> Quote:
        now = self.clock.wall()
        return Quote(price, 9.0, now, now + opens, now + closes)

    def fetch(self, symbol: str) -> Quote:
        self.asked.append((round(self.clock.wall() - self._began), symbol))
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer._replace(time=self.clock.wall()) if self.trading else self.answer

    def work(self, seconds: float) -> None:
        """Fetch quotes for `seconds`, as the source's thread does."""
        end = self.clock.wall() + seconds
        while (wait := self.source.fetch_next()) == 0 or self.clock.wall() + wait < end:
            self.clock.pass_time(wait)
        self.clock.pass_time(end - self.clock.wall())

    def values(self) -> Mapping[str, float]:
        # The source starts no thread, because the test does its work.
        self.source._thread = self.source._thread or object()  # type: ignore[assignment]
        return {metric.key: value for metric, value in self.source.read().items()}


def test_yahoo_client_reads_one_minute_bars(exchange: Exchange) -> None:
    exchange.prices = {"AAPL": [100.0, 101.5, None], "MSFT": [400.25]}
    feed = YahooClient(exchange.session())
    quote = feed.fetch("AAPL")
    assert (quote.price, quote.previous_close) == (101.5, 90.5)
    assert quote.time == int(exchange.opens) // 60 * 60 + 60, "of the newest bar that traded"
    assert (quote.opens, quote.closes) == (int(exchange.opens), int(exchange.closes))
    assert feed.fetch("MSFT").price == 400.25
    assert exchange.charts == ["AAPL", "MSFT"]


AWAY = r"^the feed does not respond \(\w+\)$"
REFUSALS = {
    "unknown symbol": (200, "", "^the feed has no price for this symbol$"),
    "html": (200, "<html>Will be right back</html>", AWAY),
    "not json": (200, "{", AWAY),
    "broken": (500, "oh", AWAY),
    "wrong shape": (200, '{"chart": {"result": [{"meta": {}, "indicators": {}}], "error": null}}', AWAY),
    "hostile": (200, '{"chart": 7}', AWAY),
}


@pytest.mark.parametrize(("status", "text", "kind"), REFUSALS.values(), ids=REFUSALS.keys())
def test_yahoo_client_error_is_short_when_response_is_bad(
    status: int, text: str, kind: str, exchange: Exchange
) -> None:
    exchange.status, exchange.text = status, text
    with pytest.raises(SourceError, match=kind):
        YahooClient(exchange.session()).fetch("NONE")


@pytest.mark.parametrize(("status", "text", "kind"), REFUSALS.values(), ids=REFUSALS.keys())
def test_yahoo_client_reads_price_again_when_feed_recovers(
    status: int, text: str, kind: str, exchange: Exchange
) -> None:
    feed = YahooClient(exchange.session())
    exchange.status, exchange.text = status, text
    with pytest.raises(SourceError, match=kind):
        feed.fetch("LATER")
    exchange.status, exchange.text, exchange.prices = 200, "", {"LATER": [100.0, 101.5]}
    assert feed.fetch("LATER").price == 101.5


def test_yahoo_client_raises_own_error_for_too_many_requests(exchange: Exchange) -> None:
    exchange.status = 429
    with pytest.raises(TooManyRequestsError):
        YahooClient(exchange.session()).fetch("AAPL")


def test_yahoo_client_uses_market_price_before_first_trade(exchange: Exchange) -> None:
    exchange.prices = {"AAPL": [None, None]}
    assert YahooClient(exchange.session()).fetch("AAPL").price == 99.0


class StoppedError(Exception):
    """Ends the source's thread after the test."""


class StopEvent(Event):
    """The event between two requests of the source's thread, which ends when it is set."""

    def wait(self, timeout: float | None = None) -> bool:
        if super().wait(timeout):
            raise StoppedError
        return False


class EndingSource(QuoteSource):
    def _run(self) -> None:
        with suppress(StoppedError):
            super()._run()


def test_quotes_show_price_and_previous_close(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange.prices = {"AAPL": [100.0], "^GSPC": [5000.0]}
    source = EndingSource(["AAPL", "^GSPC"], YahooClient(exchange.session()))
    never = StopEvent()
    monkeypatch.setattr(quotes, "Event", lambda: never)
    wait_for(source.read)
    assert {metric.key: (metric.label, value) for metric, value in source.read().items()} == {
        "quotes.AAPL": ("AAPL", 100.0),
        "quotes.AAPL.close": ("AAPL previous close", 90.5),
    }, "the second one is asked a minute later"
    assert exchange.charts == ["AAPL"]
    never.set()
    assert source._thread is not None
    source._thread.join(PATIENCE_S)


def test_quotes_request_one_symbol_per_minute_in_turn() -> None:
    desk = Harness("A", "B", "C")
    desk.work(600)
    assert desk.asked == [(60 * count, "ABC"[count % 3]) for count in range(10)]
    assert desk.source.status_message == ""
    assert desk.values() == {f"quotes.{name}": 10 for name in "ABC"} | {
        f"quotes.{name}.close": 9 for name in "ABC"
    }


def test_quotes_are_requested_less_often_when_market_is_closed() -> None:
    desk = Harness("A")
    desk.answer = desk.quote(10, opens=-50_000, closes=-1)
    desk.work(6 * CLOSED_INTERVAL_S)
    assert len(desk.asked) == 6
    assert "the price of A is from" in desk.source.status_message
    assert "the market is closed" in desk.source.status_message
    assert desk.values()["quotes.A"] == 10, "the last price stands"
    before = len(desk.asked)
    desk.answer = desk.quote(10, opens=2.5 * CLOSED_INTERVAL_S, closes=1e6)
    desk.work(2.5 * CLOSED_INTERVAL_S + 1)
    assert len(desk.asked) - before == 4, "half-hourly, and when it opens"
    assert desk.asked[-1][0] == 8.5 * CLOSED_INTERVAL_S
    desk.work(600)
    assert len(desk.asked) - before == 4 + 10


def test_quotes_back_off_and_mark_last_price_when_feed_fails() -> None:
    desk = Harness("A")
    desk.work(1)
    desk.answer = SourceError("the feed does not respond (ConnectionError)")
    desk.work(86_400)
    times = [time for time, _ in desk.asked]
    pauses = [new - old for old, new in pairwise(times)]
    assert pauses[:6] == [60, 60, 120, 240, 480, 960]
    assert max(pauses) == BACKOFF_MAX_S
    assert desk.values()["quotes.A"] == 10
    assert (
        desk.source.status_message
        == "the price of A is from 2027-01-15 08:00 UTC: the feed does not respond (ConnectionError)"
    )
    desk.answer = desk.quote(11)
    desk.work(BACKOFF_MAX_S)
    assert desk.values()["quotes.A"] == 11
    assert desk.source.status_message == ""


def test_quotes_pause_all_symbols_after_too_many_requests() -> None:
    desk = Harness("A", "B")
    desk.answer = TooManyRequestsError("too many requests to the feed")
    desk.work(3600)
    assert [time for time, _ in desk.asked] == [0, 300, 900, 2100]
    assert "A has no price yet: too many requests to the feed" in desk.source.status_message


def test_quote_scheduler_serves_other_symbols_when_one_fails() -> None:
    schedule = QuoteScheduler(["GOOD", "BAD"], 0.0)
    now, asked = 0.0, list[str]()
    while now < 3600:
        due = schedule.next()
        now = max(now, due.time)
        asked.append(due.symbol)
        if due.symbol == "BAD":
            schedule.record_failure("BAD", now)
        else:
            schedule.record_success("GOOD", now, 0, 1e9)
    assert asked.count("GOOD") > 50


def test_quotes_mark_price_without_trades() -> None:
    desk = Harness("A")
    desk.trading = False
    desk.work(600)
    assert desk.source.status_message.endswith("no trade since")


@pytest.mark.parametrize(
    "rest",
    ["", ",", "A B", "../x", "A?b=c", "A" * 21, ",".join(f"S{n}" for n in range(MAX_SYMBOLS + 1)), "é"],
)
def test_quotes_reject_invalid_symbols(rest: str) -> None:
    with pytest.raises(ValueError, match="expected quotes:AAPL,MSFT"):
        make_source(rest, 1.0)


def test_37_quotes_error_gives_pip_command_without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install 'yfinance"):
        make_source("aapl, MSFT ,AAPL", 1.0)


def test_quotes_continue_after_exception_of_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "RETRY_INITIAL_S", 0.01)
    monkeypatch.setattr(threads, "RETRY_MAX_S", 0.02)
    desk = Harness("A")
    fetch, failing, never = desk.fetch, True, StopEvent()

    def fail(symbol: str) -> Quote:
        if failing:
            raise KeyError("a defect")
        return fetch(symbol)

    monkeypatch.setattr(desk, "fetch", fail)
    monkeypatch.setattr(quotes, "Event", lambda: never)
    source = EndingSource(["A"], desk, desk.clock.wall)
    assert source.read() == {}
    wait_for(lambda: "thread source quotes failed (KeyError)" in source.status_message)
    failing = False
    assert set(wait_for(source.read).values()) == {10.0, 9.0}
    wait_for(lambda: "failed" not in source.status_message)
    never.set()
    assert source._thread is not None
    source._thread.join(PATIENCE_S)
