"""Rules for the tests themselves: no test may depend on the speed of the machine.

tests/support/waiting.py has the helpers to use instead. They wait for a state, or check a state until an
event.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
FILES = sorted(HERE.rglob("test_*.py"))

SLEEPS = {"sleep", "wait_for_timeout"}
STOPWATCHES = {"perf_counter", "process_time", "thread_time"}
# Playwright methods that read once. `expect` retries, and so does an assertion inside `wait_until_passes`.
READ_ONCE = {
    *("inner_text", "all_inner_texts", "inner_html", "text_content", "get_attribute", "input_value"),
    *("is_visible", "is_hidden", "is_checked", "is_enabled", "is_disabled"),
    # Of tests/support, and the address: a page writes it after it has drawn.
    *("window", "drawn", "page.url"),
}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def call_nodes(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]


def called(node: ast.AST) -> str:
    """Return `page.url`, or the called function's name without the part before the last dot."""
    if isinstance(node, ast.Attribute) and ast.unparse(node) == "page.url":
        return "page.url"
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def calls(path: Path, names: set[str]) -> Iterator[int]:
    """Yield the lines that call one of `names`."""
    yield from (node.lineno for node in call_nodes(path) if called(node) in names)


def test_sleep_in_test_has_comment_with_reason() -> None:
    bare = []
    for path in FILES:
        lines = path.read_text().splitlines()
        for number in calls(path, SLEEPS):
            before = lines[number - 2].strip() if number > 1 else ""
            if "#" not in lines[number - 1] and not before.startswith("#"):
                bare.append(f"{path.relative_to(HERE)}:{number}: {lines[number - 1].strip()}")
    assert not bare, "a fixed time is too short on some machine"


def test_tests_do_not_measure_time() -> None:
    found = [f"{path.relative_to(HERE)}:{number}" for path in FILES for number in calls(path, STOPWATCHES)]
    assert not found, "count calls or wait for a state instead; costs belong to make bench"


def test_assertions_read_page_only_with_retry() -> None:
    found = []
    for path in FILES:
        for function in tree(path).body:
            if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
                found += [f"{path.relative_to(HERE)}:{line}" for line in reads_once(function)]
    assert not found, "use expect(...), or put it into wait_until_passes"


def reads_once(function: ast.FunctionDef) -> Iterator[int]:
    """Yield the lines of assertions in the test itself.

    Functions inside the test are skipped, because a waiting helper repeats them.
    """
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Assert) and any(called(part) in READ_ONCE for part in ast.walk(node.test)):
            yield node.lineno
        waiting += ast.iter_child_nodes(node)
