"""The value of a formula at one instant.

If an input is missing, or any step has no finite real result, the formula has no value.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dashapp.model.formulas.syntax import Input, Node, Number, Operation, parse_tree
from dashapp.model.ticks import MAX_VALUE

Values = Mapping[str, float]
# Returns a finite number, or raises ValueError or ArithmeticError.
Evaluator = Callable[[Values], float]
# Of the second argument of round().
MAX_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula: its text, its tree, and the keys of the metrics in it, in their order."""

    text: str
    tree: Node = field(compare=False, repr=False)
    inputs: tuple[str, ...] = field(compare=False, repr=False)
    _evaluator: Evaluator = field(compare=False, repr=False)

    @property
    def parts(self) -> int:
        """The number of its operations and operands."""
        return _count(self.tree)

    @staticmethod
    def parse(text: str) -> Formula:
        """Return the formula of a text; FormulaError, a ValueError, if it is none."""
        text = text.strip()
        tree = parse_tree(text)
        return Formula(text, tree, tuple(dict.fromkeys(_inputs(tree))), _evaluator(tree))

    def value(self, values: Values) -> float | None:
        """Return the value, or None if there is none.

        >>> Formula.parse("100 * hits / (hits + misses)").value({"hits": 3.0, "misses": 1.0})
        75.0
        """
        for key in self.inputs:
            value = values.get(key)
            # An operation could make a finite number of NaN or infinity.
            if value is None or value - value != 0:
                return None
        try:
            result = self._evaluator(values)
        except (ValueError, ArithmeticError):
            return None
        # Adding 0 turns -0 into 0.
        return result + 0.0 if -MAX_VALUE <= result <= MAX_VALUE else None


def clamp(value: float, low: float, high: float) -> float:
    """Return the value, or the limit that it exceeds; ValueError if `low` exceeds `high`."""
    if low > high:
        raise ValueError
    return min(max(value, low), high)


def round_to(value: float, digits: float = 0.0) -> float:
    """Round half to even; ValueError unless the digits are a small whole number."""
    if digits != int(digits) or abs(digits) > MAX_DIGITS:
        raise ValueError
    return float(round(value, int(digits)))


SCALAR_OPERATIONS: Mapping[str, Callable[..., float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    # Of a negative number with a fraction, ** would return a complex number.
    "**": math.pow,
    "negative": operator.neg,
    "abs": abs,
    "clamp": clamp,
    "log": math.log,
    "log10": math.log10,
    "max": lambda *values: max(values),
    "min": lambda *values: min(values),
    "round": round_to,
    "sqrt": math.sqrt,
}


def _inputs(node: Node) -> Iterator[str]:
    if isinstance(node, Input):
        yield node.key
    elif isinstance(node, Operation):
        for operand in node.operands:
            yield from _inputs(operand)


def _count(node: Node) -> int:
    return 1 + sum(map(_count, node.operands)) if isinstance(node, Operation) else 1


def _evaluator(node: Node) -> Evaluator:
    if isinstance(node, Number):
        number = node.value
        return lambda _values: number
    if isinstance(node, Input):
        return operator.itemgetter(node.key)
    return _checked(SCALAR_OPERATIONS[node.name], [_evaluator(operand) for operand in node.operands])


def _checked(operation: Callable[..., float], operands: Sequence[Evaluator]) -> Evaluator:
    """Return the evaluator of an operation.

    Each result must be finite, since 1 / infinity would be 0.
    """
    if len(operands) == 2:
        left, right = operands

        def binary(values: Values) -> float:
            result = operation(left(values), right(values))
            if result - result != 0:
                raise ArithmeticError
            return result

        return binary

    def general(values: Values) -> float:
        result = operation(*[operand(values) for operand in operands])
        if result - result != 0:
            raise ArithmeticError
        return result

    return general
