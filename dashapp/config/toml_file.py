"""The settings file: a TOML document whose keys are the names of the settings.

`SettingsFile.items` returns its values as texts for the parsers of the command line. A list holds several
values; `[[source]]` or `[[panel]]` holds one table for each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field
from pathlib import Path
from typing import Any

from dashapp.config.other_names import suggest_setting
from dashapp.model.text import quote_value

SETTINGS_FILE_NAME = "dashapp.toml"
MAX_FILE_BYTES = 1 << 20

TomlTable = dict[str, Any]


class _SettingsFileError(ValueError):
    """The file is not a settings file; the text is the reason."""


class SettingsFile:
    """The document at `path`, empty if there is no file. `problems` has one sentence per error.

    `origin` is the flag or variable that names the file; without it, the file is optional.
    """

    def __init__(self, path: Path, origin: str = "") -> None:
        self.problems: list[str] = []
        self._path = path
        self._document: dict[str, Any] = {}
        try:
            self._document = _read_toml(path)
        except FileNotFoundError:
            if origin:
                self.problems = [f"{origin} is {quote_value(str(path))}; expected an existing file"]
        except OSError as error:
            self.problems = [f"{path}: cannot be read ({error.strerror})"]
        except (ValueError, RecursionError) as error:
            self.problems = [f"{path}: {_toml_error_text(error)}"]

    def unknown_key_problems(self, names: Sequence[str]) -> list[str]:
        """Return one sentence for each key that is not in `names`."""
        sentences = []
        for key in self._document:
            if key not in names:
                hint = suggest_setting(key, names, "python -m dashapp --help lists the settings")
                sentences.append(f"{self._path}: `{key[:80]}` is not a setting{hint}")
        return sentences

    def items(self, option: Field[Any]) -> tuple[str, list[str | TomlTable]]:
        """Return the name of a setting in the file, and the texts or tables that set it, if any.

        A value of another type than the setting's goes into `problems`.
        """
        origin = f"{self._path}: {option.name}"
        if option.name not in self._document:
            return origin, []
        value = self._document[option.name]
        repeatable = "separator" in option.metadata
        parts = value if repeatable and isinstance(value, list) else [value]
        items: list[str | TomlTable] = []
        for part in parts:
            if "table" in option.metadata and isinstance(part, dict):
                items.append(part)
            elif (text := _as_text(part, option.default, repeatable)) is not None:
                items.append(text)
            else:
                description = "of another type" if "secret" in option.metadata else quote_value(part)
                self.problems.append(f"{origin} is {description}; expected {_toml_type(option)}")
        return origin, items


def _read_toml(path: Path) -> dict[str, Any]:
    # Reading a pipe or a device might never end.
    if not path.is_file():
        if path.exists():
            raise _SettingsFileError("not a file")
        raise FileNotFoundError
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise _SettingsFileError(f"larger than {MAX_FILE_BYTES:,} bytes")
    import tomllib

    return tomllib.loads(data.decode())


def _toml_error_text(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 (at byte {error.start})"
    if isinstance(error, RecursionError):
        return "not TOML: nested too deeply"
    text = " ".join(str(error).split())[:150]
    return text if isinstance(error, _SettingsFileError) else f"not TOML: {text}"


def _as_text(value: Any, default: Any, repeatable: bool) -> str | None:
    """Return a value as text; None if its type is not the setting's."""
    if isinstance(value, str):
        return value
    if isinstance(default, bool):
        return str(int(value)) if isinstance(value, bool) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if isinstance(default, int | float) else None
    if isinstance(value, list) and isinstance(default, tuple) and not repeatable:
        return ",".join(value) if value and all(isinstance(item, str) for item in value) else None
    return None


def _toml_type(option: Field[Any]) -> str:
    if "separator" in option.metadata:
        return (
            "a string or a table, or a list of these"
            if "table" in option.metadata
            else "a string, or a list of strings"
        )
    kinds: Mapping[type, str] = {
        bool: "true or false",
        str: "a string",
        tuple: "a string, or a list of strings",
    }
    return kinds.get(type(option.default), "a number")
