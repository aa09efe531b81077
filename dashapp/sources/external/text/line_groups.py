"""Lines that belong together: indented sections, and lines that count 0, 1, 2 and so on."""

from __future__ import annotations

from dashapp.sources.external.text.values import Name, Values


class Sections:
    """Names of the lines above, which the names of indented lines begin with.

    A single word after a blank line names all lines up to the next blank one, as in the output of sensors.

    >>> sections = Sections()
    >>> sections.open("coretemp-isa-0000", is_block=True)
    >>> sections.open("Core 0:")
    >>> sections.prefix("  temp2_input: 43"), sections.prefix("Core 1: 45")
    ('coretemp-isa-0000.Core 0', 'coretemp-isa-0000')
    """

    def __init__(self) -> None:
        self._sections: list[tuple[int, str]] = []
        self._block = ""
        self._is_after_blank = True

    def clear(self) -> None:
        """End all sections: the line is blank."""
        self._sections.clear()
        self._block = ""
        self._is_after_blank = True

    @property
    def is_after_blank(self) -> bool:
        return self._is_after_blank

    def end_line(self) -> None:
        self._is_after_blank = False

    def open(self, line: str, is_block: bool = False) -> None:
        """Remember the line as a name for the lines below that are indented more, or for its block."""
        indent, name = self._leave(line), line.strip(": \t")
        if is_block and self._is_after_blank and " " not in name and not indent:
            self._block = name
        else:
            self._sections.append((indent, name))

    def prefix(self, line: str) -> str:
        """Return the names of the sections that contain the line."""
        self._leave(line)
        return ".".join(name for name in (self._block, *(name for _, name in self._sections)) if name)

    def _leave(self, line: str) -> int:
        """Close the sections that do not contain the line; return its indentation."""
        indent = len(line) - len(line.lstrip())
        while self._sections and self._sections[-1][0] >= indent:
            self._sections.pop()
        return indent


class IndexedLines:
    """Lines such as `cpu=0 found=1`, until the next shows whether `cpu` counts lines.

    >>> lines = IndexedLines()
    >>> lines.add("cpu", 0, {Name("", "found"): 1}), lines.add("cpu", 1, {Name("", "found"): 2})
    ({}, {})
    >>> {name.label: value for name, value in lines.flush().items()}
    {'cpu0.found': 1, 'cpu1.found': 2}
    """

    def __init__(self) -> None:
        self._lines: list[tuple[str, int, Values]] = []

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, name: str, index: int, values: Values) -> Values:
        """Keep the values of a line; return those of another report before it."""
        previous = {} if self._lines and index == len(self._lines) else self.flush()
        self._lines.append((name, index, values))
        return previous

    def flush(self) -> Values:
        """Return the values of the lines; if there are several, their indexes name them."""
        lines, self._lines = self._lines, []
        values: Values = {}
        is_report = len(lines) > 1 and [index for _, index, _ in lines] == list(range(len(lines)))
        for name, index, line_values in lines:
            row = f"{name}{index}" if name.isalpha() else str(index)
            for key, quantity in line_values.items():
                if not is_report:
                    values[key] = quantity
                elif key.column != name:
                    values[Name(row, key.column)] = quantity
        return values
