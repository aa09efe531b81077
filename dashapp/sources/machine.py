"""The folders that the sources of the machine read."""

from __future__ import annotations

from dataclasses import dataclass

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
        """The file system of the machine."""
        return "/" if self.is_own else f"{self.proc}/1/root"


OWN_MACHINE = MachineFiles()
