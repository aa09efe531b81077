"""Text for error messages: quoted values, suggestions, settings without credentials."""

from __future__ import annotations

import difflib
import heapq
import json
import math
import re
from collections.abc import Iterable
from itertools import islice
from numbers import Real
from threading import Lock
from typing import Any, TypeGuard

MAX_QUOTED_LENGTH, MAX_REPR_LENGTH = 80, 60
# Similar words to choose from.
MAX_MATCHES = 3
# Words that a suggestion looks at, and those that it compares as a whole. Requests can invent unknown names,
# and the comparison of two long ones takes 0.1 ms.
MAX_KNOWN_WORDS, MAX_COMPARED_WORDS = 1000, 20

_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
# Control characters, the two line ends beyond ASCII, and halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WORD = re.compile(r"\S+")
_PARAMETER = re.compile(r"=[^&#]*")
_SCHEME = re.compile(r"[a-zA-Z+]*:/{0,2}")


# Half of a pair for a character beyond the first 65,536.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str | bytes) -> Any:
    """Return a document that another program may have written; ValueError if it is invalid.

    JSON can escape half of a surrogate pair, which no response in UTF-8 can contain.

    >>> parse_json(r'["\\ud83d\\ude00"]') == ["😀"]
    True
    """
    if isinstance(text, bytes):
        text = text.decode()
    document = json.loads(text)
    if _SURROGATE.search(text):
        json.dumps(document, ensure_ascii=False).encode()
    return document


def is_encodable(text: str) -> bool:
    """Return whether UTF-8 can encode a text; JSON can escape half of a surrogate pair.

    >>> is_encodable("😀"), is_encodable("\\ud83d")
    (True, False)
    """
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def printable(text: str) -> str:
    r"""Return text on one line, without control characters and others that are invisible.

    >>> printable("a\tb\x1b[31m\udcff\u202e")
    'a b\ufffd[31m\ufffd\ufffd'
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def without_controls(text: str) -> str:
    r"""Return text on one line, without control characters.

    Emoji keep the invisible parts that join them. Bytes of a path that are not UTF-8 are halves of surrogate
    pairs in Python, which no response can contain.

    >>> without_controls("a\tb\x1b[31m\udcff"), without_controls("a\u200db") == "a\u200db"
    ('a b\ufffd[31m\ufffd', True)
    """
    return text if text.isprintable() else _CONTROL.sub(lambda match: _visible(match[0]), text)


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"


def redact_credentials(text: str) -> str:
    """Return text from a setting without user, password and parameters in any URL in it.

    >>> redact_credentials("prometheus:http://me:secret@host/metrics?token=secret#up")
    'prometheus:http://…@host/metrics?token=…#up'
    """
    return _WORD.sub(_redact_word, text) if "//" in text else text


def _redact_word(match: re.Match[str]) -> str:
    """Not one pattern for all: its time would grow with the square of a text of slashes."""
    word = match[0]
    start = word.find("//") + 2
    if start < 2:
        return word
    end = word.rfind("@", start)
    rest = f"…{word[end:]}" if end >= start else word[start:]
    base, mark, query = rest.partition("?")
    return f"{word[:start]}{base}{mark}{_PARAMETER.sub('=…', query)}"


def redact_url(text: str) -> str:
    """Return one URL, even a mistyped one, without anything that may be a user or password.

    >>> redact_url("reddis:/:sec ret@host"), redact_url("redis://host?password=x"), redact_url("data")
    ('reddis:/…@host', 'redis://host?…', 'data')
    """
    query = re.search(r"(?s)[?#][^@]*$", text)
    base = text[: query.start()] if query else text
    scheme, rest = (match[0], base[match.end() :]) if (match := _SCHEME.match(base)) else ("", base)
    if "@" in rest:
        rest = "…@" + rest.rpartition("@")[2]
    return scheme + rest + ("?…" if query else "")


def quote_value(value: object) -> str:
    r"""A value on one line of bounded length, without credentials; text is in quotes.

    >>> quote_value("http://me:secret@host"), quote_value(True), quote_value([1, "a"])
    ('"http://…@host"', 'true', "[1, 'a']")
    >>> print(quote_value("\x1b[31m\x9b2J\u202e"))
    "\u001b[31m\u009b2J\u202e"
    """
    if isinstance(value, str):
        text = redact_credentials(value)
        text = text if len(text) <= MAX_QUOTED_LENGTH else text[:MAX_QUOTED_LENGTH] + "…"
        quoted = json.dumps(text, ensure_ascii=False)
        return quoted if quoted.isprintable() else _NOT_ASCII.sub(_escape, quoted)
    try:
        text = json.dumps(value) if isinstance(value, bool) else " ".join(str(value).split())
    except Exception:  # the value's own code may raise anything
        text = f"a value of type {type(value).__name__}"
    return printable(redact_credentials(text)[:MAX_QUOTED_LENGTH])


def _escape(match: re.Match[str]) -> str:
    letter = match[0]
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]


def is_finite_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number that fits into a float; booleans are none.

    >>> is_finite_number(3), is_finite_number(10**400), is_finite_number(True), is_finite_number("3")
    (True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def short_repr(value: object) -> str:
    """Return `repr` on one line of bounded length, and the type of a value whose `repr` fails."""
    try:
        text = repr(value)
    except Exception:
        text = f"a value of type {type(value).__name__}"
    return " ".join(text.split())[:MAX_REPR_LENGTH]


def describe_non_switch(name: str, value: object) -> str:
    """Return the problem of an argument that must be a boolean, empty if there is none."""
    return "" if isinstance(value, bool) else f"{name} is {short_repr(value)}; expected True or False"


# Requests with unknown names at the same time get no suggestion: they would delay all other requests.
_suggesting = Lock()


def suggest_metric(key: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return what `suggest` does, for a key in a request; never in two threads at a time."""
    if not _suggesting.acquire(blocking=False):
        return suggest(key, (), otherwise)
    try:
        return suggest(key, known, otherwise)
    finally:
        _suggesting.release()


