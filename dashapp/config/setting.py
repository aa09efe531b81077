"""A setting: one row of the table, with how its text is read and what is said of it. Knows none by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from dashapp.config.cli import shown
from dashapp.config.toml_file import Table
from dashapp.model.text import without_user


def setting(default: Any, parse: Callable[[str], Any], expected: str, help: str, **more: Any) -> Any:
    """`expected` is empty where `parse` says it itself, as the text of its ValueError.

    `separator`: there may be several, a flag for each or with it between them; `parse` reads one of them, and
    `table` one that a settings file gives as a table: its ValueError says it itself, always.
    `secret`: no flag sets it, for whoever lists the processes sees their flags, and it is never shown.
    `never_empty`: what is set to nothing is a mistake, and not as if it were not set.
    """
    metadata = {"parse": parse, "expected": expected, "help": help, **more}
    return field(default=default, repr="secret" not in more, metadata=metadata)


def problem(
    named: str, number: int, item: str | Table, metadata: Mapping[str, Any], error: ValueError
) -> str:
    """What is wrong with the text or table that `named` gives, in one sentence."""
    if isinstance(item, str):
        item = without_user(item) if "address" in metadata else item
        told = f"has {len(item)} characters" if "secret" in metadata else f"is {shown(item)}"
        return f"{named} {told}; {f'expected {expected}' if (expected := metadata['expected']) else error}"
    return f"{named} {number}: {error}"
