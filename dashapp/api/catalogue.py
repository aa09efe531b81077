"""The catalogue: what metrics a store has, as the API tells it and as patterns mean it. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dashapp.model.panel_spec import matches
from dashapp.stores.base import Reader

# Metrics that patterns may mean in one question.
LIKENED = 200


def catalogue(store: Reader) -> list[dict[str, Any]]:
    """Each metric; with its panel's kind where its source says it, for pages that lack it."""
    looks = store.looks()
    rows = [asdict(metric) for metric in store.metrics()]
    return [row | {"kind": looks[row["panel"]]} if row["panel"] in looks else row for row in rows]


def likened(store: Reader, patterns: Sequence[str]) -> list[str]:
    """The keys of the metrics that patterns mean, which may be none yet."""
    keys = [metric.key for metric in store.metrics()]
    meant = dict.fromkeys(key for pattern in patterns for key in keys if matches(pattern, key))
    return list(meant)[:LIKENED]
