"""Parse a number with its unit, as programs print it, into base units.

A number can have a decimal comma, thousands separators, and a unit with or without a space before it. Some
texts have two readings: `1,234` is 1234 or 1.234. `NumberParser` decides by other numbers of the same
input, and returns None as long as these decide nothing.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple


class Quantity(NamedTuple):
    """A finite number in base units, and its unit, which is empty if the text has none."""

    value: float
    unit: str = ""


class Scale(NamedTuple):
    """How to get from a printed unit to its base unit: multiply by `factor`, then add `offset`."""

    factor: float
    unit: str
    offset: float = 0.0


# Texts in place of a number that a program does not have.
_MISSING = {"", "-", "--", "---", "n/a", "na", "nan", "inf", "infinity", "null", "none", "nil", "unknown"}
_MISSING |= {"err!", "error", "?", "*", "not available", "unavailable", "undefined"}

_DECIMAL_POWERS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_BINARY_POWERS = {
    letter: 1024.0**power
    for power, letters in enumerate(("Kk", "Mm", "Gg", "Tt", "Pp", "E"), 1)
    for letter in letters
}
_SMALL_POWERS = {"m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9}


def _make_scales() -> dict[str, Scale]:
    scales = {"%": Scale(1, "%"), "%%": Scale(1, "%"), "‰": Scale(0.1, "%")}
    scales |= dict.fromkeys(("percent", "Percent", "pct", "Pct"), Scale(1, "%"))
    scales |= dict.fromkeys(("B", "byte", "bytes", "Byte", "Bytes"), Scale(1, "B"))
    rates = {"B/s": Scale(1, "B/s"), "bytes/s": Scale(1, "B/s"), "Bytes/s": Scale(1, "B/s")}
    rates |= dict.fromkeys(("bit/s", "bits/s", "bps", "b/s"), Scale(1, "bit/s"))
    scales |= {"bit": Scale(1, "bit"), "bits": Scale(1, "bit")}
    for prefix, factor in _DECIMAL_POWERS.items():
        scales[f"{prefix}B"] = scales[f"{prefix}byte"] = scales[f"{prefix}bytes"] = Scale(factor, "B")
        rates[f"{prefix}B/s"] = Scale(factor, "B/s")
        for bits in ("bit/s", "bits/s", "bps", "b/s"):
            rates[f"{prefix}{bits}"] = Scale(factor, "bit/s")
        scales[f"{prefix}bit"] = scales[f"{prefix}bits"] = Scale(factor, "bit")
    for prefix in "KMGTPE":
        factor = _BINARY_POWERS[prefix]
        scales[f"{prefix}iB"] = scales[f"{prefix}i"] = Scale(factor, "B")
        # iotop, dstat and others print K/s for 1024 bytes per second.
        rates[f"{prefix}iB/s"] = rates[f"{prefix}/s"] = Scale(factor, "B/s")
        scales[f"{prefix}ibit"], rates[f"{prefix}ibit/s"] = Scale(factor, "bit"), Scale(factor, "bit/s")
    scales["kiB"], rates["kiB/s"], rates["k/s"] = scales["KiB"], rates["KiB/s"], rates["K/s"]
    for name, scale in rates.items():
        scales[name] = scales[name.replace("/s", "/sec")] = scale
        if name.endswith(("B/s", "bit/s")):
            scales[name.replace("/s", "ps")] = scale
    for symbol, words in {
        "W": ("Watt", "Watts", "watt", "watts"),
        "V": ("Volt", "Volts", "volt", "volts"),
        "A": ("Amp", "Amps", "Ampere", "amps"),
        "J": ("Joule", "Joules", "joules"),
        "Hz": ("hz",),
        "Wh": ("wh",),
        "Ah": (),
        "VA": (),
        "Pa": (),
        "g": (),
        "l": (),
        "bar": (),
        "s": ("sec", "secs", "second", "seconds", "Second", "Seconds"),
    }.items():
        scales |= dict.fromkeys((symbol, *words), Scale(1, symbol))
        for prefix, factor in _SMALL_POWERS.items():
            scales[f"{prefix}{symbol}"] = Scale(factor, symbol)
        if symbol != "s":
            for prefix, factor in _DECIMAL_POWERS.items():
                scales.setdefault(f"{prefix}{symbol}", Scale(factor, symbol))
    # "G" and a letter: not a unit that programs print. `g` alone means gibi in the output of top.
    for unused in ("g", "l", "Eg", "EA", "PA"):
        scales.pop(unused, None)
    scales |= {"hPa": Scale(100, "Pa"), "mbar": Scale(100, "Pa"), "VAR": Scale(1, "var"), "°": Scale(1, "°")}
    scales |= dict.fromkeys(("msec", "msecs", "millisecond", "milliseconds"), Scale(1e-3, "s"))
    scales |= dict.fromkeys(("usec", "usecs", "microsecond", "microseconds"), Scale(1e-6, "s"))
    scales |= dict.fromkeys(("nsec", "nanoseconds"), Scale(1e-9, "s"))
    scales |= dict.fromkeys(("min", "mins", "minute", "minutes", "Minute", "Minutes"), Scale(60, "s"))
    scales |= dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "Hour", "Hours"), Scale(3600, "s"))
    scales |= dict.fromkeys(("day", "days", "Day", "Days"), Scale(86_400, "s"))
    scales |= dict.fromkeys(("C", "°C", "'C", "℃", "ºC", "degC", "° C", "Celsius", "degrees"), Scale(1, "°C"))
    fahrenheit = Scale(5 / 9, "°C", -160 / 9)
    scales |= dict.fromkeys(("°F", "'F", "℉", "ºF", "degF", "° F", "Fahrenheit"), fahrenheit)
    scales |= dict.fromkeys(("RPM", "rpm"), Scale(1, "RPM"))
    scales |= dict.fromkeys(("/s", "1/s", "/sec", "it/s", "req/s", "ops/s", "pkt/s", "pps"), Scale(1, "1/s"))
    scales |= {unit: Scale(1, unit) for unit in ("dBm", "dB", "dBA", "ppm", "ppb", "lx", "m/s", "km/h", "pH")}
    scales |= {unit: Scale(1, unit) for unit in ("µg/m³", "ug/m3", "mm", "cm", "m³", "L", "lm", "FPS", "fps")}
    scales |= {"lux": Scale(1, "lx"), "errs": Scale(1, ""), "VAr": Scale(1, "var"), "MT/s": Scale(1e6, "1/s")}
    return scales


# Units that a program can print after a number. `MB` is 1000 kB, `MiB` is 1024 KiB.
UNITS = _make_scales()
_COUNTS = {prefix: Scale(factor, "") for prefix, factor in _DECIMAL_POWERS.items()}
# Letters after sizes in columns that hold bytes: `df -h`, `top`.
_SIZES = {prefix: Scale(factor, "B") for prefix, factor in _BINARY_POWERS.items()}

# Spaces that separate thousands: no-break, narrow no-break, thin.
_SPACES = "\u00a0\u202f\u2009"
_NUMBER = re.compile(
    rf"""(?P<sign>[-+\u2212±]?)
    (?P<digits>
        \d[\d.,]*(?:[{_SPACES}'\u2019]\d{{3}}(?!\d))*(?:[.,]\d+)?   # 1.234,5 or 1 234,5 or 1'234.5
        | [.,]\d+
    )
    (?P<power>[eE][-+]?\d+)?
    \s*(?P<unit>[^\d\s.,;:=()\[\]+-].{{0,15}})?""",
    re.ASCII | re.VERBOSE,
)
# Spaces between thousands are certain only in front of a decimal mark.
_SPACED = re.compile(r"^[+-]?\d{1,3}(?: \d{3})+(?=[.,]\d)", re.ASCII)
_PLAIN = re.compile(r"-?\d{1,15}(?:\.\d+)?", re.ASCII)
# Groups of thousands; 12,34,567 is usual in India.
_GROUP = {
    ",": re.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}", re.ASCII),
    ".": re.compile(r"\d{1,3}(?:\.\d{3})+", re.ASCII),
}
_IP_ADDRESS = re.compile(r"-?[0-2]?\d?\d(?:\.[0-2]?\d?\d){3}", re.ASCII)
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_DURATION_S = (604_800, 86_400, 3600, 60, 1)
MAX_TEXT_CHARS = 64


def is_missing(text: str) -> bool:
    """Return whether a program prints `text` in place of a number.

    >>> [is_missing(text) for text in ("[N/A]", "-", "<unknown>", "NaN", "0", "idle")]
    [True, True, True, True, False, False]
    """
    text = text.strip()
    if len(text) > 2 and (text[0], text[-1]) in (("[", "]"), ("<", ">"), ("(", ")")):
        # [N/A], [Not Supported], [Unknown Error], <unknown>
        return not any(letter.isdigit() for letter in text)
    return text.lower().lstrip("+-") in _MISSING


class NumberParser:
    """Parses numbers of one input; remembers the decimal mark that its numbers prove.

    `decimal_mark` is "," or "." once a number has proved it. It is "both" if numbers contradict each other.
    At the beginning it is empty.

    >>> numbers = NumberParser()
    >>> numbers.parse("1,234"), numbers.parse("86,81 %"), numbers.parse("1,234"), numbers.parse("1.234")
    (None, Quantity(value=86.81, unit='%'), Quantity(value=1.234, unit=''), Quantity(value=1234.0, unit=''))
    >>> numbers.parse("24.55MiB").unit, numbers.parse("0x10"), numbers.parse("1.2.3"), numbers.parse("[N/A]")
    ('B', None, None, None)
    """

    def __init__(self, decimal_mark: str = "") -> None:
        self.decimal_mark = decimal_mark

    def parse(self, text: str, is_size: bool = False) -> Quantity | None:
        """Return the number, or None if the text is no number or has two readings.

        If `is_size`, letters as in `20G` are powers of 1024 bytes, otherwise powers of 1000.
        """
        if _PLAIN.fullmatch(text) and ("." not in text or self.decimal_mark == "."):
            return Quantity(float(text))
        parts = _split_unit(text.strip(), is_size)
        if parts is None:
            return None
        digits, power, scale, mark = parts
        if mark and mark != self.decimal_mark:
            self.decimal_mark = "both" if self.decimal_mark else mark
        number = _parse_digits(digits, power, mark or self.decimal_mark)
        if number is None:
            return None
        value = (number if scale.factor == 1 else number * scale.factor) + scale.offset
        return Quantity(value, scale.unit) if math.isfinite(value) else None

    def is_ambiguous(self, text: str) -> bool:
        """Return whether the text is a number with two readings, such as `1,234`."""
        parts = _split_unit(text.strip(), False)
        if parts is None or parts[3] or self.decimal_mark in (",", "."):
            return False
        mark = next((mark for mark in ",." if mark in parts[0]), "")
        # A single dot is a decimal point, unless other numbers have a decimal comma.
        return bool(mark and _GROUP[mark].fullmatch(parts[0].lstrip("-"))) and self.parse(text) is None


def parse_duration(text: str) -> float | None:
    """Return the seconds of at least two parts such as `5d3h` or `1m30s`.

    >>> parse_duration("5d3h"), parse_duration("1m30.5s"), parse_duration("5m"), parse_duration("12:30")
    (442800.0, 90.5, None, None)
    """
    match = _DURATION.fullmatch(text)
    if match is None or sum(part is not None for part in match.groups()) < 2:
        return None
    return sum(
        float(part) * seconds
        for part, seconds in zip(match.groups(), _DURATION_S, strict=True)
        if part is not None
    )


@lru_cache(maxsize=4096)
def _split_unit(text: str, is_size: bool) -> tuple[str, str, Scale, str] | None:
    """Return digits with sign, power of ten, scale, and the decimal mark that the digits prove.

    None if the text is no number.
    """
    if len(text) > MAX_TEXT_CHARS or (match := _NUMBER.fullmatch(_SPACED.sub(_join_groups, text))) is None:
        return None
    unit = (match["unit"] or "").strip()
    scale = find_unit(unit, is_size) if unit else Scale(1, "")
    if scale is None:
        return None
    sign = "-" if match["sign"] in ("-", "\u2212") else ""
    return sign + match["digits"], match["power"] or "", scale, _proved_mark(match["digits"])


def _join_groups(match: re.Match[str]) -> str:
    return match[0].replace(" ", "\u00a0")


def find_unit(unit: str, is_size: bool = False) -> Scale | None:
    """Return the scale of a unit, or None.

    A single letter such as `k` is a power of 1000, or of 1024 if `is_size`.

    >>> find_unit("MiB").factor, find_unit("k").factor, find_unit("k", is_size=True).factor, find_unit("foo")
    (1048576.0, 1000.0, 1024.0, None)
    """
    counts = _SIZES if is_size else _COUNTS
    return counts.get(unit) or UNITS.get(unit)


def _proved_mark(digits: str) -> str:
    """Return the decimal mark that the digits prove, or an empty text.

    >>> [_proved_mark(text) for text in ("9,23", "0,123", "1,234", "1.234,5", "1,234.5", "1.234", "12.5")]
    [',', ',', '', ',', '.', '', '.']
    """
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma < 0 and dot < 0:
        return ""
    if comma >= 0 and dot >= 0:
        return "," if comma > dot else "."
    mark, last = (",", comma) if comma >= 0 else (".", dot)
    if digits.count(mark) > 1:
        # Only a separator of thousands can repeat. Dots also separate parts of versions and addresses.
        return "." if mark == "," and _GROUP[","].fullmatch(digits) else ""
    has_other_grouping = any(space in digits for space in _SPACES + "'\u2019")
    whole = digits[:last].lstrip("-")
    if len(digits) - last - 1 != 3 or whole in ("", "0") or len(whole) > 3 or has_other_grouping:
        return mark
    return ""


def _parse_digits(digits: str, power: str, mark: str) -> float | None:
    """Return the number; `mark` is the decimal mark, "both", or empty if nothing proves it."""
    for space in _SPACES + "'\u2019":
        digits = digits.replace(space, "")
    if _IP_ADDRESS.fullmatch(digits):
        return None
    if mark == "both" and ("," in digits or "." in digits):
        return None
    if mark == "" and ("," in digits or digits.count(".") > 1):
        return None
    # Without any proof a single dot is a decimal point.
    mark = mark or "."
    separator = "." if mark == "," else ","
    whole, _, fraction = digits.partition(mark)
    if separator in whole:
        if not _GROUP[separator].fullmatch(whole.lstrip("-")):
            return None
        whole = whole.replace(separator, "")
    try:
        return float(f"{whole}.{fraction}{power}")
    except ValueError:
        return None
