"""Exponential backoff: the pause before the next try, doubled with each failure in a row."""

from __future__ import annotations


class Backoff:
    """Pauses in seconds, from `initial` up to `maximum`.

    >>> backoff = Backoff(2.0, 5.0)
    >>> [backoff.next_pause() for _ in range(3)]
    [2.0, 4.0, 5.0]
    """

    def __init__(self, initial: float, maximum: float) -> None:
        self._initial, self._maximum = initial, maximum
        self._pause = initial

    def next_pause(self) -> float:
        """The pause after one more failure."""
        pause = self._pause
        self._pause = min(2 * pause, self._maximum)
        return pause

    def reset(self) -> None:
        """Start again with `initial`, after a success."""
        self._pause = self._initial
