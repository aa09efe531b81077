"""Numbers of JSON: nested objects, numbers as text, arrays of named objects."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping

from dashapp.sources.external.number_parsing import Quantity
from dashapp.sources.external.text.key_values import TEXT_NAMES, TIME_NAMES
from dashapp.sources.external.text.values import Name, ValueParser, Values, find_traits, is_epoch

MAX_DEPTH = 12
MAX_DOCUMENT_CHARS, MAX_PYTHON_CHARS = 256 << 10, 4096
UNNAMED_PROBLEM = (
    "an array in the JSON of standard input has objects without a name; "
    'add a "name" to each, or print them as one object'
)
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_JSON_PART = re.compile(r'\s*(?:[\]}{\["]|-?\d|true|false|null)')
# The first of these distinguishes an object from others. Docker prints a container's ID and its name.
_IDENTITY_KEYS = (
    *("name", "names", "ifname", "topic", "device", "disk_device", "container", "pod", "instance", "sensor"),
    *(
        "host",
        "hostname",
        "interface",
        "filesystem",
        "mountpoint",
        "mount",
        "index",
        "minor_number",
        "cpu",
        "id",
    ),
    *("uuid", "key", "label", "title", "pid"),
)
_INDEX_KEYS = {"index", "minor_number", "cpu", "id", "pid", "uuid", "key"}
_TOP_KEYS = set(_IDENTITY_KEYS[: _IDENTITY_KEYS.index("minor_number")])
# Larger numbers count lines, and name no row.
MAX_INDEX = 1 << 22
_LOOSE_TEXT_NAMES = TEXT_NAMES | {"index", "minor_number"}


class JsonReader:
    """Reads documents; sets `has_unnamed_objects` if an array has objects without a name."""

    def __init__(self, parser: ValueParser) -> None:
        self._parser = parser
        self.has_unnamed_objects = False

    def read(self, text: str, row: str = "", is_item: bool = False) -> Values | None:
        """Return the finite numbers of a document, or None if the text is no JSON object or array.

        `row` names them. If `is_item`, the document is one object of an array, and its identity names them.
        """
        values: Values = {}
        try:
            document = json.loads(text)
            if not isinstance(document, dict | list):
                return None
            if isinstance(document, dict) and not row:
                key, row = _identity(document, set(_IDENTITY_KEYS) if is_item else _TOP_KEYS)
                model, number = document.get("model"), document.get("id")
                if not row and isinstance(model, str) and isinstance(number, int):
                    # rtl_433 prints the readings of many sensors.
                    key, row = "id", f"{model}.{number}"
                document = {field: member for field, member in document.items() if not row or field != key}
            self._flatten(document, row, "", values, MAX_DEPTH)
        except (ValueError, RecursionError):
            return None
        return values

    def _flatten(self, value: object, row: str, name: str, values: Values, depth: int) -> None:
        if isinstance(value, dict) and depth:
            for key, member in value.items():
                self._flatten(member, row, f"{name}.{key}" if name else str(key), values, depth - 1)
        elif isinstance(value, list) and depth:
            self._flatten_array(value, row, name, values, depth)
        elif isinstance(value, str):
            self._add_text(row, name, value, values)
        elif isinstance(value, int | float):
            # True is 1 and False is 0, as everywhere.
            self._add_number(row, name, value, values)

    def _flatten_array(self, items: list[object], row: str, name: str, values: Values, depth: int) -> None:
        """Read the objects of an array whose names differ."""
        objects = [item for item in items if isinstance(item, dict)]
        keys = [_identity(item, set(_IDENTITY_KEYS)) for item in objects]
        identities = [identity for _, identity in keys]
        if not objects:
            return
        if "" in identities or len(set(identities)) < len(identities):
            self.has_unnamed_objects = True
            return
        for item, (key, identity) in zip(objects, keys, strict=True):
            rest = {field: member for field, member in item.items() if field != key}
            self._flatten(
                rest, ".".join(part for part in (row, name, identity) if part), "", values, depth - 1
            )

    def _add_number(self, row: str, name: str, value: float, values: Values) -> None:
        try:
            number = float(value)
        except OverflowError:
            return
        last = name.rpartition(".")[2].lower()
        if not math.isfinite(number) or (last in TIME_NAMES and is_epoch(number)):
            return
        traits = find_traits(name)
        scale = traits.scale
        quantity = Quantity(number * scale.factor + scale.offset, scale.unit) if scale else Quantity(number)
        values[Name(row, traits.name if scale else name)] = quantity

    def _add_text(self, row: str, name: str, text: str, values: Values) -> None:
        last = name.rpartition(".")[2].lower()
        if last in _LOOSE_TEXT_NAMES or last.endswith(("_id", "version", "uuid", "serial", "address")):
            return
        for full_name, quantity in self._parser.values(name, text):
            if not (last in TIME_NAMES and is_epoch(quantity.value)):
                values[Name(row, full_name)] = quantity


class JsonDocuments:
    """Reads documents in one line or in several; also the dictionaries that Python prints."""

    def __init__(self, parser: ValueParser) -> None:
        self._reader = JsonReader(parser)
        self._lines: list[str] = []
        self._depth = 0
        self._in_array = False

    @property
    def is_open(self) -> bool:
        """Whether a document has begun that has not ended."""
        return bool(self._lines)

    def take_problem(self) -> str:
        """Return a sentence about the newest document once, or an empty text."""
        had_problem, self._reader.has_unnamed_objects = self._reader.has_unnamed_objects, False
        return UNNAMED_PROBLEM if had_problem else ""

    def read(self, text: str, row: str = "") -> Values | None:
        return self._reader.read(text, row, self._in_array and not row)

    def start(self, line: str) -> Values | None:
        """Read a document, or begin one; None if the line is neither."""
        if line in ("[", "]", ",", "],"):
            # An array without an end: each of its objects is a document.
            self._in_array = line == "["
            return {}
        text = line.strip(",").lstrip() if self._in_array else line
        if text[:1] not in ("{", "["):
            return None
        if (values := self.read(text)) is not None:
            return values
        if text.startswith(("{'", "[{'")) and len(text) < MAX_PYTHON_CHARS:
            return self._read_python(text)
        if text[-1] not in "{[,":
            return None
        self._lines, self._depth = [text], _depth(text)
        return {}

    def continue_with(self, line: str) -> Values | None:
        """Add a line to the open document; None if it does not belong to it."""
        is_part = not line.strip() or _JSON_PART.match(line) is not None
        if not is_part or sum(map(len, self._lines)) > MAX_DOCUMENT_CHARS:
            self._lines = []
            return None
        self._lines.append(line)
        self._depth += _depth(line)
        if self._depth > 0:
            return {}
        text, self._lines = "\n".join(self._lines).strip().rstrip(","), []
        return self.read(text)

    def _read_python(self, text: str) -> Values | None:
        try:
            return self.read(json.dumps(ast.literal_eval(text), default=str))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None


def _depth(line: str) -> int:
    """Return how many more braces and brackets the line opens than it closes."""
    bare = _JSON_STRING.sub("", line)
    return bare.count("{") + bare.count("[") - bare.count("}") - bare.count("]")


def _identity(document: Mapping[str, object], allowed: set[str]) -> tuple[str, str]:
    """Return the key and text that distinguish an object, or empty texts."""
    lower = {key.lower(): key for key in document}
    for name in _IDENTITY_KEYS:
        if name in allowed and name in lower:
            value = document[lower[name]]
            if isinstance(value, str) and value.strip():
                return lower[name], value.strip().lstrip("/")[:80]
            # A bool is an int.
            if type(value) is int and name in _INDEX_KEYS and 0 <= value < MAX_INDEX:
                return lower[name], str(value)
    return "", ""
