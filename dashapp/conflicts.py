"""Conflicts: settings that are right in themselves and cannot go together, a sentence each."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dashapp.sources.spec import NONE
from dashapp.values import MEMORY

if TYPE_CHECKING:
    from dashapp.config import Settings


def conflicts(settings: Settings, named: Mapping[str, str]) -> list[str]:
    """Settings that cannot go together; `named` tells where each came from."""
    problems = []
    host = settings.host
    if not (settings.public or host == "localhost" or ipaddress.ip_address(host).is_loopback):
        problems.append(
            f'{named["host"]} is "{host}", which others can reach; '
            "add --public to show them this machine's numbers"
        )
    if settings.store == MEMORY and settings.workers > 1:
        problems.append(
            f'{named["workers"]} is "{settings.workers}"; expected 1 with {named["store"]} {MEMORY}, '
            "which one process cannot share with another"
        )
    if settings.source and all(spec.name == NONE for spec in settings.source) and not settings.push_token:
        problems.append(f'{named["source"]} is "{NONE}" alone, which leaves nothing to read; add another')
    if settings.window > settings.longest:
        problems.append(
            f'{named["window"]} is "{settings.window:.10g}"; '
            f"expected at most the {settings.longest:.10g} seconds that are kept"
        )
    return problems
