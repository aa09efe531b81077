"""Parse a formula such as `hits / (hits + misses)` into a tree; nothing is ever executed.

A scanner finds the names of metrics and checks the order of the symbols, so that an error has a place. `ast`
then gives the structure, of which only the nodes in this module are accepted.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from dashapp.model.text import quote_value, suggest
from dashapp.model.ticks import MAX_VALUE

# Characters of a formula; operations and operands in it; parentheses and signs inside each other.
MAX_LENGTH, MAX_NODES, MAX_DEPTH = 500, 200, 32
# Arguments of each function: at least, at most.
FUNCTIONS = {
    "abs": (1, 1),
    "clamp": (3, 3),
    "log": (1, 1),
    "log10": (1, 1),
    "max": (1, 16),
    "min": (1, 16),
    "round": (1, 2),
    "sqrt": (1, 1),
}
FUNCTION_NAMES = ", ".join(FUNCTIONS)

_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[^\W\d]\w*(?:\.\w+)*)"
    r"|`(?P<quoted>[^`]+)`"
    r"|(?P<operator>\*\*|//|[-+*/%])"
    r"|(?P<symbol>[(),])"
)
_PLAIN_NAME = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
_BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}
_OPERAND_EXPECTED = 'expected a metric, a number or "("'
_OPERATOR_EXPECTED = "expected an operator such as + or *"


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Input:
    """The value of a metric."""

    key: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator, "negative", or a function, with its operands."""

    name: str
    operands: tuple[Node, ...]


Node = Number | Input | Operation


class FormulaError(ValueError):
    """A text is no formula; the message names the place."""


class _Token(NamedTuple):
    kind: str
    text: str
    # The position of its first character, from 1.
    position: int


