"""A fake of the server that yfinance requests: chart JSON over real HTTP on this machine."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import requests
from exporter_server import Exporter, body


class Exchange:
    """`prices` has the closing price of each minute by symbol, None for a minute without trades."""

    def __init__(self, server: Exporter) -> None:
        self.server = server
        self.prices: dict[str, list[float | None]] = {}
        self.opens, self.closes = time.time() - 3600, time.time() + 3600
        self.status, self.text = 200, ""
        server.act = self._act

    @property
    def charts(self) -> list[str]:
        """The symbols of all requests for one-minute bars, in order."""
        return [path.split("/")[-1].split("?")[0] for path, _ in self.server.asked if "interval=1m" in path]

    def session(self) -> requests.Session:
        """Return a session that sends each request to this server, with the host name in the path."""
        server = self.server

        class Local(requests.Session):
            def request(self, method: str, url: str | bytes, *more: Any, **others: Any) -> Any:
                parts = urlsplit(str(url))
                here = f"http://127.0.0.1:{server.port}/{parts.hostname}{parts.path}"
                return super().request(method, here, *more, **others)

        return Local()

    def _act(self, handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        if "/v8/finance/chart/" in path:
            if self.status != 200 or self.text:
                body(self.text or "Edge: Too Many Requests", "text/html", self.status)(handler)
                return
            found = self.prices.get(path.split("/")[-1])
            answer: dict[str, Any] = {"result": None, "error": error}
            if found is not None:
                answer = {"result": [self._chart(path.split("/")[-1], found)], "error": None}
            body(json.dumps({"chart": answer}), "application/json")(handler)
        elif path.endswith("getcrumb"):
            body("crumb", "text/plain")(handler)
        else:
            parts = {"quoteSummary": {"result": None, "error": error}, "quoteResponse": {"result": []}}
            body(json.dumps(parts | {"timeseries": {"result": []}}), "application/json")(handler)

    def _chart(self, symbol: str, closes: list[float | None]) -> dict[str, Any]:
        hours = {"timezone": "EST", "gmtoffset": -18_000, "start": int(self.opens), "end": int(self.closes)}
        times = [int(self.opens) // 60 * 60 + 60 * minute for minute in range(len(closes))]
        quote = dict.fromkeys(("open", "high", "low", "close"), closes)
        return {
            "meta": {
                "currency": "USD",
                "symbol": symbol,
                "instrumentType": "EQUITY",
                "exchangeTimezoneName": "America/New_York",
                "gmtoffset": -18_000,
                "regularMarketTime": int(time.time()),
                "regularMarketPrice": 99.0,
                "chartPreviousClose": 90.0,
                "previousClose": 90.5,
                "currentTradingPeriod": {"pre": dict(hours), "regular": dict(hours), "post": dict(hours)},
                "tradingPeriods": [[dict(hours)]],
                "dataGranularity": "1m",
                "range": "1d",
                "validRanges": ["1d", "5d"],
            },
            "timestamp": times,
            "indicators": {"quote": [quote | {"volume": [1 for _ in closes]}]},
        }
