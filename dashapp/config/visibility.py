"""Whether a page with these settings may show the names of processes."""

from __future__ import annotations

from dashapp.config.settings import Settings


def shows_processes(settings: Settings) -> bool:
    """Return whether the page may show names of processes.

    `local` hides them from a page that others can reach without a password, and from a page without metrics
    of this machine.
    """
    if settings.processes == "local":
        return settings.reads_system and (bool(settings.password) or not is_public(settings))
    return settings.processes == "always"


def is_public(settings: Settings) -> bool:
    """Return whether others can reach the page: by its address, or by a name at a proxy."""
    return settings.public or bool(settings.hosts)
