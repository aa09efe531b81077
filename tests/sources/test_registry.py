"""The registry: each built-in name has a factory function, and other names are rejected."""

from __future__ import annotations

from importlib import import_module
from inspect import signature

import pytest

from dashapp.sources.spec import BUILT_IN, MACHINE_SOURCE, NO_SOURCE, SourceSpec

MADE = [name for name in BUILT_IN if name not in (MACHINE_SOURCE, NO_SOURCE)]


@pytest.mark.parametrize("name", MADE)
def test_built_in_source_names_its_factory_function(name: str) -> None:
    module, _, function = BUILT_IN[name].partition(":")
    parameters = list(signature(getattr(import_module(module), function)).parameters)
    assert parameters[:2] == ["rest", "interval"]


def test_push_is_rejected_as_command_line_source() -> None:
    """DASHAPP_PUSH_TOKEN enables pushed metrics; `--source push` once ended in a traceback."""
    with pytest.raises(ValueError, match="machine, none, check"):
        SourceSpec.parse("push")
