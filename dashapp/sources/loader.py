"""Import the function of a `module:function` source, or explain why that fails.

The name comes from the operator, by a flag, a variable or the settings file, and from no other input.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from dashapp.model.text import suggest
from dashapp.sources.spec import SourceSpec


def load_function(spec: str) -> Callable[[], Any]:
    """Return the function; raises any exception of its module."""
    module, _, name = spec.partition(":")
    function: Callable[[], Any] = getattr(_import_module(module), name)
    return function


def load_function_or_explain(spec: str) -> Callable[[], Any]:
    """Return the function; raises ValueError, with a message for people, if it cannot be called."""
    module, _, name = spec.partition(":")
    try:
        imported_module = _import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"{module} cannot be imported: {_error_summary(error)}") from None
        hint = suggest(module, [path.stem for path in Path.cwd().glob("*.py")])
        raise ValueError(f"module {error.name} not found in {Path.cwd()}{hint}") from None
    except (Exception, SystemExit) as error:
        # This is foreign code; any exception is the reason.
        raise ValueError(f"{module} cannot be imported: {_error_summary(error)}") from None
    function = getattr(imported_module, name, None)
    if function is None:
        raise ValueError(f"{module} has no function {name}{suggest(name, dir(imported_module))}")
    if not callable(function):
        raise ValueError(f"{name} is of type {type(function).__name__}; expected a function")
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise ValueError(f"{name} cannot be called: {error}; expected a function without arguments") from None
    except ValueError:
        pass  # some functions written in C have no signature
    return function  # type: ignore[no-any-return]


def missing_modules(specs: Iterable[SourceSpec]) -> list[str]:
    """Return a sentence for each function whose module does not exist.

    It imports no module, because an import may need the application that is just being created.
    """
    problems = []
    for module in [spec.text.partition(":")[0] for spec in specs if not spec.name]:
        if module in sys.modules or not _is_missing(module):
            continue
        hint = suggest(module, [path.stem for path in Path.cwd().glob("*.py")])
        problems.append(f'source is "{module}:…"; module {module} not found{hint}')
    return problems


def _is_missing(module: str) -> bool:
    _add_working_directory()
    try:
        return find_spec(module) is None
    except ModuleNotFoundError:
        return True
    except Exception:
        # A package that fails when it is imported: the collector describes the failure.
        return False


def _import_module(name: str) -> ModuleType:
    """Import a module, from the current directory first, as `python -m` does."""
    _add_working_directory()
    return import_module(name)


def _add_working_directory() -> None:
    directory = str(Path.cwd())
    if "" not in sys.path and directory not in sys.path:
        sys.path.insert(0, directory)


def _error_summary(error: BaseException) -> str:
    text = " ".join(str(error).split())[:150]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
