"""Choose the busiest containers or services, so that their lines do not flicker."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)

# A name takes the place of another one if its load is above this factor, and above this many points more.
LEAD_FACTOR, LEAD_POINTS = 1.5, 0.5
# Weight of the newest load in the mean of the earlier ones.
NEW_SHARE = 0.2


class Busiest(Generic[Name]):
    """Keeps the `limit` busiest names; a name leaves only for one that is clearly busier.

    >>> busiest = Busiest(1)
    >>> busiest.choose({"a": 10.0, "b": 9.0}), busiest.choose({"a": 10.0, "b": 11.0})
    ({'a'}, {'a'})
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._means: dict[Name, float] = {}
        self._chosen: set[Name] = set()

    def choose(self, loads: Mapping[Name, float]) -> set[Name]:
        """Return the names to show, by the load of each name in any unit of about 100."""
        means = self._means
        self._means = {
            name: load + (1 - NEW_SHARE) * (means.get(name, load) - load) for name, load in loads.items()
        }
        # Equal loads are in the order of their names, so that two collectors choose the same ones.
        order = sorted(self._means, key=lambda name: (-self._means[name], str(name)))
        self._chosen &= self._means.keys()
        outside = [name for name in order if name not in self._chosen]
        while outside and len(self._chosen) < self._limit:
            self._chosen.add(outside.pop(0))
        inside = [name for name in reversed(order) if name in self._chosen]
        for low, high in zip(inside, outside, strict=False):
            if self._means[high] <= LEAD_FACTOR * self._means[low] + LEAD_POINTS:
                break
            self._chosen.remove(low)
            self._chosen.add(high)
        return set(self._chosen)
