"""A kind of document: how its value becomes JSON text, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

from dashapp.model.text import parse_json

Value = TypeVar("Value")
# Entries of a document without another limit, such as the metrics of a store.
MAX_ENTRIES = 20_000
# The errors of parsing a text that another program wrote.
INVALID = (ValueError, TypeError, AttributeError, OverflowError, RecursionError, KeyError)


@dataclass(frozen=True, slots=True, eq=False)
class Document(Generic[Value]):
    """One kind of document. `name` is its Redis field and, with ".json", its file name.

    `max_entries`: of its list or object. A reader uses the last ones: more are not from a collector.
    """

    name: str
    empty: Callable[[], Value]
    to_json: Callable[[Value], Any]
    from_json: Callable[[Any], Value]
    max_entries: int = MAX_ENTRIES

    def encode(self, value: Value) -> str:
        return json.dumps(self.to_json(value))

    def decode(self, text: str | bytes | None) -> Value:
        """Return the value; an empty one if there is no text or `encode` did not write it."""
        if text is None or (value := self.parse(text)) is None:
            return self.empty()
        return value

    def parse(self, text: str | bytes) -> Value | None:
        """Return the value; None if `encode` did not write the text."""
        try:
            return self.from_json(_last_entries(parse_json(text), self.max_entries))
        except INVALID:
            return None


def _last_entries(document: Any, count: int) -> Any:
    if isinstance(document, list):
        return document[-count:]
    if isinstance(document, dict) and len(document) > count:
        return dict(islice(document.items(), len(document) - count, None))
    return document
