"""Names of devices, mounts and chips, made fit for a metric's key."""

from __future__ import annotations

import re

_UNFIT = re.compile(r"[^a-z0-9_-]+")
LONGEST = 32


class Slugs:
    """Short plain names, one for each name and never the same for two.

    >>> slugs = Slugs()
    >>> slugs("eth0.100"), slugs("ETH0 100"), slugs("eth0.100")
    ('eth0-100', 'eth0-100-2', 'eth0-100')
    """

    def __init__(self, **given: str) -> None:
        """`given`: slug=name pairs that are settled beforehand."""
        self._given = {name: slug for slug, name in given.items()}

    def __call__(self, name: str) -> str:
        """Lower-case letters, digits, `_` and `-`; the same answer whenever asked."""
        if name not in self._given:
            plain = _UNFIT.sub("-", name.lower()).strip("-")[:LONGEST] or "unnamed"
            slug, again = plain, 2
            while slug in self._given.values():
                slug, again = f"{plain}-{again}", again + 1
            self._given[name] = slug
        return self._given[name]
