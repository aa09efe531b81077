"""Parse the setting of one source: `NAME`, `NAME:REST` or `module:function`.

It lists the built-in names and imports none of their modules.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashapp.model.text import suggest
from dashapp.sources.options import SourceOptions

# Each name but the first two has a factory, `make(rest, interval, **options)`. `rest` is the text after the
# colon, `interval` the seconds between ticks, and `options` come from the settings file. A factory starts and
# opens nothing. It raises ValueError with what it expects.
MACHINE_SOURCE, NO_SOURCE = "machine", "none"
BUILT_IN = {
    MACHINE_SOURCE: "",
    NO_SOURCE: "",
    "check": "dashapp.sources.external.checks.source:make_source",
    "demo": "dashapp.sources.external.demo:make_source",
    "exec": "dashapp.sources.external.programs.source:make_source",
    "prometheus": "dashapp.sources.external.prometheus:make_source",
    "quotes": "dashapp.sources.external.quotes:make_source",
    "replay": "dashapp.sources.external.replay:make_source",
    "stdin": "dashapp.sources.external.stdin:make_source",
    "statsd": "dashapp.sources.external.statsd.source:make_source",
}
# Sources of which there can be many, each with a name: `#NAME` at the end.
NAMED_SOURCES = ("check", "exec")
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
EXPECTED = f"{', '.join(BUILT_IN)} or a Python function as module:function"


@dataclass(frozen=True)
class SourceSpec:
    """One requested source: `text`, and the options of a settings file."""

    text: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The built-in name, or empty text for a function."""
        name = self.text.partition(":")[0]
        return name if name in BUILT_IN else ""

    @property
    def rest(self) -> str:
        """The text after the first colon."""
        return self.text.partition(":")[2]

    @staticmethod
    def from_table(table: Mapping[str, Any]) -> SourceSpec:
        """Return the source of a `[[source]]` table in a settings file: `use`, and options.

        Raises ValueError with what is expected.
        """
        use = table.get("use")
        if not isinstance(use, str):
            raise ValueError(f"`use` is missing; expected one of {EXPECTED}")
        try:
            spec = SourceSpec.parse(use)
        except ValueError as error:
            raise ValueError(f'use is "{use[:80]}"; {error}') from None
        options = {name: value for name, value in table.items() if name != "use"}
        if options and spec.name in (MACHINE_SOURCE, NO_SOURCE):
            raise ValueError(f"{spec.name} has no options; expected only `use`")
        if not spec.name:
            SourceOptions().replace(options)
        return SourceSpec(spec.text, options)

    @staticmethod
    def parse(text: str) -> SourceSpec:
        """Return the source for a setting; raises ValueError with what is expected."""
        spec = SourceSpec(text.strip())
        if spec.name in (MACHINE_SOURCE, NO_SOURCE) and spec.rest:
            raise ValueError(f"expected {spec.name} without an argument")
        if spec.name or _FUNCTION.fullmatch(spec.text):
            return spec
        raise ValueError(f"expected {EXPECTED}{suggest(spec.text.partition(':')[0], BUILT_IN)}")


# The folders of the machine that this process runs on.
OWN_PROC, OWN_SYS = "/proc", "/sys"


@dataclass(frozen=True)
class MachineFiles:
    """The folders of the kernel, and the socket of Docker.

    In a container, `proc` and `sys` can be the folders of the host. `docker` is the path of a socket; without
    one nothing connects to Docker.
    """

    proc: str = OWN_PROC
    sys: str = OWN_SYS
    docker: str = ""

    @property
    def is_own(self) -> bool:
        """Whether the processes in `proc` are those of this process's own namespace."""
        return self.proc == OWN_PROC

    @property
    def network_proc(self) -> str:
        """The folder that contains `net`. In another /proc, `net` itself is that of this process."""
        return self.proc if self.is_own else f"{self.proc}/1"

    @property
    def root(self) -> str:
        """The folder in which the file systems of the machine are.

        For another machine that is `root` beside its /proc, or the link of the kernel. Only root may follow
        that link, so a container without privileges needs a mount of the folder.
        """
        if self.is_own:
            return "/"
        mounted = Path(self.proc).parent / "root"
        return str(mounted) if mounted.is_dir() else f"{self.proc}/1/root"

    @property
    def mounts(self) -> str:
        """The file that lists the mounted file systems, with paths below `root`."""
        return f"{self.proc}/self/mounts" if self.is_own else f"{self.proc}/1/mounts"

    @property
    def boot_id(self) -> Path:
        """The file with the id of this start of the machine."""
        return Path(self.proc, "sys/kernel/random/boot_id")

    @property
    def host_name(self) -> str:
        """The name of the machine; in a container without `root`, that of the container."""
        if not self.is_own:
            with suppress(OSError, UnicodeDecodeError):
                if name := Path(self.root, "etc/hostname").read_text("utf-8").strip():
                    return name
        return socket.gethostname()


OWN_MACHINE = MachineFiles()
