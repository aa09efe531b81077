"""Write bars.csv: one trading day of two shares in minutes, invented and reproducible.

python -m dashapp.examples.make_bars
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

from dashapp.sources.external.demo import random_walk

PATH = Path(__file__).with_name("bars.csv")
OPENS, MINUTES = datetime(2026, 1, 5, 14, 30, tzinfo=UTC), 390
# By symbol the previous close. One and a half per cent a day, as shares move.
CLOSES = {"AAPL": 250.0, "MSFT": 480.0}
DEVIATION = 0.015 / math.sqrt(60 * MINUTES)


def text() -> str:
    """The whole file."""
    names = [name for symbol in CLOSES for name in (symbol, f"{symbol}.close")]
    lines = ["# Made up: a random walk, no market's prices.", ",".join(["time", *names])]
    start = {symbol: random_walk(symbol, OPENS.timestamp(), DEVIATION) for symbol in CLOSES}
    for minute in range(MINUTES):
        time = OPENS.timestamp() + 60 * minute
        words = [f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"]
        for symbol, close in CLOSES.items():
            price = close * math.exp(random_walk(symbol, time, DEVIATION) - start[symbol])
            words += [f"{price:.2f}", f"{close:.2f}"]
        lines.append(",".join(words))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PATH.write_text(text())
