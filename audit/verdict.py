"""Decides which results of Lighthouse and axe pass; pure, so that a test can make it fail.

It reads the JSON of both; `lighthouse` and `axe` run them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# A report in Lighthouse's format, and the violations that axe found in one state of the page.
Report = Mapping[str, Any]
Violations = Sequence[Mapping[str, Any]]

AT_LEAST = 95
CATEGORIES = ("performance", "accessibility", "best-practices")
METRICS = {
    "first-contentful-paint": "FCP",
    "largest-contentful-paint": "LCP",
    "total-blocking-time": "TBT",
    "cumulative-layout-shift": "CLS",
    "speed-index": "SI",
}
# Lighthouse itself does not show an audit below this score as passed.
PASSED = 0.9


def verdict(reports: Sequence[Report], violations: Mapping[str, Violations]) -> tuple[list[str], int]:
    """Return the lines to print and the exit code.

    The code is 1 for a violation of axe, or for a score below AT_LEAST that decides.
    """
    lines: list[str] = []
    failed = not reports or not violations
    for category in CATEGORIES if reports else ():
        report = decisive(reports, category)
        score = score_of(report, category)
        runs = ", ".join(str(score_of(run, category)) for run in reports)
        # Performance also depends on the machine: show it, and fail only if the score is missing.
        failed |= score == 0 if category == "performance" else score < AT_LEAST
        lines.append(f"{'ok' if score >= AT_LEAST else 'NO':3}{category}: {score} of 100 (runs: {runs})")
        lines += failing(report, category)
    if reports:
        lines.append("   " + "  ".join(metrics(decisive(reports, "performance"))))
    for state, state_violations in violations.items():
        failed |= bool(state_violations)
        count = len(state_violations)
        lines.append(f"{'NO' if count else 'ok':3}axe, {state}: {count or 'no'} violation(s)")
        lines += [line for violation in state_violations for line in described(violation)]
    return lines, int(failed)


def score_of(report: Report, category: str) -> int:
    """Return 0 to 100; 0 if Lighthouse could not measure."""
    # Round as Lighthouse does: its own value has two decimals, and floats have more.
    return round(100 * (report["categories"][category]["score"] or 0))


def decisive(reports: Sequence[Report], category: str) -> Report:
    """Return the best run for performance, as load only slows a page; otherwise the worst."""
    choose = max if category == "performance" else min
    return choose(reports, key=lambda report: score_of(report, category))


def is_fast(report: Report) -> bool:
    return score_of(report, "performance") >= AT_LEAST


def failing(report: Report, category: str) -> Iterator[str]:
    if report.get("runtimeError"):
        yield f"     {report['runtimeError'].get('message', 'Lighthouse failed')}"
    for ref in report["categories"][category]["auditRefs"]:
        audit = report["audits"][ref["id"]]
        score = audit.get("score")
        if score is not None and score < PASSED:
            display_value = audit.get("displayValue")
            note = "" if ref["weight"] else " (not in the score)"
            yield f"     {ref['id']}: {audit['title']}{f', {display_value}' if display_value else ''}{note}"


def metrics(report: Report) -> Iterator[str]:
    """Yield the parts of the performance score, in milliseconds except CLS."""
    for name, short in METRICS.items():
        value = report["audits"].get(name, {}).get("numericValue")
        if value is not None:
            yield f"{short} {value:.3f}" if short == "CLS" else f"{short} {value:,.0f} ms"


def described(violation: Mapping[str, Any]) -> Iterator[str]:
    for node in violation["nodes"]:
        # A selector is a list with one more entry for each frame or shadow root on the way.
        element = " ".join(map(str, node["target"]))
        yield f"     {violation['id']} ({violation.get('impact')}): {violation['help']}: {element}"
