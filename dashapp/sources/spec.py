"""A spec: what a setting says about one source, `NAME`, `NAME:REST` or `module:function`.

Knows the names that are built in, and imports none of what they name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dashapp.model.text import suggest
from dashapp.sources.options import SourceOptions

# Each but the first two names what makes it, `make(rest, interval, **options)`: the text after the colon, the
# seconds between ticks, and what a settings file says beside it. It starts and opens nothing, and raises
# ValueError, with what it expects instead, for what it cannot be.
MACHINE_SOURCE, NO_SOURCE = "machine", "none"
BUILT_IN = {
    MACHINE_SOURCE: "",
    NO_SOURCE: "",
    "demo": "dashapp.sources.external.demo:make_source",
    "prometheus": "dashapp.sources.external.prometheus:make_source",
    "quotes": "dashapp.sources.external.quotes:make_source",
    "replay": "dashapp.sources.external.replay:make_source",
    "stdin": "dashapp.sources.external.stdin:make_source",
}
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
EXPECTED = f"{', '.join(BUILT_IN)} or a Python function as module:function"


@dataclass(frozen=True)
class SourceSpec:
    """One source as it was asked for: `text`, and the options that a settings file gives beside it."""

    text: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The built-in name; empty for a function."""
        name = self.text.partition(":")[0]
        return name if name in BUILT_IN else ""

    @property
    def rest(self) -> str:
        """What stands after the first colon."""
        return self.text.partition(":")[2]

    @staticmethod
    def from_table(table: Mapping[str, Any]) -> SourceSpec:
        """A settings file's `[[source]]`: `use`, and options. ValueError, with what is expected."""
        use = table.get("use")
        if not isinstance(use, str):
            raise ValueError(f"there is no `use` in it; expected use = one of {EXPECTED}")
        try:
            spec = SourceSpec.parse(use)
        except ValueError as error:
            raise ValueError(f'use is "{use[:80]}"; {error}') from None
        options = {name: value for name, value in table.items() if name != "use"}
        if options and spec.name in (MACHINE_SOURCE, NO_SOURCE):
            raise ValueError(f"{spec.name} has no options; expected use alone")
        if not spec.name:
            SourceOptions().replace(options)
        return SourceSpec(spec.text, options)

    @staticmethod
    def parse(text: str) -> SourceSpec:
        """ValueError, with what is expected, where it can be no source."""
        spec = SourceSpec(text.strip())
        if spec.name in (MACHINE_SOURCE, NO_SOURCE) and spec.rest:
            raise ValueError(f"expected {spec.name} alone")
        if spec.name or _FUNCTION.fullmatch(spec.text):
            return spec
        raise ValueError(f"expected {EXPECTED}{suggest(spec.text.partition(':')[0], BUILT_IN)}")
