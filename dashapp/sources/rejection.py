"""The first input that a source did not understand, as a sentence for the page.

A source that drops a line, a column or a value calls `FirstRejection.record`, and returns `sentence` in its
`status_message`. Without any number the sampler adds that the source has none.
"""

from __future__ import annotations

from dashapp.model.text import MAX_QUOTED_LENGTH, redact_credentials

# Characters of a text in the middle of a sentence.
MAX_EXCERPT_LENGTH = 40


class FirstRejection:
    """Keeps the first rejected input of `source_name` until `clear`.

    >>> first = FirstRejection("standard input")
    >>> first.record(b"Usage: vmstat", "expected columns of numbers", place="line 3")
    >>> first.record("later", "expected a number")
    >>> first.sentence
    'standard input: line 3 is "Usage: vmstat"; expected columns of numbers'
    """

    def __init__(self, source_name: str) -> None:
        self.sentence = ""
        self._source_name = source_name

    def record(self, text: str | bytes, expected: str, place: str = "") -> None:
        """Keep `text` if it is the first one.

        `place` is its place, such as "line 3" or "column temp". `expected` is the end of the sentence:
        what the source accepts, or what the user can do.
        """
        if not self.sentence:
            self.sentence = f"{self._source_name}: {place or 'its input'} is {quote_input(text)}; {expected}"

    def clear(self) -> None:
        """Forget the rejected input, for example before the next response is parsed."""
        self.sentence = ""


def excerpt(text: str | bytes, max_length: int = MAX_EXCERPT_LENGTH) -> str:
    r"""Return the beginning of foreign text as one printable line, without credentials.

    >>> excerpt(b"caf\xe9 \x00"), excerpt("  a   1"), excerpt("many words", 6)
    ('café ·', 'a 1', 'many w…')
    """
    if isinstance(text, bytes):
        # A byte that is not UTF-8 is most often Latin-1.
        head = text[:400]
        try:
            text = head.decode()
        except UnicodeDecodeError:
            text = head.decode("latin-1")
    text = " ".join(text[:400].split())
    text = redact_credentials("".join(char if char.isprintable() else "·" for char in text))
    return text if len(text) <= max_length else text[:max_length] + "…"


def quote_input(text: str | bytes) -> str:
    """Return an `excerpt` in quotation marks."""
    return f'"{excerpt(text, MAX_QUOTED_LENGTH)}"'


def describe_value(value: object) -> str:
    """Return a value for an error message: quoted text, a number, or the name of another type.

    >>> describe_value("21,5"), describe_value(float("nan")), describe_value([1])
    ('"21,5"', 'nan', 'list')
    """
    if isinstance(value, str | bytes):
        return quote_input(value)
    return repr(value) if value is None or type(value) in (bool, float) else type(value).__name__[:40]
