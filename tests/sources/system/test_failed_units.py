"""Failed units of systemd, from commands that print as systemctl does, fail or hang."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from readings import by_key, labels

from dashapp.sources.system.groups.failed_units import (
    MAX_NAMES,
    FailedUnitsSource,
    is_booted_by_systemd,
    parse_units,
)

OUTPUT = rb"""foo.service                loaded failed failed The foo
bar\x2dbaz.service          loaded failed failed A bar
dev-sdb1.swap               loaded failed failed /dev/sdb1

"""


def failed(code: str, timeout: float = 60.0) -> FailedUnitsSource:
    return FailedUnitsSource((sys.executable, "-S", "-c", code), timeout)


def test_failed_units_have_number_and_names() -> None:
    values = failed(f"import sys; sys.stdout.buffer.write({OUTPUT!r})").read()
    assert by_key(values) == {
        "services.failed": 3,
        "service.bar-baz-service.failed": 1,
        "service.dev-sdb1-swap.failed": 1,
        "service.foo-service.failed": 1,
    }
    assert labels(values)["service.bar-baz-service.failed"] == "bar-baz.service"


def test_no_failed_units_are_zero() -> None:
    assert by_key(failed("").read()) == {"services.failed": 0}


def test_many_failed_units_are_counted_and_some_named() -> None:
    code = "for n in range(99): print(f'u{n}.service loaded failed failed x')"
    values = by_key(failed(code).read())
    assert values["services.failed"] == 99
    assert len(values) == 1 + MAX_NAMES


@pytest.mark.parametrize(
    ("code", "timeout"),
    [("print('x'); raise SystemExit(1)", 60.0), ("import time; time.sleep(600)", 0.05)],
    ids=["error", "hang"],
)
def test_failed_units_have_no_values_if_command_fails(code: str, timeout: float) -> None:
    assert failed(code, timeout).read() == {}


def test_failed_units_have_no_values_without_systemctl() -> None:
    assert FailedUnitsSource(("/nonexistent/systemctl",)).read() == {}


def test_failed_units_are_read_only_if_systemd_booted_the_machine(tmp_path: Path) -> None:
    assert is_booted_by_systemd(str(tmp_path))
    assert not is_booted_by_systemd(str(tmp_path / "missing"))


@pytest.mark.parametrize("output", [b"", b"\n", b"0 loaded units listed.", b"\xff\xfe a b c", b"x y"])
def test_parse_units_ignores_other_lines(output: bytes) -> None:
    assert parse_units(output) == []
