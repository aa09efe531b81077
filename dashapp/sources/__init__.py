"""Sources: one file each. A source has one method, and may raise, be slow or leave a metric out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from dashapp.model import Metric


class Source(Protocol):
    def read(self) -> Mapping[Metric, float]:
        """Every metric's value now."""
