"""Stock quotes from yfinance: a symbol's one-minute bars of today as one price, and when to request which.

Only this module imports yfinance, an extra that brings pandas, and only for the first quote. One
request a minute covers all symbols in turn; a closed market is requested every half hour, and a failing one
less and less often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from dashapp.model.ticks import SourceError
from dashapp.process.backoff import Backoff

REQUEST_TIMEOUT_S = 10.0


class Quote(NamedTuple):
    """`time` of the newest bar, and the market's hours of that day or the next, in seconds UTC."""

    price: float
    previous_close: float | None
    time: float
    opens: float
    closes: float


class TooManyRequestsError(SourceError):
    """The feed wants to be left alone for a while."""


class QuoteClient(Protocol):
    def fetch(self, symbol: str) -> Quote:
        """SourceError where there is none, in one sentence."""


class YahooClient:
    """`session`: what sends the requests, in yfinance's own words; None: what it takes itself."""

    def __init__(self, session: Any = None) -> None:
        self._session = session
        self._tickers: dict[str, Any] = {}

    def fetch(self, symbol: str) -> Quote:
        """May take some tens of seconds: the first request needs a cookie and a crumb."""
        import yfinance
        from yfinance.exceptions import YFPricesMissingError, YFRateLimitError, YFTzMissingError

        # Otherwise whatever goes wrong is an empty table.
        yfinance.config.debug.hide_exceptions = False
        try:
            if symbol not in self._tickers:
                self._tickers[symbol] = yfinance.Ticker(symbol, session=self._session)
            ticker = self._tickers[symbol]
            bars = ticker.history(period="1d", interval="1m", auto_adjust=False, timeout=REQUEST_TIMEOUT_S)
            return _newest_quote(bars, dict(ticker.history_metadata))
        except YFRateLimitError:
            raise TooManyRequestsError("the feed wants fewer questions") from None
        except (YFPricesMissingError, YFTzMissingError):
            _forget_responses()
            raise SourceError("the feed knows no price of it") from None
        except SourceError:
            raise
        except Exception as error:
            _forget_responses()
            # Its errors are of many families, and those of its parts; their texts hold addresses.
            raise SourceError(f"the feed does not answer ({type(error).__name__})") from None


def _forget_responses() -> None:
    """Clear the cache of yfinance, which keeps even a broken response to the first request of a symbol."""
    from yfinance.data import YfData

    YfData.cache_get.cache_clear()


def _newest_quote(bars: Any, about: dict[str, Any]) -> Quote:
    """The newest bar that traded, before the first one of the day the previous close."""
    hours = about["currentTradingPeriod"]["regular"]
    closes = bars["Close"].dropna()
    before = _finite_or_none(about.get("previousClose")) or _finite_or_none(about.get("chartPreviousClose"))
    if len(closes):
        price, time = _finite_or_none(float(closes.iloc[-1])), closes.index[-1].timestamp()
    else:
        price, time = _finite_or_none(about.get("regularMarketPrice")), hours["start"].timestamp()
    if price is None:
        raise SourceError("the feed knows no price of it")
    return Quote(price, before, time, hours["start"].timestamp(), hours["end"].timestamp())


def _finite_or_none(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else None


# Seconds between two questions, and between two about a market that is closed.
OPEN_INTERVAL_S, CLOSED_INTERVAL_S = 60.0, 1800.0
# Seconds after the first failure in a row, after the first «too many requests», and after the last of either.
BACKOFF_INITIAL_S, RATE_LIMIT_BACKOFF_S, BACKOFF_MAX_S = 60.0, 300.0, 3600.0


class DueRequest(NamedTuple):
    symbol: str
    time: float


class QuoteScheduler:
    """>>> schedule = QuoteScheduler(["A", "B"], now=0)
    >>> schedule.next()
    DueRequest(symbol='A', time=0)
    >>> schedule.record_success("A", now=1, opens=-100, closes=999); schedule.next()
    DueRequest(symbol='B', time=61.0)
    >>> schedule.record_failure("B", now=61, too_many=True); schedule.next()
    DueRequest(symbol='A', time=361.0)
    """

    def __init__(self, symbols: Sequence[str], now: float) -> None:
        self._due = dict.fromkeys(symbols, now)
        self._not_before = now
        self._backoffs = {symbol: Backoff(BACKOFF_INITIAL_S, BACKOFF_MAX_S) for symbol in symbols}
        self._rate_limit_backoff = Backoff(RATE_LIMIT_BACKOFF_S, BACKOFF_MAX_S)

    def next(self) -> DueRequest:
        """Who is next, and when; of several the one that has waited longest."""
        symbol = min(self._due, key=lambda each: self._due[each])
        return DueRequest(symbol, max(self._due[symbol], self._not_before))

    def record_success(self, symbol: str, now: float, opens: float, closes: float) -> None:
        """`opens`, `closes`: the hours that the answer told, today's or the next day's."""
        self._backoffs[symbol].reset()
        self._rate_limit_backoff.reset()
        self._not_before = now + OPEN_INTERVAL_S
        if opens <= now < closes:
            self._due[symbol] = now + OPEN_INTERVAL_S
        elif now < opens:
            self._due[symbol] = max(now + OPEN_INTERVAL_S, min(opens, now + CLOSED_INTERVAL_S))
        else:
            self._due[symbol] = now + CLOSED_INTERVAL_S

    def record_failure(self, symbol: str, now: float, too_many: bool = False) -> None:
        """`too_many`: the feed wants no question at all for a while, not this symbol alone."""
        self._due[symbol] = now + self._backoffs[symbol].next_pause()
        self._not_before = now + OPEN_INTERVAL_S
        if too_many:
            self._not_before = now + self._rate_limit_backoff.next_pause()
