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
    asked = dict(parse_qsl(search.lstrip("?")))
    symbol = asked["symbol"] if asked.get("symbol") in CLOSES else "AAPL"
    span = asked["range"] if asked.get("range") in RANGES else "15 m"
    symbols = [(each, f"?symbol={each}&range={span}", each == symbol) for each in CLOSES]
    spans = [(each, f"?symbol={symbol}&range={each}", each == span) for each in RANGES]
    key, of = f"quotes.{symbol}", "against the previous close"
    own: dict[str, Any] = {"window": RANGES[span], "longest": 730 * 86_400, "title": symbol, "of": of}
    return [row(symbols), LiveGraph(key, kind="mountain", reference=f"{key}.close", **own), row(spans)]


def row(links: list[tuple[str, str, bool]]) -> html.Nav:
    style = {"display": "inline-block", "padding": "12px 16px"}
    return html.Nav(
        [html.B(each, style=style) if here else dcc.Link(each, at, style=style) for each, at, here in links]
    )


if __name__ == "__main__":
    app.run()
