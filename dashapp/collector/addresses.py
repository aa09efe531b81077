"""Addresses that alerts are sent to: whether they can be, asked of a courier before anything is started.

Tells them by their place and service alone: they may hold passwords.
"""

from __future__ import annotations

from dashapp.alerts import apprise_worker
from dashapp.config.settings import Settings

NAME = "DASHAPP_NOTIFY"


def bad_addresses(settings: Settings) -> list[str]:
    """A sentence for each that no message could go to, or one where none could."""
    if not settings.notify:
        return []
    reasons = apprise_worker.check(settings.notify)
    if set(reasons) == {apprise_worker.MISSING}:
        return [
            f"{NAME} has {len(reasons)} address{'es' if len(reasons) > 1 else ''}; {apprise_worker.MISSING}"
        ]
    return [
        f'{NAME} {place} ("{address.partition("://")[0][:40]}://…") is {reason}'
        for place, (address, reason) in enumerate(zip(settings.notify, reasons, strict=True), 1)
        if reason
    ]
