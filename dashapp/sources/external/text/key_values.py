"""Lines that name their own numbers: `name=value`, `name: value`, and formats of servers.

Every function returns None if the line has another form. An empty result is text without numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dashapp.sources.external.number_parsing import UNITS, Quantity, find_unit, is_missing
from dashapp.sources.external.text.lines import TIME_MARK
from dashapp.sources.external.text.values import (
    MAX_NAME_CHARS,
    Name,
    ValueParser,
    Values,
    find_traits,
    is_epoch,
)

# Text under one of these names, at the beginning of a line, distinguishes the line from others.
IDENTITY_NAMES = {
    *("name", "host", "hostname", "container", "device", "dev", "iface", "interface", "ifname", "sensor"),
    *("service", "queue", "disk", "node", "pod", "instance", "topic", "unit", "job", "mount", "process"),
}
# A number under one of these names counts lines, if it is 0, 1, 2 … from line to line.
INDEX_NAMES = {"cpu", "core", "gpu", "node", "index", "id", "idx"}
TIME_NAMES = {"time", "timestamp", "ts", "date", "datetime", "@timestamp", "epoch", "unixtime", "t", "at"}
# Texts of digits that are no measurement.
TEXT_NAMES = {
    *(
        "id",
        "uuid",
        "guid",
        "serial",
        "serialno",
        "version",
        "mac",
        "ip",
        "address",
        "addr",
        "hash",
        "sha",
        "sha1",
    ),
    *(
        "sha256",
        "phone",
        "zip",
        "container",
        "containerid",
        "imageid",
        "build",
        "commit",
        "model",
        "firmware",
    ),
    *(
        "pid",
        "ppid",
        "port",
        "tcp_port",
        "process_id",
        "run_id",
        "redis_git_sha1",
        "redis_build_id",
        "bus_id",
    ),
}

_PAIR = re.compile(
    r"""(?P<name>[^\s=,;]+)\s*=(?!=)\s*
    (?P<value>"[^"]*"|'[^']*'|[^\s,;"]*(?:,\d[^\s,;=]*(?=[\s,;]|$))?)
    (?:[ ](?P<unit>[^\s=,;\d()\[\]]{1,8})(?=[\s,;)]|$)(?!\s*=))?""",
    re.VERBOSE,
)
_COLON = re.compile(
    r"^\s*(?:[-*•]\s+)?(?P<name>[^:=|]*?[^\W_][^:=|]*?)[\s.]*[:\uff1a](?P<gap>\s+|$|(?=[-+\d.][^\s:]*$))(?P<text>.*)$"
)
_NEXT_KEY = re.compile(
    r"\s+\|\s+|\s-\s(?=[^\W\d])|(?:(?<=[^\s:])\s{2,}|,\s+|;\s*)(?=[^\W\d][^:=|,]{0,40}:\s)"
)
_COUNTED = re.compile(
    r"(?<![\d.,])(?P<number>[-+]?\d[\d.,]{0,30}[kKMGT%]?)\s*(?P<name>[^\W\d_][^,;|]*?)\s*(?:[,;|](?=\s)|\.\s|$)"
)
_LAST_LIST = re.compile(r"(?P<name>[^\W\d_][\w ]*?):\s+(?P<text>\d[\d.,]*(?:,?\s+\d[\d.,]*)+)$")
_EXTRA = re.compile(r"\s*\([^()]*\)")
_STATSD = re.compile(
    r"(?P<name>[^\s:|=]+):(?P<value>[-+]?[\d.]+(?:[eE][-+]?\d+)?)\|(?P<type>c|g|ms|h|d|s)\b(?:\|[@#c]\S*)*"
)
_PROMETHEUS = re.compile(r"(?P<name>[a-zA-Z_:][\w:.]*)\{(?P<labels>[^{}]*)\}\s+(?P<value>\S+)(?:\s+\d{9,})?$")
_LABEL = re.compile(r'\w+="((?:[^"\\]|\\.)*)"')
_INFLUX = re.compile(
    r"(?P<name>(?:[^\s,=\\]|\\.)+)(?P<tags>(?:,(?:[^\s,=\\]|\\.)+=(?:[^\s,=\\]|\\.)+)*)\s+"
    r'(?P<fields>(?:[^\s,=\\]|\\.)+=(?:"[^"]*"|[^\s,"]+)(?:,(?:[^\s,=\\]|\\.)+=(?:"[^"]*"|[^\s,"]+))*)'
    r"(?:\s+(?P<time>\d{9,19}))?$"
)
_INFLUX_FIELD = re.compile(r'((?:[^\s,=\\]|\\.)+)=("[^"]*"|[^\s,"]+)')
_TWO_WORDS = re.compile(r"(?P<name>[^\s=]*[^\W\d_][^\s=]*)\s+(?P<text>\S.*)$")
_EPOCH_START = re.compile(r"^(?:\d{10}(?:\.\d+)?|\d{13})\s+(?=\D)")
_EPOCH_END = re.compile(r"\s+(\d{10}(?:\.\d+)?|\d{13}|\d{16}|\d{19})$")


def read_influx(line: str, parser: ValueParser) -> Values | None:
    """Read a line of InfluxDB: `cpu,host=a usage=0.5,idle=99i 1465839830100400200`."""
    match = _INFLUX.fullmatch(line)
    if match is None or not (match["tags"] or match["time"]):
        return None
    tags = [tag.partition("=")[2] for tag in re.split(r"(?<!\\),", match["tags"])[1:]]
    row = ".".join([match["name"], *tags]).replace("\\", "")
    values: Values = {}
    for name, text in _INFLUX_FIELD.findall(match["fields"]):
        if text[0] != '"' and text not in ("t", "f"):
            number = text[:-1] if re.fullmatch(r"-?\d+[iu]", text) else text
            add(values, parser, row, name.replace("\\", ""), number)
    return values


def is_statsd_change(line: str) -> bool:
    """Return whether a line of statsd is an increment, or a member of a set."""
    match = _STATSD.fullmatch(line)
    return match is not None and (
        match["type"] in ("c", "s") or (match["type"] == "g" and match["value"][0] in "+-")
    )


def read_statsd(line: str, parser: ValueParser) -> Values | None:
    """Read gauges and timers of statsd."""
    if (match := _STATSD.fullmatch(line)) is None or (number := parser.numbers.parse(match["value"])) is None:
        return None
    scaled = Quantity(number.value / 1000, "s") if match["type"] == "ms" else number
    return {Name("", match["name"][:MAX_NAME_CHARS]): scaled}


def read_exposition(line: str, parser: ValueParser) -> Values | None:
    """Read a line of a Prometheus exporter; the values of its labels distinguish it."""
    if (match := _PROMETHEUS.fullmatch(line)) is None:
        return None
    labels = ".".join(_LABEL.findall(match["labels"]))
    number = parser.numbers.parse(match["value"])
    return {Name(labels, match["name"]): number} if number is not None else {}


def read_pairs(line: str, parser: ValueParser) -> tuple[Values | None, tuple[str, str]]:
    """Read `name=value` pairs; also return the name and text of the first pair.

    None for the values if no pair has a number.
    """
    line = line.replace(TIME_MARK, "")
    prefix = ""
    if match := re.match(r"([^\s:=,]*[^\W\d_][^\s:=,]*):(?=[^\s=:/]+=)", line):
        prefix, line = match[1], line[match.end() :]
    values: Values = {}
    pairs = [
        (_pair_name(match["name"]), match["value"].strip("\"'").rstrip(")]}"), match["unit"] or "")
        for match in _PAIR.finditer(line)
    ]
    has_number = False
    for position, (name, text, unit) in enumerate(pairs):
        number_text = f"{text} {unit}" if unit in UNITS else text
        if position == 0 and name.lower() in IDENTITY_NAMES and parser.numbers.parse(text) is None and text:
            prefix = text[:MAX_NAME_CHARS]
            continue
        has_number |= is_missing(text) and text.lower() in ("nan", "inf", "-inf", "-nan")
        has_number |= add(values, parser, prefix, name, number_text)
    first = (pairs[0][0].lower(), pairs[0][1]) if pairs else ("", "")
    return (values if has_number else None), first


def read_colon(line: str, parser: ValueParser, prefix: str = "") -> Values | None:
    """Read `name: value`, with several of them between bars; None if a part has another form."""
    values: Values = {}
    found = False
    for part in _NEXT_KEY.split(line) if line.count(":") > 1 else [line]:
        match = _COLON.match(part)
        if match is None or TIME_MARK in match["name"]:
            continue
        found = True
        name, text = match["name"].strip("\"' \t."), match["text"].strip()
        if not name or len(name) > MAX_NAME_CHARS or _is_text_name(name):
            continue
        if re.fullmatch(r"\d+ kB", text) and len(match["gap"]) > 1:
            # /proc/meminfo and others of the kernel pad numbers, and count KiB under "kB".
            text = text.replace(" kB", " KiB")
        for full_name, quantity in parser.value_of_text(name, text):
            values[Name(prefix, full_name)] = quantity
    return values if found else None


def _pair_name(text: str) -> str:
    text = text.strip("\"'").lstrip("([{")
    return text if "(" in text or "[" in text else text.rstrip(")]}")


def _is_text_name(name: str) -> bool:
    """Return whether the text of a name is no measurement, although it can be digits."""
    lower = name.lower()
    return lower in TEXT_NAMES or lower.split()[-1] in (
        "version",
        "id",
        "uuid",
        "serial",
        "number",
        "address",
    )


def read_counts(line: str, parser: ValueParser, prefix: str = "") -> Values | None:
    """Read numbers in front of their names: `MiB Mem : 7859.5 total, 234.5 free`.

    The word before a colon names them, and can begin with their unit.
    """
    label, _, text = line.partition(":") if ":" in line else ("", "", line)
    text = _EXTRA.sub("", text.strip())
    if re.search(r"\d\s*$", label) or TIME_MARK in line or "=" in text:
        return None
    words = label.split()
    scale = UNITS.get(words[0]) if len(words) > 1 and words[0][-1:] == "B" else None
    row = ".".join(part for part in (prefix, " ".join(words[1:] if scale else words)) if part)
    # The label states whether the numbers are sizes: "Mem: 234M Active".
    traits = find_traits("% of" if label.strip().startswith("%") else label.strip() or "count")
    matches = list(_COUNTED.finditer(text))
    if len(matches) < 2 or sum(len(match[0]) for match in matches) < 0.8 * len(text):
        return None
    values: Values = {}
    for match in matches:
        number, name = match["number"], match["name"].strip()
        first, _, rest = name.partition(" ")
        if rest and first in UNITS:
            number, name = f"{number} {first}", rest
        if (name in UNITS and not label) or re.search(r"\d| / ", name):
            continue
        quantity = parser.number(traits, number, scale)
        if quantity is not None:
            values[Name(row, name[:MAX_NAME_CHARS])] = quantity
    return values or None


def read_last_list(line: str, parser: ValueParser) -> Values | None:
    """Read the numbers at the end of `…, load average: 0.15, 0.10, 0.05`."""
    if (match := _LAST_LIST.search(line)) is None:
        return None
    name = match["name"].strip()
    return {Name("", full): quantity for full, quantity in parser.value_of_text(name, match["text"])} or None


def read_named(line: str) -> tuple[str, str] | None:
    """Return the name and text of `home/kitchen/temperature 21.5` or `web.cpu 12.5 1706702400`."""
    if (match := _TWO_WORDS.fullmatch(_EPOCH_START.sub("", line.strip()))) is None:
        return None
    text = _EPOCH_END.sub("", match["text"]).replace(TIME_MARK, "").strip()
    return match["name"][:MAX_NAME_CHARS], text


def add(values: Values, parser: ValueParser, row: str, name: str, text: str) -> bool:
    """Add the numbers of `name`; return whether there are any."""
    lower = name.lower()
    if not name or lower in TEXT_NAMES:
        return False
    found = False
    for full_name, quantity in parser.values(name, text):
        if lower in TIME_NAMES and is_epoch(quantity.value):
            continue
        found = True
        values[Name(row, full_name)] = quantity
    return found


def read_bars(line: str, parser: ValueParser) -> Values | None:
    """Read a name, a number and perhaps its unit between bars, as ipmitool prints them."""
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    if len(cells) < 2 or re.search(r"[^\W\d_]", cells[0]) is None:
        return None
    scale = find_unit(cells[2]) if len(cells) > 2 else None
    quantity = parser.number(find_traits(cells[0]), cells[1], scale)
    if quantity is None:
        return {} if is_missing(cells[1]) else None
    return {Name("", cells[0][:MAX_NAME_CHARS]): quantity}


def words_and_numbers(
    text: str, parser: ValueParser, is_certain: bool = True
) -> Iterator[tuple[str, Quantity]]:
    """Yield the pairs of `inuse 5 orphan 0 tw 1`, if words alternate with numbers.

    Unless `is_certain`, the line can be a sentence. Then it needs three pairs, a unit or decimals.
    """
    words = text.replace(",", " ").split() if ", " in text else text.split()
    if len(words) < 4 or len(words) % 2:
        return
    names, texts = words[::2], words[1::2]
    if not is_certain and len(names) < 3 and not any(re.search(r"[.,%]", number) for number in texts):
        return
    numbers = [parser.number(find_traits(name), number) for name, number in zip(names, texts, strict=True)]
    if None in numbers or not all(re.fullmatch(r"[^\W\d][\w./%-]*", name) for name in names):
        return
    for name, number in zip(names, numbers, strict=True):
        if number is not None:
            yield name, number
