"""Functions as users write them, for the source contract: valid ones, and one with nonsense."""

from __future__ import annotations

import math
from decimal import Decimal

import dashapp


@dashapp.source(label="Garden", unit="°C", low=-20, high=60, panel="garden")
def temperature() -> dict[str, object]:
    return {"kitchen": 21.5, "living room": 18, "cellar": Decimal("8.25"), "roof": True}


@dashapp.source(unit="%", low=0, high=100)
async def humidity() -> dict[str, float]:
    return {"air": 55.5}


@dashapp.source(kind="curve")
def growth() -> list[int]:
    return [2**count for count in range(10)]


@dashapp.source(unit="%", low=0, high=100)
def nonsense() -> dict[object, object]:
    names = {f"n{number}": number % 100 for number in range(5000)}
    odd = {None: 1, ("a",): 2, "": 3, "x" * 201: 4}
    values = {"<b>": math.nan, "text": "7", "none": None, "huge": 10**400}
    return {"fine": 7, **odd, **values, **names}  # type: ignore[dict-item]
