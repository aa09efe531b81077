"""A random walk that is a function of time: the same at an instant whoever asks, and in any order.

Lévy's construction of Brownian motion: a stretch's middle is the mean of its ends and a random step, and
so is each half's. https://en.wikipedia.org/wiki/Wiener_process#Construction_of_Brownian_motion
"""

from __future__ import annotations

import math
from hashlib import blake2b

# A stretch of two years is pinned to 0 at both ends, and the finest step is an eighth of a second.
SPAN = float(1 << 26)
LEVELS = 29


def walk(seed: str, time: float, deviation: float) -> float:
    """Where the walk is at `time` (epoch seconds); `deviation` is its standard deviation after a second.

    >>> walk("a", 1_800_000_000, 1.0) == walk("a", 1_800_000_000.1, 1.0) != walk("b", 1_800_000_000, 1.0)
    True
    """
    stretch, offset = divmod(time, SPAN)
    low, high, left, right = 0.0, SPAN, 0.0, 0.0
    path = 1
    for _ in range(LEVELS):
        middle = (low + high) / 2
        step = math.sqrt(high - low) / 2 * deviation
        value = (left + right) / 2 + step * _normal(f"{seed} {stretch:.0f} {path}")
        if offset < middle:
            high, right, path = middle, value, 2 * path
        else:
            low, left, path = middle, value, 2 * path + 1
    return left


def _normal(name: str) -> float:
    """A normally distributed number that belongs to this name, by Box and Muller."""
    digest = blake2b(name.encode(), digest_size=16).digest()
    first, second = (int.from_bytes(half, "big") for half in (digest[:8], digest[8:]))
    radius = math.sqrt(-2 * math.log((first + 1) / 2**64))
    return radius * math.cos(2 * math.pi * second / 2**64)
