"""Schemas: what the API's answers look like, in the words of JSON Schema. Knows no path."""

from __future__ import annotations

from typing import Any

from dashapp.api.params import LONGEST_CURSOR

Json = dict[str, Any]

NUMBER: Json = {"type": "number"}
TEXT: Json = {"type": "string"}
OR_NULL: Json = {"type": ["number", "null"]}
COLUMNS: Json = {"type": "object", "additionalProperties": {"type": "array", "items": OR_NULL}}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def shape(required: Json, optional: Json | None = None, **more: Any) -> Json:
    return {"type": "object", "required": [*required], "properties": required | (optional or {}), **more}


def array(of: Json) -> Json:
    return {"type": "array", "items": of}


SCHEMAS: Json = {
    "Error": shape({"error": TEXT}, description="One sentence: what is wrong, and what is expected."),
    "Metric": shape(
        {"key": TEXT, "label": TEXT, "unit": TEXT, "panel": TEXT, "low": OR_NULL, "high": OR_NULL},
        {"kind": TEXT},
    ),
    "Frame": shape(
        {
            "cursor": {**TEXT, "maxLength": LONGEST_CURSOR},
            "reset": {"type": "boolean"},
            "now": {**NUMBER, "description": "Epoch seconds; x-now has it to the millisecond."},
            "step": {**NUMBER, "description": "Seconds from point to point."},
            "t": {**array({"type": "integer"}), "description": "Epoch milliseconds, strictly rising."},
            "y": COLUMNS,
        },
        {
            "min": COLUMNS,
            "max": COLUMNS,
            "newest": {"type": "integer"},
            "tick": NUMBER,
            "last": {"type": "object", "additionalProperties": NUMBER},
            "broken": array(shape({"metric": TEXT, "text": TEXT, "since": OR_NULL})),
            "changes": {"type": "integer"},
            "notices": array(TEXT),
            "processes": {"type": ["object", "null"]},
            "hosts": array({"type": "object"}),
            "curves": {"type": "object"},
        },
    ),
    "Frames": shape({"frames": array({"anyOf": [ref("Frame"), ref("Error")]})}),
    "Alerts": shape(
        {
            "thresholds": array(
                shape(
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
            "log": array(
                shape(
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
    "Hosts": shape({"hosts": array({"type": "object"})}),
    "Health": shape({"status": {"enum": ["ok", "stale"]}, "age": OR_NULL}),
    "Link": shape({"path": TEXT, "until": {"type": "integer"}}),
    "Accepted": shape({"accepted": {"type": "integer"}}),
}
