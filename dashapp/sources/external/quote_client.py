"""Stock quotes from yfinance, and the schedule of its requests.

A price is the newest of the day's one-minute bars. Only this module imports yfinance, an extra that brings
pandas, and only for the first quote. One request per minute covers all symbols in turn. A closed market is
requested every half hour, and a failing symbol at growing intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from dashapp.model.ticks import SourceError
from dashapp.process.backoff import Backoff

REQUEST_TIMEOUT_S = 10.0


class Quote(NamedTuple):
    """A price, the `time` of its bar, and the market hours, all in seconds UTC.

    The hours are those of the same day or the next.
    """

    price: float
    previous_close: float | None
    time: float
    opens: float
    closes: float


class TooManyRequestsError(SourceError):
    """The feed rejects requests because of their rate."""


class QuoteClient(Protocol):
    def fetch(self, symbol: str) -> Quote:
        """Return the newest quote; raises SourceError if there is none."""


class YahooClient:
    """Requests quotes from Yahoo; `session` is an optional yfinance session."""

    def __init__(self, session: Any = None) -> None:
        self._session = session
        self._tickers: dict[str, Any] = {}

    def fetch(self, symbol: str) -> Quote:
        """Return the newest quote; this can take some tens of seconds.

        The first request is slow, because it needs a cookie and a crumb.
        """
        import yfinance
        from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

        # Otherwise every failure is an empty table.
        yfinance.config.debug.hide_exceptions = False
        try:
            if symbol not in self._tickers:
                self._tickers[symbol] = yfinance.Ticker(symbol, session=self._session)
            ticker = self._tickers[symbol]
            bars = ticker.history(period="1d", interval="1m", auto_adjust=False, timeout=REQUEST_TIMEOUT_S)
            return _newest_quote(bars, dict(ticker.history_metadata))
        except YFRateLimitError:
            raise TooManyRequestsError("too many requests to the feed") from None
        except (YFPricesMissingError, YFTzMissingError):
            _clear_response_cache()
            raise SourceError("the feed has no price for this symbol") from None
        except SourceError:
            raise
        except Exception as error:
            _clear_response_cache()
            # yfinance raises errors of many types, also of its dependencies; their texts contain URLs.
            raise SourceError(f"the feed does not respond ({type(error).__name__})") from None


def _clear_response_cache() -> None:
    """Clear yfinance's cache, which stores even a broken first response for a symbol."""
    from yfinance.data import YfData

    YfData.cache_get.cache_clear()


def _newest_quote(bars: Any, metadata: dict[str, Any]) -> Quote:
    """Return the newest bar with a trade, or else the regular market price."""
    hours = metadata["currentTradingPeriod"]["regular"]
    closes = bars["Close"].dropna()
    previous_close = _finite_or_none(metadata.get("previousClose")) or _finite_or_none(
        metadata.get("chartPreviousClose")
    )
    if len(closes):
        price, time = _finite_or_none(float(closes.iloc[-1])), closes.index[-1].timestamp()
    else:
        price, time = _finite_or_none(metadata.get("regularMarketPrice")), hours["start"].timestamp()
    if price is None:
        raise SourceError("the feed has no price for this symbol")
    return Quote(price, previous_close, time, hours["start"].timestamp(), hours["end"].timestamp())


def _finite_or_none(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else None


# Seconds between two requests, and between two requests for a closed market.
OPEN_INTERVAL_S, CLOSED_INTERVAL_S = 60.0, 1800.0
# Seconds after the first failure in a row, after the first "too many requests", and the maximum of both.
BACKOFF_INITIAL_S, RATE_LIMIT_BACKOFF_S, BACKOFF_MAX_S = 60.0, 300.0, 3600.0


class DueRequest(NamedTuple):
    symbol: str
    time: float


class QuoteScheduler:
    """Decides which symbol to request next, and when.

    >>> schedule = QuoteScheduler(["A", "B"], now=0)
    >>> schedule.next()
    DueRequest(symbol='A', time=0)
    >>> schedule.record_success("A", now=1, opens=-100, closes=999); schedule.next()
    DueRequest(symbol='B', time=61.0)
    >>> schedule.record_failure("B", now=61, too_many=True); schedule.next()
    DueRequest(symbol='A', time=361.0)
    """

    def __init__(self, symbols: Sequence[str], now: float) -> None:
        self._due = dict.fromkeys(symbols, now)
        self._earliest_request = now
        self._backoffs = {symbol: Backoff(BACKOFF_INITIAL_S, BACKOFF_MAX_S) for symbol in symbols}
        self._rate_limit_backoff = Backoff(RATE_LIMIT_BACKOFF_S, BACKOFF_MAX_S)

    def next(self) -> DueRequest:
        """Return the symbol that has been due for the longest time, and when to request it."""
        symbol = min(self._due, key=lambda candidate: self._due[candidate])
        return DueRequest(symbol, max(self._due[symbol], self._earliest_request))

    def record_success(self, symbol: str, now: float, opens: float, closes: float) -> None:
        """Schedule the next request; `opens` and `closes` are the hours in the quote."""
        self._backoffs[symbol].reset()
        self._rate_limit_backoff.reset()
        self._earliest_request = now + OPEN_INTERVAL_S
        if opens <= now < closes:
            self._due[symbol] = now + OPEN_INTERVAL_S
        elif now < opens:
            self._due[symbol] = max(now + OPEN_INTERVAL_S, min(opens, now + CLOSED_INTERVAL_S))
        else:
            self._due[symbol] = now + CLOSED_INTERVAL_S

    def record_failure(self, symbol: str, now: float, too_many: bool = False) -> None:
        """Delay the next request; `too_many` delays all symbols and not only this one."""
        self._due[symbol] = now + self._backoffs[symbol].next_pause()
        self._earliest_request = now + OPEN_INTERVAL_S
        if too_many:
            self._earliest_request = now + self._rate_limit_backoff.next_pause()
