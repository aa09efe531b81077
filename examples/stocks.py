"""Share prices; each viewer's choice is in the URL.

Run `python examples/stocks.py` and open http://127.0.0.1:8050 in a browser. ▲ and green mean above the
previous close, ▼ and red below it. The server stores nothing about a viewer.
"""

from random import Random
from typing import Any
from urllib.parse import parse_qsl

from dash import Dash, Input, Output, dcc, html

from dashapp import LiveGraph, attach

CLOSES = {"AAPL": 231.5, "MSFT": 502.1, "NVDA": 181.2}
RANGES = {"15 m": 900, "30 m": 1800, "1 h": 3600, "1 d": 86_400, "all": "all"}
THEME = {"name": "color-scheme", "content": "light dark"}
prices, chance = dict(CLOSES), Random(7)


def quotes() -> dict[str, float]:
    """Return simulated prices. Real prices: `attach(app, sources="quotes:AAPL,MSFT,NVDA")`."""
    for symbol, price in prices.items():
        prices[symbol] = round(price * chance.gauss(1, 0.0003), 2)
    return prices | {f"{symbol}.close": close for symbol, close in CLOSES.items()}


app = Dash(title="Stocks", meta_tags=[THEME])
attach(app, sources=quotes, basic=True, public=True)
app.layout = html.Div([dcc.Location("url"), html.Main(id="main")], style={"font": "1rem system-ui"})


@app.callback(Output("main", "children"), Input("url", "search"))  # type: ignore[untyped-decorator]
def main(search: str) -> list[Any]:
    params = dict(parse_qsl(search.lstrip("?")))
    symbol = params["symbol"] if params.get("symbol") in CLOSES else "AAPL"
    span = params["range"] if params.get("range") in RANGES else "15 m"
    symbols = [(name, f"?symbol={name}&range={span}", name == symbol) for name in CLOSES]
    spans = [(name, f"?symbol={symbol}&range={name}", name == span) for name in RANGES]
    key, of = f"quotes.{symbol}", "against the previous close"
    options: dict[str, Any] = {"window": RANGES[span], "longest": 730 * 86_400, "title": symbol, "of": of}
    return [row(symbols), LiveGraph(key, kind="mountain", reference=f"{key}.close", **options), row(spans)]


def row(links: list[tuple[str, str, bool]]) -> html.Nav:
    style = {"display": "inline-block", "padding": "12px 16px"}
    return html.Nav(
        [
            html.B(name, style=style) if current else dcc.Link(name, url, style=style)
            for name, url, current in links
        ]
    )


if __name__ == "__main__":
    app.run()