def parse_tree(text: str) -> Node:
    """Return the tree of a formula. Raise FormulaError with the place of the first problem.

    >>> parse_tree("cpu.user + `my-app.cpu`").operands
    (Input(key='cpu.user'), Input(key='my-app.cpu'))
    """
    if not text.strip():
        raise FormulaError("the formula is empty; expected one such as 100 * hits / (hits + misses)")
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(text):,} characters; expected at most {MAX_LENGTH}")
    tokens = list(_tokens(text))
    _check_order(tokens)
    # Each metric has a plain name here, so that a keyword or a digit after a dot is no problem for `ast`.
    keys = list(dict.fromkeys(token.text for token in tokens if token.kind == "metric"))
    words = [f"m{keys.index(text)}" if kind == "metric" else text for kind, text, _ in tokens]
    try:
        body = ast.parse(" ".join(words), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError("the formula cannot be read; write it in a simpler form") from None
    return _Builder(keys).build(body)


def quote_name(key: str) -> str:
    """Return the name of a metric as a formula contains it.

    >>> quote_name("cpu.percent"), quote_name("container.my-app.cpu")
    ('cpu.percent', '`container.my-app.cpu`')
    """
    return key if _PLAIN_NAME.fullmatch(key) else f"`{key}`"


def _tokens(text: str) -> Iterator[_Token]:
    position, depth = 0, 0
    while True:
        position += len(text[position:]) - len(text[position:].lstrip())
        if position == len(text):
            return
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            if text[position] == "`":
                raise FormulaError(f'"`" at character {position + 1} has no second one after a name')
            character = text[position]
            raise FormulaError(
                f"unexpected {quote_value(character)} at character {position + 1}; {_hint(character)}"
            )
        kind, word = match.lastgroup, match[match.lastgroup]
        end = match.end()
        if kind == "number" and re.match(r"[\w.]", text[end:]):
            word = re.match(r"[\w.]+", text[position:])[0]  # type: ignore[index]
            raise FormulaError(
                f"{quote_value(word)} at character {position + 1} is no number; put a name with a digit "
                "first in backquotes"
            )
        if kind == "name":
            kind = "function" if text[end:].lstrip().startswith("(") else "metric"
            if kind == "function" and word not in FUNCTIONS:
                raise FormulaError(
                    f"{quote_value(word)} at character {position + 1} is not a function"
                    f"{suggest(word, FUNCTIONS, f'expected one of {FUNCTION_NAMES}')}"
                )
        if kind == "quoted":
            kind = "metric"
        if kind == "number":
            word = _number_word(word, position)
        if kind == "symbol":
            depth += (word == "(") - (word == ")")
        if depth > MAX_DEPTH:
            raise FormulaError(
                f"the parentheses at character {position + 1} are {depth} deep; expected {MAX_DEPTH}"
            )
        yield _Token(kind, word, position + 1)
        position = end


def _hint(character: str) -> str:
    if character in "\"'":
        return "put a name in backquotes"
    if character in "<>=!&|^~":
        return "comparisons are not possible in a formula"
    return "put a name with such characters in backquotes"


def _check_order(tokens: list[_Token]) -> None:
    """Raise FormulaError at the first symbol that cannot stand in its place."""
    awaits_operand = True
    # The opening parentheses, and whether each begins the arguments of a function.
    opened: list[tuple[_Token, bool]] = []
    previous = _Token("", "", 0)
    for token in tokens:
        symbol = token.text if token.kind == "symbol" else ""
        is_operator = token.kind == "operator"
        if awaits_operand:
            is_wrong = symbol in (")", ",") or (is_operator and token.text not in ("+", "-"))
        else:
            is_wrong = not is_operator and symbol not in (")", ",")
            is_wrong |= symbol == "," and not (opened and opened[-1][1])
            is_wrong |= symbol == ")" and not opened
        if is_wrong:
            expected = _OPERAND_EXPECTED if awaits_operand else _OPERATOR_EXPECTED
            raise FormulaError(
                f"unexpected {quote_value(token.text)} at character {token.position}; {expected}"
            )
        if symbol == "(":
            opened.append((token, previous.kind == "function"))
        elif symbol == ")":
            opened.pop()
        awaits_operand = is_operator or token.kind == "function" or symbol in ("(", ",")
        previous = token
    if opened:
        raise FormulaError(f'"(" at character {opened[-1][0].position} is not closed; expected ")"')
    if awaits_operand:
        raise FormulaError(f"the formula ends after {quote_value(previous.text)}; {_OPERAND_EXPECTED}")


class _Builder:
    """Builds the tree of accepted nodes; `keys`: the metrics by the numbers of plain names."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._nodes = 0

    def build(self, node: ast.expr, depth: int = 0) -> Node:
        self._nodes += 1
        # A sum of many parts is deep too, on its left side.
        if self._nodes > MAX_NODES or depth > MAX_NODES:
            raise FormulaError(f"the formula has more than {MAX_NODES} parts; split it into several metrics")
        match node:
            case ast.Constant(value=float() as value):
                return Number(value)
            case ast.Name(id=name):
                return Input(self._keys[int(name[1:])])
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.build(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Operation("negative", (self.build(operand, depth + 1),))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
                operands = (self.build(left, depth + 1), self.build(right, depth + 1))
                return Operation(_BINARY[type(operator)], operands)
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
                fewest, most = FUNCTIONS[name]
                if not fewest <= len(args) <= most:
                    expected = f"{fewest}" if fewest == most else f"{fewest} to {most}"
                    raise FormulaError(f"{name}() has {len(args)} arguments; expected {expected}")
                return Operation(name, tuple(self.build(argument, depth + 1) for argument in args))
        raise FormulaError("the formula cannot be read; expected numbers, metrics, operators and functions")


def _number_word(text: str, position: int) -> str:
    """Return a number as Python writes it: without zeros at its start."""
    number = float(text)
    # One divided by an infinite number would be 0.
    if not abs(number) <= MAX_VALUE:
        raise FormulaError(
            f"the number at character {position + 1} is too large; expected at most {MAX_VALUE:.0e}"
        )
    return repr(number)
