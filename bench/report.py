"""Writes the tables of the documentation that come from results of benchmarks.

A page has places for them, which end with `<!-- end -->`. `<!-- bench: startup viewers -->` is a table of
these parts, and `<!-- bench-scale: append -->` one of the other benchmark. `<!-- machine -->` describes the
machine, and `<!-- figures -->` is the table of the README.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bench.reasons import reason
from bench.results import Result, read
from bench.table import Row, number

ROOT = Path(__file__).resolve().parents[1]
RESULTS = {"bench": ROOT / "bench" / "results.json", "bench-scale": ROOT / "bench" / "scale" / "results.json"}
PAGES = (ROOT / "README.md", ROOT / "docs" / "performance.md")
PLACE = re.compile(
    r"(<!-- (bench-scale|bench|machine|figures)(?:: ([^>]*))? -->\n).*?(<!-- end -->)", re.DOTALL
)
# The figures of the README: a part, the label of one of its rows, and the text of the README.
FIGURES = (
    ("startup", "start to the first response (/healthz)", "Start to the first response"),
    ("collector_cost", "collector CPU", "CPU of the collector"),
    ("collector_cost", "collector memory", "Memory of the collector"),
    ("latency", "from sample to pixel, median", "From a sample to its pixel, median"),
    (
        "cached",
        "requests per second that reach the server, through nginx's cache, 2,000 viewers",
        "2,000 viewers behind nginx's cache: requests per second to the server",
    ),
    ("two_years", "disk for two years of 50 metrics", "Disk for two years of 50 metrics"),
)


def write_pages() -> None:
    for page in PAGES:
        page.write_text(with_results(page.read_text("utf-8")), "utf-8")


def with_results(text: str) -> str:
    """Return the text of a page with the newest results in its places."""

    def fill(match: re.Match[str]) -> str:
        head, kind, words, end = match.groups()
        if kind == "machine":
            content = _machine(read(RESULTS["bench"]))
        elif kind == "figures":
            content = _figures(read(RESULTS["bench"]))
        else:
            content = _parts(kind, (words or "").split(), read(RESULTS[kind]))
        return f"{head}\n{content}\n\n{end}"

    return PLACE.sub(fill, text)


def parts_of(text: str, kind: str) -> list[str]:
    """Return the parts of a benchmark for which a page has places."""
    return [part for match in PLACE.finditer(text) if match[2] == kind for part in (match[3] or "").split()]


def missed(results: Iterable[Result]) -> list[Row]:
    return [row for result in results for row in result.rows if row.ok is False]


def _machine(results: dict[str, Result]) -> str:
    newest = max(results.values(), key=lambda result: result.date)
    return f"The machine of the newest measurement, on {newest.date}: {newest.machine}"


def _figures(results: dict[str, Result]) -> str:
    lines = ["| Measured | Result | Command |", "|---|---|---|"]
    for part, what, text in FIGURES:
        (row,) = [row for row in results[part].rows if row.what == what]
        value = f"{number(row.value)} {row.unit}".strip()
        lines.append(f"| {text} | {value} | `make bench ARGS={part}` |")
    return "\n".join(lines)


def _parts(kind: str, parts: list[str], results: dict[str, Result]) -> str:
    found = [results[part] for part in parts if part in results]
    lines = ["| | Measured | Target | Met |", "|---|---|---|---|"]
    lines += [_line(row) for result in found for row in result.rows]
    dates = sorted({result.date for result in found})
    lines += ["", f'`make {kind} ARGS="{" ".join(parts)}"`, last on {" and ".join(dates)}.']
    if unmeasured := [part for part in parts if part not in results]:
        lines += [f"Not measured yet: {', '.join(unmeasured)}."]
    for text in dict.fromkeys(reason(row.what) for row in missed(found)):
        lines += ["", text]
    return "\n".join(lines)


def _line(row: Row) -> str:
    what, result, target, met = row.cells()
    met = {"NO": "**no**"}.get(met, met)
    cells = f"| {what[0].upper()}{what[1:]} | {result} | {target} | {met} |"
    return re.sub(r"\|  (?=\|)", "| ", cells)
