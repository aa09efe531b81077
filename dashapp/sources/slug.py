"""Turn names of devices, mounts and chips into parts of metric keys."""

from __future__ import annotations

import re
from collections.abc import Collection

_INVALID_CHARS, _INVALID_CHARS_ANY_CASE = re.compile(r"[^a-z0-9_-]+"), re.compile(r"[^a-zA-Z0-9_-]+")
MAX_SLUG_LENGTH = 32


class SlugRegistry:
    """Short plain names: one for each name, and never the same for two names.

    >>> slugs = SlugRegistry()
    >>> slugs("eth0.100"), slugs("ETH0 100"), slugs("eth0.100")
    ('eth0-100', 'eth0-100-2', 'eth0-100')
    """

    def __init__(self, keep_case: bool = False, max_length: int = MAX_SLUG_LENGTH, **reserved: str) -> None:
        """Reserve the slug=name pairs in `reserved`; `keep_case` keeps upper-case letters."""
        self._max_length = max_length
        self._invalid_chars = _INVALID_CHARS_ANY_CASE if keep_case else _INVALID_CHARS
        self._keep_case = keep_case
        self._slugs = {name: slug for slug, name in reserved.items()}

    def __call__(self, name: str) -> str:
        """Return lower-case letters, digits, `_` and `-`, always the same for one name."""
        if name not in self._slugs:
            text = name if self._keep_case else name.lower()
            base = self._invalid_chars.sub("-", text).strip("-")[: self._max_length] or "unnamed"
            slug, number = base, 2
            while slug in self._slugs.values():
                slug, number = f"{base}-{number}", number + 1
            self._slugs[name] = slug
        return self._slugs[name]

    def keep(self, names: Collection[str]) -> None:
        """Forget all other names."""
        self._slugs = {name: slug for name, slug in self._slugs.items() if name in names}
