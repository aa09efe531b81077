"""Checks of settings that are valid alone but conflict with each other."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dashapp.config.parsers import MEMORY_STORE
from dashapp.model.alerts.rules import rule_conflicts
from dashapp.model.formulas.derived import derived_conflicts
from dashapp.sources.spec import NO_SOURCE

if TYPE_CHECKING:
    from dashapp.config.settings import Settings


def validate_settings(settings: Settings, origins: Mapping[str, str], serving: bool) -> list[str]:
    """Return one sentence for each conflict.

    `origins`: the flag, variable or key of each setting. Without `serving` there are no checks of the page: a
    collector may read the web server's file and have neither its password nor its store.
    """
    problems = _page_conflicts(settings, origins) if serving else []
    if (
        settings.source
        and all(spec.name == NO_SOURCE for spec in settings.source)
        and not settings.push_token
    ):
        problems.append(
            f'{origins["source"]} is "{NO_SOURCE}" alone, which leaves nothing to read; add another source'
        )
    problems += [f"{origins['metric']} {problem}" for problem in derived_conflicts(settings.metric)]
    problems += [f"{origins['threshold']} {problem}" for problem in rule_conflicts(settings.threshold)]
    return problems


def _page_conflicts(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    problems = []
    host = settings.listen_address
    is_local = ipaddress.ip_address(host).is_loopback
    # If nothing sets the password, `origins` has a flag for it, which does not exist. A rejected password has
    # its own error.
    password_rejected = not settings.password and not origins["password"].startswith("--")
    if not (is_local or settings.public or settings.requires_authentication or password_rejected):
        problems.append(
            f'{origins["host"]} is "{host}", which other machines can reach; '
            "set DASHAPP_PASSWORD, or add --public to show the page to everyone"
        )
    if settings.proxy_user and not settings.trusted_proxy:
        problems.append(
            f'{origins["proxy_user"]} is "{settings.proxy_user}", which anyone could send; '
            "add --trusted-proxy with the addresses of the proxy"
        )
    if settings.store == MEMORY_STORE and settings.workers > 1:
        problems.append(
            f'{origins["workers"]} is "{settings.workers}"; expected 1 with '
            f"{origins['store']} {MEMORY_STORE}, "
            "which processes cannot share"
        )
    if settings.window > settings.max_window_s:
        problems.append(
            f'{origins["window"]} is "{settings.window:.10g}"; '
            f"expected at most the {settings.max_window_s:.10g} seconds of the history"
        )
    return problems
