"""The settings file: a TOML document whose keys are the settings' names, taken apart for the same parsers.

What a text may be is the table's to say; a list holds several, and `[[source]]` or `[[panel]]` a table each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field
from pathlib import Path
from typing import Any

from dashapp.model.text import quote_value, suggest

SETTINGS_FILE_NAME = "dashapp.toml"
MAX_FILE_BYTES = 1 << 20

TomlTable = dict[str, Any]


class SettingsFile:
    """The document at `path`; empty where there is none. `problems` holds a sentence for each thing wrong.

    `named` says who asked for it; without, it need not be there.
    """

    def __init__(self, path: Path, named: str = "") -> None:
        self.problems: list[str] = []
        self._path = path
        self._document: dict[str, Any] = {}
        try:
            self._document = _read_toml(path)
        except FileNotFoundError:
            if named:
                self.problems = [f"{named} is {quote_value(str(path))}; there is no such file"]
        except OSError as error:
            self.problems = [f"{path}: it cannot be read ({error.strerror})"]
        except (ValueError, RecursionError) as error:
            self.problems = [f"{path}: {_os_error_text(error)}"]

    def unknown(self, known: Sequence[str]) -> list[str]:
        """A sentence for each key that is none of the known."""
        sentences = []
        for key in self._document:
            if key not in known:
                hint = suggest(key, known, f"{', '.join(known)} are")
                sentences.append(f"{self._path}: `{key[:80]}` is not a setting{hint}")
        return sentences

    def items(self, each: Field[Any]) -> tuple[str, list[str | TomlTable]]:
        """Where a setting stands, and the texts or tables that set it; none where nothing does.

        What is of another kind than the setting is a problem.
        """
        named = f"{self._path}: {each.name}"
        if each.name not in self._document:
            return named, []
        value = self._document[each.name]
        several = "separator" in each.metadata
        parts = value if several and isinstance(value, list) else [value]
        items: list[str | TomlTable] = []
        for part in parts:
            if "table" in each.metadata and isinstance(part, dict):
                items.append(part)
            elif (text := _as_text(part, each.default, several)) is not None:
                items.append(text)
            else:
                told = "of another kind" if "secret" in each.metadata else quote_value(part)
                self.problems.append(f"{named} is {told}; expected {_toml_type(each)}")
        return named, items


def _read_toml(path: Path) -> dict[str, Any]:
    # A pipe or a device would never end.
    if not path.is_file():
        if path.exists():
            raise ValueError("it is not a file")
        raise FileNotFoundError
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"it has more than the {MAX_FILE_BYTES:,} bytes of a settings file")
    import tomllib

    return tomllib.loads(data.decode())


def _os_error_text(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 (at byte {error.start})"
    if isinstance(error, RecursionError):
        return "it is not TOML: its lists are too deep"
    text = " ".join(str(error).split())[:150]
    return text if text.startswith("it ") else f"it is not TOML: {text}"


def _as_text(value: Any, default: Any, several: bool) -> str | None:
    """A value as text; None for one of another kind than the setting's."""
    if isinstance(value, str):
        return value
    if isinstance(default, bool):
        return str(int(value)) if isinstance(value, bool) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if isinstance(default, int | float) else None
    if isinstance(value, list) and isinstance(default, tuple) and not several:
        return ",".join(value) if value and all(isinstance(each, str) for each in value) else None
    return None


def _toml_type(each: Field[Any]) -> str:
    if "separator" in each.metadata:
        return (
            "text or a table, or a list of them" if "table" in each.metadata else "text, or a list of texts"
        )
    kinds: Mapping[type, str] = {bool: "true or false", str: "text", tuple: "text, or a list of texts"}
    return kinds.get(type(each.default), "a number")
