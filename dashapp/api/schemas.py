"""Schemas: what the API's answers look like, in the words of JSON Schema. Knows no path."""

from __future__ import annotations

from typing import Any

from dashapp.api.params import MAX_CURSOR_LENGTH

Json = dict[str, Any]

NUMBER: Json = {"type": "number"}
TEXT: Json = {"type": "string"}
OR_NULL: Json = {"type": ["number", "null"]}
COLUMNS: Json = {"type": "object", "additionalProperties": {"type": "array", "items": OR_NULL}}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def object_schema(required: Json, optional: Json | None = None, **more: Any) -> Json:
    return {"type": "object", "required": [*required], "properties": required | (optional or {}), **more}


def array_schema(of: Json) -> Json:
    return {"type": "array", "items": of}


SCHEMAS: Json = {
    "Error": object_schema({"error": TEXT}, description="One sentence: what is wrong, and what is expected."),
    "Metric": object_schema(
        {"key": TEXT, "label": TEXT, "unit": TEXT, "panel": TEXT, "low": OR_NULL, "high": OR_NULL},
        {"kind": TEXT},
    ),
    "Frame": object_schema(
        {
            "cursor": {**TEXT, "maxLength": MAX_CURSOR_LENGTH},
            "reset": {"type": "boolean"},
            "now": {**NUMBER, "description": "Epoch seconds; x-now has it to the millisecond."},
            "step": {**NUMBER, "description": "Seconds from point to point."},
            "t": {**array_schema({"type": "integer"}), "description": "Epoch milliseconds, strictly rising."},
            "y": COLUMNS,
        },
        {
            "min": COLUMNS,
            "max": COLUMNS,
            "newest": {"type": "integer"},
            "tick": NUMBER,
            "last": {"type": "object", "additionalProperties": NUMBER},
            "broken": array_schema(object_schema({"metric": TEXT, "text": TEXT, "since": OR_NULL})),
            "changes": {"type": "integer"},
            "notices": array_schema(TEXT),
            "processes": {"type": ["object", "null"]},
            "hosts": array_schema({"type": "object"}),
            "curves": {"type": "object"},
        },
    ),
    "Frames": object_schema({"frames": array_schema({"anyOf": [ref("Frame"), ref("Error")]})}),
    "Alerts": object_schema(
        {
            "thresholds": array_schema(
                object_schema(
                    {
                        "text": TEXT,
                        "metric": TEXT,
                        "op": TEXT,
                        "limit": OR_NULL,
                        "for": NUMBER,
                        "state": {"enum": ["broken", "ok", "unknown"]},
                        "since": OR_NULL,
                    }
                )
            ),
            "log": array_schema(
                object_schema(
                    {
                        "number": {"type": "integer"},
                        "text": TEXT,
                        "metric": TEXT,
                        "state": {"enum": ["broken", "ok"]},
                        "time": {"type": "integer"},
                        "value": OR_NULL,
                        "sent": {"type": ["boolean", "null"]},
                    }
                )
            ),
        }
    ),
    "Hosts": object_schema({"hosts": array_schema({"type": "object"})}),
    "Health": object_schema({"status": {"enum": ["ok", "stale"]}, "age": OR_NULL}),
    "Link": object_schema({"path": TEXT, "until": {"type": "integer"}}),
    "Accepted": object_schema({"accepted": {"type": "integer"}}),
}
