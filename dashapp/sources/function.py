"""A Python function as a source: a number, a mapping of names to numbers, or whole curves, at each call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dashapp.model.panel_spec import CURVE_KIND
from dashapp.model.ticks import Curves, Metric
from dashapp.sources.loader import load_function
from dashapp.sources.named_curves import NamedCurves
from dashapp.sources.named_values import NamedValues
from dashapp.sources.options import SourceOptions, declared_options
from dashapp.sources.polling import BackgroundSource

if TYPE_CHECKING:
    import asyncio

# Seconds after which a call is given up; it may come back later.
CALL_TIMEOUT_S = 10.0


class FunctionSource:
    """Calls `module:function`, which is imported at the first reading: a slow module holds up nobody.

    An `async def` runs to its end in an event loop that stays from one call to the next. All is done in
    the thread that reads.
    """

    def __init__(
        self, spec: str, options: Mapping[str, Any], function: Callable[[], Any] | None = None
    ) -> None:
        """`function`: where it is there already, and `spec` only its name."""
        self.name = spec
        self._options = options
        self._given = function
        self._function: Callable[[], Any] | None = None
        self._numbers: NamedValues | NamedCurves = NamedValues("")
        # Seconds between two readings, once it is known; 0 is at every tick.
        self.every = SourceOptions().replace(options).every or 0.0
        self.panel_kinds: Mapping[str, str] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def status_message(self) -> str:
        """What the last reading left out."""
        return f"{self.name} {self._numbers.rejected}" if self._numbers.rejected else ""

    @property
    def curves(self) -> Mapping[str, Curves]:
        """What the last reading gave of them, by their panel's name."""
        return self._numbers.curves if isinstance(self._numbers, NamedCurves) else {}

    def read(self) -> Mapping[Metric, float]:
        """TypeError where the function answers with something else than it may; raises what it raises."""
        if self._function is None:
            self._function, self._numbers = self._load()
        answer = self._function()
        return self._numbers.read(self._run_coroutine(answer) if inspect.isawaitable(answer) else answer)

    def _load(self) -> tuple[Callable[[], Any], NamedValues | NamedCurves]:
        function = self._given or load_function(self.name)
        said = declared_options(function).replace(self._options)
        self.every = said.every or 0.0
        name = self.name.rpartition(":")[2]
        made = NamedCurves if said.kind == CURVE_KIND else NamedValues
        numbers = made(
            name,
            label=said.label or "",
            unit=said.unit or "",
            panel=said.panel or name,
            low=said.low,
            high=said.high,
        )
        self.panel_kinds = {numbers.panel: said.kind} if said.kind else {}
        return function, numbers

    def _run_coroutine(self, answer: Any) -> Any:
        # A collector without such a function does without asyncio, which is a tenth of its memory.
        import asyncio

        if self._loop is None:
            self._loop = asyncio.new_event_loop()

        async def whole() -> Any:
            return await answer

        return self._loop.run_until_complete(whole())

    def close(self) -> None:
        """Let go of the event loop."""
        if self._loop is not None:
            self._loop.close()


def source_of_function(name: str, function: Callable[[], Any]) -> BackgroundSource:
    """A function that is at hand, by a name for its metrics."""
    return BackgroundSource(FunctionSource(name, {}, function), timeout=CALL_TIMEOUT_S, name=name)


def make_source(rest: str, interval: float, **options: Any) -> BackgroundSource:
    """`options` say what the decorator may, and win over it. ValueError where one cannot be."""
    return BackgroundSource(FunctionSource(rest, options), timeout=CALL_TIMEOUT_S, name=rest)
