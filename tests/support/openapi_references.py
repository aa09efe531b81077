"""References of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def resolve(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """`value`, or the part of `document` that it refers to."""
    if "$ref" not in value:
        return value
    part = document
    for name in value["$ref"].removeprefix("#/").split("/"):
        part = part[name]
    return part


def parameter_names(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        yield resolve(document, parameter)["name"]