def suggest(text: str, known: Iterable[str], otherwise: str = "") -> str:
    """The end of a sentence about an unknown word: the most similar known one, or `otherwise`.

    >>> suggest("prot", ["port", "host"]), suggest("x", ["port"], "expected port"), suggest("x", ["port"])
    ('; did you mean port?', '; expected port', '')
    """
    similar = similar_names(text, islice(known, MAX_KNOWN_WORDS))
    hint = f"did you mean {similar[0]}?" if similar else otherwise
    return f"; {hint}" if hint else ""


def similar_names(text: str, known: Iterable[str]) -> list[str]:
    """Return the most similar known word, or an empty list if none is similar.

    The same letters in another order are the most frequent mistake.

    >>> similar_names("prot", ["proc", "port", "host"]), similar_names("x", ["port"])
    (['port'], [])
    """
    text = text[:MAX_QUOTED_LENGTH]
    words = [word for word in known if len(word) <= MAX_QUOTED_LENGTH]
    if len(words) > MAX_COMPARED_WORDS:
        words = heapq.nlargest(MAX_COMPARED_WORDS, words, key=lambda word: _equal_ends(text, word))
    matches = difflib.get_close_matches(text, words, MAX_MATCHES)
    letters = sorted(text)
    return [word for word in matches if sorted(word) == letters][:1] or matches[:1]


def _equal_ends(first: str, second: str) -> int:
    """Return the number of equal characters at both ends; a mistake is between them."""
    return _equal_start(first, second) + _equal_start(first[::-1], second[::-1])


def _equal_start(first: str, second: str) -> int:
    for position, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return position
    return min(len(first), len(second))


def format_span(seconds: float) -> str:
    """A duration in whole seconds, minutes, hours or days.

    >>> format_span(119), format_span(1500), format_span(86_400), format_span(3 * 86_400)
    ('119 s', '25 min', '24 h', '3 days')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h" if seconds < 172_800 else f"{round(seconds / 86_400)} days"
