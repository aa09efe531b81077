"""Text for a number with its unit, as assets/ui/numbers.js writes it on the page."""

from __future__ import annotations

import math

SPACE = "\u202f"  # narrow and without a line break
_SI_PREFIXES = ("", "k", "M", "G", "T", "P", "E")
_SCALED_UNITS = ("B", "B/s", "Hz")
# With one decimal, so that the text does not jump.
# 1 is up, 0 is down, and a mean is the share of the time.
STATE_UNIT = "up/down"
_FIXED_UNITS = ("%", "°C")
_SMALL_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_LONG_SECONDS = ((86_400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
_LONGEST_AS_SECONDS = 120
# Outside these limits, digits are hard to count.
_MAX_PLAIN, _MIN_PLAIN = 1e15, 1e-4


def format_quantity(value: float, unit: str) -> str:
    """Return three digits and the unit.

    >>> [format_quantity(12.5, "%"), format_quantity(8180, "B/s"), format_quantity(1234, "")]
    ['12.5\\u202f%', '8.18\\u202fkB/s', '1,234']
    >>> [format_quantity(value, STATE_UNIT) for value in (1, 0, 0.98)]
    ['up', 'down', '98.0\\u202f%']
    """
    if unit == STATE_UNIT:
        return _format_state(value)
    if unit in _FIXED_UNITS:
        # One decimal would show a small share as 0.
        is_small = value != 0 and abs(value) < 0.05
        plain = not is_small and abs(value) < _MAX_PLAIN
        return _with_unit(f"{value:,.1f}" if plain else _format_digits(value, 3), unit)
    if unit == "s" and value >= _LONGEST_AS_SECONDS:
        factor, name = next(scale for scale in _LONG_SECONDS if value >= 2 * scale[0])
        return _with_unit(f"{value / factor:,.0f}", name)
    factor, name = _scale_of(value, unit)
    # A number without a unit may be a price: the fourth digit matters.
    digits = 4 if unit in ("", "1/s") and abs(value) >= 1 else 3
    return _with_unit(_format_digits(value / factor, digits, is_exact=factor == 1), name)


def _format_state(value: float) -> str:
    if value in (0, 1):
        return "up" if value else "down"
    return _with_unit(f"{100 * value:,.1f}", "%")


def format_limit(value: float, unit: str) -> str:
    """Return a limit and the unit, a whole number without decimals.

    >>> format_limit(95, "%"), format_limit(1.5e9, "B")
    ('95\u202f%', '1.50\u202fGB')
    """
    return _with_unit(f"{value:,.10g}", unit) if unit in _FIXED_UNITS else format_quantity(value, unit)


def _format_digits(value: float, digits: int, is_exact: bool = True) -> str:
    """The number with so many significant digits; with `is_exact`, a whole number as it is."""
    size = abs(value)
    if size and not _MIN_PLAIN <= size < _MAX_PLAIN:
        return f"{value:.{digits - 1}e}"
    if not value or (is_exact and value.is_integer()):
        return f"{value:,.0f}"
    # Rounded first: 9.996 has the decimals of 10.
    rounded = float(f"{size:.{digits - 1}e}")
    decimals = min(max(digits - 1 - math.floor(math.log10(rounded)), 0), 8)
    return f"{value:,.{decimals}f}"


def _scale_of(value: float, unit: str) -> tuple[float, str]:
    size = abs(value)
    if unit == "s":
        return next(
            (scale for scale in _SMALL_SECONDS if size >= scale[0]), _SMALL_SECONDS[-1 if size else 0]
        )
    if unit not in _SCALED_UNITS:
        return 1.0, unit
    power = 0
    while size / 1000.0**power >= 999.5 and power < len(_SI_PREFIXES) - 1:
        power += 1
    return 1000.0**power, _SI_PREFIXES[power] + unit


def _with_unit(text: str, unit: str) -> str:
    if not unit:
        return text
    return f"{text}/s" if unit == "1/s" else f"{text}{SPACE}{unit}"
