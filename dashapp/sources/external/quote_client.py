"""The feed of quotes: a symbol's one-minute bars of today by yfinance, as one price.

The only place that knows yfinance, which is an extra and brings pandas; imported when first asked.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from dashapp.model.ticks import SourceError

TIMEOUT = 10.0


class Quote(NamedTuple):
    """`time` of the newest bar, and the market's hours of that day or the next, in seconds UTC."""

    price: float
    previous_close: float | None
    time: float
    opens: float
    closes: float


class TooManyRequestsError(SourceError):
    """The feed wants to be left alone for a while."""


class Feed(Protocol):
    def fetch(self, symbol: str) -> Quote:
        """SourceError where there is none, in one sentence."""


class YahooFeed:
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
            bars = ticker.history(period="1d", interval="1m", auto_adjust=False, timeout=TIMEOUT)
            return _quote(bars, dict(ticker.history_metadata))
        except YFRateLimitError:
            raise TooManyRequestsError("the feed wants fewer questions") from None
        except (YFPricesMissingError, YFTzMissingError):
            raise SourceError("the feed knows no price of it") from None
        except SourceError:
            raise
        except Exception as error:
            # Its errors are of many families, and those of its parts; their texts hold addresses.
            raise SourceError(f"the feed does not answer ({type(error).__name__})") from None


def _quote(bars: Any, about: dict[str, Any]) -> Quote:
    """The newest bar that traded, before the first one of the day the previous close."""
    hours = about["currentTradingPeriod"]["regular"]
    closes = bars["Close"].dropna()
    before = _number(about.get("previousClose")) or _number(about.get("chartPreviousClose"))
    if len(closes):
        price, time = _number(float(closes.iloc[-1])), closes.index[-1].timestamp()
    else:
        price, time = _number(about.get("regularMarketPrice")), hours["start"].timestamp()
    if price is None:
        raise SourceError("the feed knows no price of it")
    return Quote(price, before, time, hours["start"].timestamp(), hours["end"].timestamp())


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and value > 0 else None
