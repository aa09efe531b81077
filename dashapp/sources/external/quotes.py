"""Share prices as a source: `quotes:AAPL,MSFT`, each with its previous close.

One thread requests the feed, at long intervals and once for all viewers. While the feed fails or the market
is closed, the last price remains and the page shows its time.
"""

from __future__ import annotations

import importlib.util
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from typing import Any

from dashapp.model.ticks import Metric, SourceError
from dashapp.process.threads import start_thread
from dashapp.sources.external.quote_client import (
    CLOSED_INTERVAL_S,
    Quote,
    QuoteClient,
    QuoteScheduler,
    TooManyRequestsError,
    YahooClient,
)
from dashapp.sources.slug import SlugRegistry

MAX_SYMBOLS = 10
# A price in an open market is old after this many seconds for each symbol, because the symbols take turns.
STALE_AFTER_S = 180.0

_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=-]{0,19}")
EXPECTED = f"expected quotes:AAPL,MSFT with at most {MAX_SYMBOLS} symbols, separated by commas"
PACKAGE_MISSING = "expected the package yfinance to be installed: pip install 'yfinance>=1.0,<2'"


class QuoteSource:
    """Reads prices of `symbols`; `wall` returns seconds UTC, as market hours do.

    If that clock goes back, the source only waits longer.
    """

    name = "quotes"

    def __init__(
        self, symbols: Sequence[str], feed: QuoteClient, wall: Callable[[], float] = time.time
    ) -> None:
        self._feed = feed
        self._wall = wall
        self._lock = Lock()
        slugs = SlugRegistry(keep_case=True)
        keys = {symbol: f"quotes.{slugs(symbol)}" for symbol in symbols}
        self._prices = {symbol: Metric(key, symbol, "", "quotes") for symbol, key in keys.items()}
        self._closes = {
            symbol: Metric(f"{key}.close", f"{symbol} previous close", "", "quotes")
            for symbol, key in keys.items()
        }
        self._quotes: dict[str, Quote] = {}
        self._errors: dict[str, str] = {}
        self._schedule = QuoteScheduler(symbols, wall())
        self._failure = ""
        self._thread: Thread | None = None

    def read(self) -> Mapping[Metric, float]:
        """Return the newest price of each symbol; `status_message` names the old ones."""
        if self._thread is None:
            self._thread = start_thread("source quotes", self._run, self._set_failure)
        values: dict[Metric, float] = {}
        with self._lock:
            for symbol, quote in self._quotes.items():
                values[self._prices[symbol]] = quote.price
                if quote.previous_close is not None:
                    values[self._closes[symbol]] = quote.previous_close
        return values

    @property
    def status_message(self) -> str:
        """The prices that are not current, each with the reason."""
        now, messages = self._wall(), [self._failure] if self._failure else []
        with self._lock:
            for symbol in self._prices:
                quote, error = self._quotes.get(symbol), self._errors.get(symbol)
                if quote is None:
                    messages += [f"{symbol} has no price yet: {error}"] if error else []
                elif error:
                    messages.append(f"the price of {symbol} is from {_format_time(quote.time)}: {error}")
                elif not quote.opens <= now < quote.closes:
                    messages.append(
                        f"the price of {symbol} is from {_format_time(quote.time)}: the market is closed"
                    )
                elif now - quote.time > STALE_AFTER_S * len(self._prices):
                    messages.append(
                        f"the price of {symbol} is from {_format_time(quote.time)}: no trade since"
                    )
        return "; ".join(messages)

    def fetch_next(self) -> float:
        """Request the symbol that is due, if any; return the seconds until the next request."""
        due = self._schedule.next()
        if due.time > self._wall():
            # Wait in short steps, because the clock can be set and the machine suspended.
            return min(due.time - self._wall(), CLOSED_INTERVAL_S / 60)
        try:
            quote = self._feed.fetch(due.symbol)
        except SourceError as error:
            self._schedule.record_failure(due.symbol, self._wall(), isinstance(error, TooManyRequestsError))
            with self._lock:
                self._errors[due.symbol] = str(error)
        else:
            self._schedule.record_success(due.symbol, self._wall(), quote.opens, quote.closes)
            with self._lock:
                self._failure = ""
                self._quotes[due.symbol] = quote
                self._errors.pop(due.symbol, None)
        return 0.0

    def _set_failure(self, sentence: str) -> None:
        self._failure = sentence

    def _run(self) -> None:
        event = Event()
        while True:
            event.wait(self.fetch_next())


def _format_time(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC"


def make_source(rest: str, interval: float, **options: Any) -> QuoteSource:
    symbols = list(dict.fromkeys(part.strip().upper() for part in rest.split(",") if part.strip()))
    if (
        options
        or not 0 < len(symbols) <= MAX_SYMBOLS
        or not all(_SYMBOL.fullmatch(symbol) for symbol in symbols)
    ):
        raise ValueError(EXPECTED)
    if importlib.util.find_spec("yfinance") is None:
        raise ValueError(PACKAGE_MISSING)
    return QuoteSource(symbols, YahooClient())
