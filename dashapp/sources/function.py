"""A Python function as a source: it returns a number, named numbers or whole curves."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dashapp.model.panel_spec import CURVE_KIND
from dashapp.model.panels import separate_panel
from dashapp.model.ticks import Curves, Metric
from dashapp.sources.loader import load_function
from dashapp.sources.named_curves import NamedCurves
from dashapp.sources.named_values import NamedValues, UnusableResultError, panel_name
from dashapp.sources.options import SourceOptions, declared_options
from dashapp.sources.polling import BackgroundSource

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger("dashapp")

# Seconds until a call counts as failed. It cannot be stopped and may still return later.
CALL_TIMEOUT_S = 10.0
MAX_LOGGED_TRACEBACKS = 20
# The start of Flask's message to a function that uses the application outside of a request.
FLASK_CONTEXT_MISSING = "Working outside of application context"


class FunctionSource:
    """Calls `module:function`, which it imports at the first reading.

    A slow import thus delays nothing else. The coroutine of an `async def` runs to its end in an event loop
    that persists between calls. All code runs in the thread that reads.
    """

    def __init__(
        self, spec: str, options: Mapping[str, Any], function: Callable[[], Any] | None = None
    ) -> None:
        """Use `function` if given, with `spec` as its name; otherwise import `spec`."""
        self.name = spec
        self._options = options
        self._callable = function
        self._function: Callable[[], Any] | None = None
        self._converter: NamedValues | NamedCurves = NamedValues("")
        # Seconds between readings, known after the import; 0 means at every tick.
        self.every = SourceOptions().replace(options).every or 0.0
        self.panel_kinds: Mapping[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._logged_places: set[object] = set()

    @property
    def status_message(self) -> str:
        """A sentence about the values that the last reading dropped."""
        return f"{self.name} {self._converter.rejection}" if self._converter.rejection else ""

    @property
    def curves(self) -> Mapping[str, Curves]:
        """The curves of the last reading by panel name."""
        return self._converter.curves if isinstance(self._converter, NamedCurves) else {}

    def read(self) -> Mapping[Metric, float]:
        """Call the function and return its numbers as metrics.

        Raises SourceError if the result has an unsupported type, and any exception of the function.
        """
        try:
            if self._function is None:
                self._function, self._converter = self._load()
            result = self._function()
            if inspect.isawaitable(result):
                result = self._run_coroutine(result)
        except Exception as error:
            self._log_once(error)
            if str(error).startswith(FLASK_CONTEXT_MISSING):
                name = self.name.rpartition(":")[2]
                hint = f"it needs the application's context; pass the function itself: sources=[{name}]"
                raise RuntimeError(hint) from error
            raise
        try:
            return self._converter.read(result)
        except UnusableResultError as error:
            raise UnusableResultError(f"{self.name} {error}") from None

    def _log_once(self, error: Exception) -> None:
        """Log the traceback of an error, once for each line of code that raises."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = (type(error), trace and (trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        if place not in self._logged_places and len(self._logged_places) < MAX_LOGGED_TRACEBACKS:
            self._logged_places.add(place)
            log.error("source %s failed", self.name, exc_info=error)

    def _load(self) -> tuple[Callable[[], Any], NamedValues | NamedCurves]:
        function = self._callable or load_function(self.name)
        options = declared_options(function).replace(self._options)
        self.every = options.every or 0.0
        name = self.name.rpartition(":")[2]
        converter_class = NamedCurves if options.kind == CURVE_KIND else NamedValues
        converter = converter_class(
            name,
            label=options.label or "",
            unit=options.unit or "",
            panel=options.panel or _panel_of(name, function),
            low=options.low,
            high=options.high,
        )
        self.panel_kinds = {converter.panel: options.kind} if options.kind else {}
        return function, converter

    def _run_coroutine(self, result: Any) -> Any:
        # Import late: asyncio is a tenth of the collector's memory, and only coroutines need it.
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()

        async def wait() -> Any:
            return await result

        return self._loop.run_until_complete(wait())

    def close(self) -> None:
        """Close the event loop."""
        if self._loop is not None:
            self._loop.close()


def _panel_of(name: str, function: Callable[[], Any]) -> str:
    """Return the function's name, after that of its module if the page itself uses it."""
    module = str(getattr(function, "__module__", None) or "__main__").rpartition(".")[2]
    name = panel_name(name)
    return separate_panel(name, f"{name}-function" if module == "__main__" else f"{module}-{name}")


def source_of_function(name: str, function: Callable[[], Any]) -> BackgroundSource:
    """Return a source for a function object; `name` is the prefix of its metrics."""
    return BackgroundSource(FunctionSource(name, {}, function), timeout=CALL_TIMEOUT_S, name=name)


def make_source(rest: str, interval: float, **options: Any) -> BackgroundSource:
    """Return the source for `module:function`.

    `options` are those of the decorator and take precedence over it. Raises ValueError if one is invalid.
    """
    return BackgroundSource(FunctionSource(rest, options), timeout=CALL_TIMEOUT_S, name=rest)
