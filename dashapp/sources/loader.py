"""Importing: the function that `module:function` names, or one sentence on why there is none.

The name is the operator's own, from a flag, a variable or the settings file; nothing else leads here.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from dashapp.model.text import suggest


def load_function(spec: str) -> Callable[[], Any]:
    """The function. Raises whatever its module does."""
    module, _, name = spec.partition(":")
    function: Callable[[], Any] = getattr(_import_module(module), name)
    return function


def load_function_or_explain(spec: str) -> Callable[[], Any]:
    """The same. ValueError, in words for a person, where there is no function that can be called so."""
    module, _, name = spec.partition(":")
    try:
        found = _import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise ValueError(f"{module} cannot be imported: {_error_summary(error)}") from None
        hint = suggest(module, [path.stem for path in Path.cwd().glob("*.py")])
        raise ValueError(f"there is no module {error.name} in {Path.cwd()}{hint}") from None
    except (Exception, SystemExit) as error:
        # The module is somebody else's code; whatever it raises is the reason.
        raise ValueError(f"{module} cannot be imported: {_error_summary(error)}") from None
    function = getattr(found, name, None)
    if function is None:
        raise ValueError(f"{module} has no function {name}{suggest(name, dir(found))}")
    if not callable(function):
        raise ValueError(f"{name} is of type {type(function).__name__}; expected a function")
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise ValueError(f"{name} cannot be called: {error}; expected a function without arguments") from None
    except ValueError:
        pass  # one written in C does not tell
    return function  # type: ignore[no-any-return]


def _import_module(name: str) -> ModuleType:
    """The module, from the current folder first, as with `python -m`."""
    here = str(Path.cwd())
    if "" not in sys.path and here not in sys.path:
        sys.path.insert(0, here)
    return import_module(name)


def _error_summary(error: BaseException) -> str:
    text = " ".join(str(error).split())[:150]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
