"""What a sheet says, as JSON and back: the catalogue, looks, the newest curves, alerts.

Knows neither files nor Redis. Reading, whatever is none of what we wrote is as if nothing stood there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from dashapp.model.thresholds import AlertChange, AlertState, Threshold
from dashapp.model.ticks import Curves, Metric, to_milliseconds
from dashapp.stores.base import MAX_CHANGES

Content = TypeVar("Content")


def encode_metrics(metrics: Iterable[Metric]) -> str:
    return json.dumps([asdict(metric) for metric in metrics])


def encode_panel_kinds(looks: Mapping[str, str]) -> str:
    return json.dumps(dict(looks))


def encode_curves(curves: Mapping[str, Curves]) -> str:
    # Not asdict, which copies each number.
    keys = [each.name for each in fields(Curves)]
    return json.dumps({name: {key: getattr(each, key) for key in keys} for name, each in curves.items()})


def encode_thresholds(states: Iterable[AlertState]) -> str:
    return json.dumps([(each.threshold.text, each.firing, _to_ms(each.since)) for each in states])


def encode_changes(changes: Iterable[AlertChange]) -> str:
    newest = list(changes)[-MAX_CHANGES:]
    return json.dumps(
        [(each.number, each.threshold.text, each.firing, _to_ms(each.time), each.value) for each in newest]
    )


def encode_sent(sent: Mapping[str, int]) -> str:
    return json.dumps(dict(sent))


def decode_metrics(text: str | bytes | None) -> list[Metric]:
    return _decode(text, lambda rows: [Metric(**row) for row in rows], [])


def decode_panel_kinds(text: str | bytes | None) -> dict[str, str]:
    return _decode(text, lambda found: {str(name): str(kind) for name, kind in found.items()}, {})


def decode_curves(text: str | bytes | None) -> dict[str, Curves]:
    return _decode(text, lambda panels: {name: Curves(**each) for name, each in panels.items()}, {})


def decode_thresholds(text: str | bytes | None) -> list[AlertState]:
    def states(rows: Any) -> list[AlertState]:
        return [
            AlertState(Threshold.parse(text), broken is True, None if since is None else since / 1000)
            for text, broken, since in rows
        ]

    return _decode(text, states, [])


def decode_changes(text: str | bytes | None) -> list[AlertChange]:
    def found(rows: Any) -> list[AlertChange]:
        known: dict[str, Threshold] = {}
        made = []
        for number, text, broken, time, value in rows:
            threshold = known.setdefault(text, Threshold.parse(text))
            value = None if value is None else float(value)
            made.append(AlertChange(threshold, broken is True, time / 1000, value, int(number)))
        return made

    return _decode(text, found, [])


def decode_sent(text: str | bytes | None) -> dict[str, int]:
    return _decode(text, lambda marks: {address: int(number) for address, number in marks.items()}, {})


def _decode(text: str | bytes | None, parse: Callable[[Any], Content], empty: Content) -> Content:
    try:
        return empty if text is None else parse(json.loads(text))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return empty


def _to_ms(time: float | None) -> int | None:
    return None if time is None else to_milliseconds(time)
