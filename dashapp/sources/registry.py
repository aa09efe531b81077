"""Create the sources of the settings; import only the modules that they name."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from inspect import signature

from dashapp.model.text import redact_credentials
from dashapp.sources.base import Source
from dashapp.sources.loader import load_function_or_explain
from dashapp.sources.options import declared_options
from dashapp.sources.spec import (
    BUILT_IN,
    MACHINE_SOURCE,
    NAMED_SOURCES,
    NO_SOURCE,
    OWN_MACHINE,
    MachineFiles,
    SourceSpec,
)
from dashapp.sources.system.all import system_sources


def make_sources(
    specs: Sequence[SourceSpec], interval: float, machine: MachineFiles = OWN_MACHINE
) -> list[Source]:
    """Return the sources of `machine`, unless `none` is requested, and then the others in order.

    Raises ValueError if one cannot be created.
    """
    sources = [] if any(spec.name == NO_SOURCE for spec in specs) else system_sources(machine)
    sources += [make_source(spec, interval) for spec in specs if spec.name not in (MACHINE_SOURCE, NO_SOURCE)]
    for name in _duplicates(sources):
        raise ValueError(_duplicate_problem(name))
    return sources


def make_source(spec: SourceSpec, interval: float) -> Source:
    """Return one source, which starts nothing before its first reading.

    Raises ValueError if it cannot be created.
    """
    module, _, name = BUILT_IN.get(spec.name, "dashapp.sources.function:make_source").partition(":")
    try:
        factory = getattr(import_module(module), name)
    except ImportError as error:
        is_internal = error.name is None or error.name.startswith("dashapp.")
        hint = "" if is_internal else f"; run python -m pip install {error.name}"
        raise ValueError(f"{spec.name} cannot be used: {error}{hint}") from None
    rest = spec.rest if spec.name else spec.text
    try:
        signature(factory).bind(rest, interval, **spec.options)
    except TypeError as error:
        raise ValueError(f"{spec.name} does not accept this option: {error}") from None
    source: Source = factory(rest, interval, **spec.options)
    return source


def source_problems(specs: Sequence[SourceSpec], interval: float) -> list[str]:
    """Return a sentence for each source that cannot be created."""
    if sentences := [sentence for spec in specs if (sentence := source_problem(spec, interval))]:
        return sentences
    # Only these have names that people choose.
    named = [spec for spec in specs if spec.name in NAMED_SOURCES]
    names = _duplicates([make_source(spec, interval) for spec in named])
    return [_duplicate_problem(name) for name in names]


def _duplicates(sources: Sequence[Source]) -> list[str]:
    """Return the names that several sources have."""
    counts = Counter(name for source in sources if (name := getattr(source, "unique_name", "")))
    return [name for name, count in counts.items() if count > 1]


def _duplicate_problem(name: str) -> str:
    return (
        f"source: several are called {name}; put #NAME at the end of one, such as #{name.partition('.')[2]}-2"
    )


def source_problem(spec: SourceSpec, interval: float) -> str:
    """Return why a source cannot be created, in one sentence, or empty text.

    For a function this imports its module.
    """
    output = io.StringIO()
    try:
        with redirect_stdout(output), redirect_stderr(output):
            if spec.name not in (MACHINE_SOURCE, NO_SOURCE):
                make_source(spec, interval)
            if not spec.name:
                declared_options(load_function_or_explain(spec.text)).replace(spec.options)
    except ValueError as error:
        return f'source is "{redact_credentials(spec.text)}"; {error}'
    return ""
