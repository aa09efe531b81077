"""Read the output of a program: tables, key-value lines and JSON, in any mixture."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dashapp.sources.external.number_parsing import is_missing, is_number
from dashapp.sources.external.text.cells import Cell, find_delimiter, is_ruler, split_layouts
from dashapp.sources.external.text.headings import is_number_like
from dashapp.sources.external.text.json_values import JsonDocuments
from dashapp.sources.external.text.key_values import (
    IDENTITY_NAMES,
    INDEX_NAMES,
    is_statsd_change,
    read_bars,
    read_colon,
    read_counts,
    read_exposition,
    read_influx,
    read_last_list,
    read_named,
    read_pairs,
    read_statsd,
    words_and_numbers,
)
from dashapp.sources.external.text.line_groups import IndexedLines, Sections
from dashapp.sources.external.text.lines import TIME_MARK, clean, is_text, mark_times
from dashapp.sources.external.text.table_reader import TableReader
from dashapp.sources.external.text.values import Name, ValueParser, Values, is_epoch
from dashapp.sources.rejection import excerpt

# Some programs print three header lines. More lines of words in a row are no heading.
MAX_HEADING_LINES = 3
# Longer lines are tables, pairs or JSON only.
MAX_PROSE_CHARS = 4096
# The input in all sentences; another source of text puts its own name there.
INPUT_NAME = "standard input"
GENERAL_PROBLEM = f"some lines of {INPUT_NAME} are not columns of numbers, name=value pairs or JSON"
XML_PROBLEM = f"{INPUT_NAME} is XML, which is not read; print JSON, CSV or name=value instead"
BOX_PROBLEM = (
    "the table of nvidia-smi is not read; "
    "use nvidia-smi dmon, or --query-gpu=index,utilization.gpu,memory.used --format=csv -l 1"
)
_NUMBER_WORD = re.compile(r"(?<![\w.,:/()-])[-+]?\d+(?:[.,]\d+)*(?![\w.,:/-])")
_ONE_OR_TWO = re.compile(r"[-+]?\d+,(?:[1-9]\d*|0)")
_TOPIC_JSON = re.compile(r"([^\s{\[]+)\s+(\{.*\}|\[.*\])$")
# Characters of a line that is not JSON: recognizing its form takes up to the square of them, and a log can
# contain what a stranger sends.
MAX_TEXT_CHARS = 2000
_LETTER = re.compile(r"[^\W\d_]")
_PROGRESS_BAR = re.compile(r"\[[=>#.\s-]{3,}\]")
_DECORATION = re.compile(r"[=#*~_+]{2,}|-{4,}")
_BOX = re.compile(r"^\|\s*NVIDIA-SMI ")


class TextParser:
    """Parses lines, and remembers headings and sections that name the numbers of later lines.

    `problem` is a sentence about the newest line that could not be read; the caller clears it.

    >>> parser = TextParser()
    >>> for line in ("procs ---memory--", " r  b free", " 1  0 52"):
    ...     values = parser.values(line)
    >>> {name.label: quantity.value for name, quantity in values.items()}
    {'r': 1.0, 'b': 0.0, 'free': 52.0}
    """

    def __init__(self, heading: Sequence[str] = ()) -> None:
        self.problem = ""
        self._parser = ValueParser()
        self._json = JsonDocuments(self._parser)
        self._tables = TableReader(self._parser)
        self._sections = Sections()
        self._indexed = IndexedLines()
        self._text_lines = 0
        self._is_boxed = False
        for line in heading:
            self._tables.add_candidate(line)

    @property
    def heading(self) -> tuple[str, ...]:
        """The lines that name the columns of the newest row, for another parser of the same input."""
        return self._tables.heading

    @property
    def has_pending_rows(self) -> bool:
        """Whether rows wait for the end of their report."""
        return bool(self._indexed) or self._tables.has_rows

    def values(self, line: str) -> Values | None:
        """Return the finite numbers of a line, and of a report that it ends.

        None if the line cannot be parsed. A heading, a blank line or text without numbers has none.
        """
        values: Values = {}
        is_readable = True
        for part in clean(line):
            part_values = self._part(part)
            if part_values is None:
                is_readable = False
            else:
                values |= part_values
        return values if is_readable or values else None

    def flush(self) -> Values:
        """Return the values of rows that wait for the end of their report."""
        values = self._indexed.flush() | self._tables.flush()
        if self._tables.problem:
            self.problem, self._tables.problem = self._tables.problem, ""
        return values

    def _part(self, line: str) -> Values | None:
        """Read what a terminal shows as one line."""
        if self._json.is_open and (values := self._json.continue_with(line)) is not None:
            self.problem = self._json.take_problem() or self.problem
            return values
        stripped = line.strip()
        if not stripped:
            self._sections.clear()
            return self.flush()
        if not is_text(line):
            self._reject(line)
            return None
        if (values := self._json.start(stripped)) is not None:
            self.problem = self._json.take_problem() or self.problem
            return values
        if stripped.startswith(("<?xml", "<!DOCTYPE")):
            self.problem = XML_PROBLEM
            return None
        if _BOX.match(stripped):
            self._is_boxed, self.problem = True, BOX_PROBLEM
            return None
        if (self._is_boxed and stripped[0] in "|+") or is_ruler(line):
            return {}
        values = None
        if stripped[0] == "{":
            self._reject(line)
        elif len(line) > MAX_TEXT_CHARS:
            length = f"{len(line):,} characters; expected at most {MAX_TEXT_CHARS:,}, or JSON"
            self.problem = f"a line of {INPUT_NAME} has {length}"
        else:
            values = self._line(line, stripped)
        self._sections.end_line()
        if self._parser.ambiguous and values is not None:
            text = excerpt(self._parser.ambiguous)
            self.problem = (
                f'the number "{text}" of standard input has two readings; '
                "run the program with LC_ALL=C, or print numbers without separators of thousands"
            )
        self._parser.ambiguous = ""
        return values

    def _reject(self, line: str) -> None:
        """Set the sentence about a line that has no value."""
        self._parser.ambiguous = ""
        text = excerpt(line) if is_text(line) else ""
        example = f'"{text}"' if text else "binary data"
        if text and (difference := self._tables.describe_difference(mark_times(line))):
            self.problem = f"{GENERAL_PROBLEM}, such as the line {example} {difference}"
        else:
            self.problem = f"{GENERAL_PROBLEM}, such as {example}; print a heading above them, or name=value"

    def _line(self, line: str, stripped: str) -> Values | None:
        line = _PROGRESS_BAR.sub(" ", line.replace("\uff1a", ": "))
        marked = mark_times(line)
        has_bars = "|" in marked and not find_delimiter(marked)
        bars = marked.replace("|", " ") if has_bars else marked
        is_words = self._is_words(bars)
        if not stripped.startswith("#"):
            values = self._values(line, marked, bars)
            if values is not None:
                self._text_lines = 0
                return values
            if self._is_row_without_values(bars):
                return {}
            is_words = is_words and "=" not in marked
        if stripped.startswith("#") or is_words:
            return self._text(bars)
        if self._parser.ambiguous:
            return {}
        self._reject(line)
        return None

    def _values(self, line: str, marked: str, bars: str) -> Values | None:
        """Try all forms of a line that has numbers, the most certain first."""
        tables = self._tables
        values = tables.row(line, bars)
        if values is None and tables.has_candidates and self._has_numbers(bars):
            values = tables.row_of_new_table(line, bars)
        if values is None:
            values = self._key_value(marked, marked.strip())
        if values is None:
            values = tables.row_of_new_table(line, bars)
        if values is None:
            values = tables.wrapped_row(line, bars)
        return values if values is not None else self._other_row(marked, bars)

    @staticmethod
    def _has_numbers(marked: str) -> bool:
        cells = next(split_layouts(marked, find_delimiter(marked)))
        return sum(is_number(cell.text) for cell in cells) > 1

    @staticmethod
    def _is_row_without_values(marked: str) -> bool:
        cells = next(split_layouts(marked, find_delimiter(marked)))
        return len(cells) > 2 and 3 * sum(is_missing(cell.text) for cell in cells) >= len(cells)

    @staticmethod
    def _is_words(marked: str) -> bool:
        """Return whether a line has no number of its own."""
        cells = next(split_layouts(marked, find_delimiter(marked)))
        return not any(is_number(cell.text, False) for cell in cells) and _NUMBER_WORD.search(marked) is None

    def _text(self, marked: str) -> Values | None:
        """Remember a line of words: it can be a heading, or the name of a section."""
        stripped = marked.strip()
        is_known = self._tables.knows(marked)
        values = self.flush() if self._sections.is_after_blank or is_known else {}
        if not stripped.startswith("#"):
            self._sections.open(marked, is_block=True)
            # mosquitto_sub -v prints a topic and a state.
            is_state = len(stripped.split()) == 2 and "/" in stripped.split()[0]
            self._text_lines += not is_known and not is_state
        self._tables.add_candidate(marked)
        if self._text_lines > MAX_HEADING_LINES:
            self._reject(marked)
            return values or None
        return values

    def _key_value(self, marked: str, stripped: str) -> Values | None:
        parser = self._parser
        if match := _TOPIC_JSON.match(stripped):
            values = self._json.read(match[2], match[1])
            if values is not None:
                return values
        if len(stripped) > MAX_PROSE_CHARS:
            return read_pairs(stripped, parser)[0] if "=" in stripped else None
        if is_statsd_change(stripped):
            self.problem = (
                f'the line "{excerpt(stripped)}" of standard input is a change, and not a value; send a gauge'
            )
            return {}
        for read in (read_statsd, read_influx, read_exposition):
            if (values := read(stripped, parser)) is not None:
                return values
        colon, equals = stripped.find(":"), stripped.find("=")
        if colon >= 0 and not 0 <= equals < colon:
            if (values := read_counts(stripped, parser, self._sections.prefix(marked))) is not None:
                return values
            if (values := read_last_list(stripped, parser)) is not None:
                return values
            values = read_colon(marked, parser, self._sections.prefix(marked))
            if values:
                self._tables.clear_candidates()
                return values
            if values is not None and (values := self._colon_text(marked, stripped)) is not None:
                return values
        if equals >= 0:
            values, (name, text) = read_pairs(stripped, parser)
            if values is not None and name in INDEX_NAMES and text.isdecimal() and len(values) > 1:
                return self._indexed.add(name, int(text), values)
            if values is not None or name in IDENTITY_NAMES:
                return values
        if "," in stripped and TIME_MARK not in stripped:
            return read_counts(stripped, parser)
        return None

    def _colon_text(self, marked: str, stripped: str) -> Values | None:
        """Read a colon line without a number: a section, words with numbers, or text."""
        name, _, text = stripped.partition(":")
        text = text.strip()
        prefix = self._sections.prefix(marked)
        if not text:
            self._sections.open(marked.partition(":")[0])
            return {}
        if "=" in text:
            return None
        row = f"{prefix}.{name}" if prefix else name
        if pairs := {Name(row, key): number for key, number in words_and_numbers(text, self._parser)}:
            return pairs
        if self._is_words(stripped):
            # It can still be a heading: "avg-cpu: %user %nice".
            self._tables.add_candidate(marked)
            return self.flush() if self._tables.knows(marked) else {}
        return {}

    def _other_row(self, marked: str, bars: str) -> Values | None:
        """Read a line without a heading: numbers alone, or a name and a number."""
        parser = self._parser
        delimiter = find_delimiter(bars)
        cells = next(split_layouts(bars, delimiter))
        timeless = [cell for cell in cells if not cell.is_time]
        text = bars.replace(TIME_MARK, "").strip()
        if not timeless:
            # A time alone, as `iostat -t` prints it above a report.
            return self.flush() if cells else None
        if delimiter == "," and len(cells) == 2 and not self._tables.has_table:
            # 21,5 is one number or two.
            if parser.numbers.decimal_mark == "," and (quantity := parser.numbers.parse(text)) is not None:
                return {Name("", "value"): quantity}
            if _ONE_OR_TWO.fullmatch(text):
                parser.ambiguous = text
                return {}
        if "|" in marked and (values := read_bars(marked, parser)) is not None:
            return values
        found = dict(parser.values("value", text)) if len(timeless) == 1 or " " in text else {}
        if not found and not delimiter and (named := read_named(bars.replace(TIME_MARK, ""))):
            found = dict(parser.values(*named))
        if not found:
            found = dict(words_and_numbers(text, parser, is_certain=False))
        if found:
            return {Name("", name): number for name, number in found.items()}
        return self._unnamed_row(cells, bool(delimiter), ", " in bars)

    def _unnamed_row(self, cells: Sequence[Cell], is_delimited: bool, is_spaced: bool) -> Values | None:
        """Read a row of numbers without a heading; a word at its beginning names it."""
        numbers = [self._parser.numbers.parse(cell.text) for cell in cells]
        if numbers[0] is not None and len(cells) > 1 and is_epoch(numbers[0].value):
            numbers[0] = None
            cells = [Cell(TIME_MARK), *cells[1:]]
        places = [place for place, cell in enumerate(cells) if not cell.is_time]
        if self._tables.has_table or not places or all(number is None for number in numbers):
            return None
        first, row = cells[places[0]].text, ""
        words = [
            place
            for place in places
            if not is_number_like(cells[place].text) and _LETTER.search(cells[place].text)
        ]
        if words and words[0] == places[0]:
            if not is_delimited and len(words) > 1:
                return None
            row = first.rstrip(":")
        elif words and not is_delimited:
            return None
        if any(_DECORATION.fullmatch(cell.text) for cell in cells):
            return None
        self._tables.clear_candidates()
        values = {
            Name(row, f"column{place}"): number
            for place, number in enumerate(numbers, 1)
            if number is not None
        }
        if is_spaced and is_delimited and first.isdecimal() and len(values) > 1:
            # nvidia-smi --format=csv,noheader: the lines of a report begin with 0, 1, 2 …
            return self._indexed.add(f"column{places[0] + 1}", int(first), values)
        if len(places) == 1 or (row and len(places) == 2):
            return {Name("", row or "value"): number for number in values.values()}
        return values
