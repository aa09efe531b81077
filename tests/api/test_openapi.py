"""The API conforms to its OpenAPI document: schemathesis sends valid and invalid requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from authenticated_app import PASSWORD, TOKEN, guarded
from hypothesis import HealthCheck, assume, given, settings
from openapi_references import parameter_names, resolve
from processes import dashapp
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from thorough import amount
from waiting import PATIENCE_S, wait_for
from wsgi_client import ask

from dashapp.api import badge as api_badge
from dashapp.api import csv_export, params, push
from dashapp.api.endpoints import PATHS
from dashapp.api.frame_builder import MAX_QUERIES_PER_REQUEST
from dashapp.api.ingest import otlp
from dashapp.api.ingest.influx import MAX_LINES
from dashapp.api.ingest.line_protocol import PRECISIONS
from dashapp.api.ingest.series_writer import MAX_BODY_BYTES
from dashapp.api.openapi import OPENAPI_PATH, PUSH_PATHS, openapi_document
from dashapp.config.settings import MIN_WINDOW_S, Settings, parse_settings
from dashapp.http.middleware import share_links
from dashapp.http.streams import STREAM_PATH
from dashapp.http.types import WSGIApp
from dashapp.model.ticks import MAX_EPOCH_MS, MAX_VALUE
from dashapp.stores.documents import MAX_CHANGES

ALERT_PATH = "/api/alerts/{action}"

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    negative_data_rejection,
]

BEARER = {"Authorization": f"Bearer {PASSWORD}"}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    environ = {"DASHAPP_PASSWORD": PASSWORD, "DASHAPP_PUSH_TOKEN": TOKEN}
    with dashapp(tmp_path_factory.mktemp("openapi"), env=environ) as app:
        app.serving()
        wait_for(lambda: app.get("/readyz", Authorization=BEARER["Authorization"])[0] == 200)
        yield schemathesis.openapi.from_url(f"http://127.0.0.1:{app.port}{OPENAPI_PATH}", headers=BEARER)


SETTINGS = parse_settings(["--store", "memory:"], {"DASHAPP_PUSH_TOKEN": TOKEN, "DASHAPP_PASSWORD": PASSWORD})
OPERATIONS = openapi_document(SETTINGS)["paths"]


def operations() -> Iterator[tuple[str, str, GenerationMode]]:
    """Yield each operation with valid input, and with invalid input if it can have any."""
    for path, methods in OPERATIONS.items():
        # Responses of this path have no end; tests/api/streaming reads them.
        if path == STREAM_PATH:
            continue
        for method, operation in methods.items():
            yield path, method, GenerationMode.POSITIVE
            # A number is text in a query, and one value is a list of one: no input of /api/frames is invalid.
            # Lines are text, and an empty body has no invalid one.
            has_invalid = path not in ("/api/frames", "/write", "/api/v2/write", "/v1/metrics")
            if has_invalid and (operation.get("parameters") or "requestBody" in operation):
                yield path, method, GenerationMode.NEGATIVE


@pytest.mark.parametrize(("path", "method", "mode"), [*operations()])
def test_api_conforms_to_openapi_document(schema: Any, path: str, method: str, mode: GenerationMode) -> None:
    token = TOKEN if path in PUSH_PATHS else PASSWORD

    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=amount(12, 50), derandomize=True, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        # A URL cannot carry an empty list or object, so the request would be valid.
        assume(all(value not in ([], {}) for value in (case.query or {}).values()))
        headers = {"Authorization": f"Bearer {token}"}
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=PATIENCE_S)

    check()


@pytest.fixture(scope="module")
def app() -> WSGIApp:
    return guarded(push_token=TOKEN)


def test_openapi_describes_every_path_and_parameter() -> None:
    found = openapi_document(
        parse_settings(["--store", "memory:"], {"DASHAPP_PUSH_TOKEN": TOKEN, "DASHAPP_PASSWORD": PASSWORD})
    )
    badge = "/api/badge/{key}.svg"
    assert {*PATHS, badge, "/metrics", *PUSH_PATHS, "/api/share", ALERT_PATH, OPENAPI_PATH} == set(
        found["paths"]
    )
    assert "/api/hosts" in openapi_document(parse_settings(["--store", "memory:"], {}), many=True)["paths"]
    assert set(parameter_names(found, found["paths"]["/api/ticks"]["get"])) == set(params.PARAMETERS)
    stream = {*params.PARAMETERS, "q", "Last-Event-ID"} - {"from", "to"}
    assert set(parameter_names(found, found["paths"][STREAM_PATH]["get"])) == stream
    assert set(parameter_names(found, found["paths"][badge]["get"])) == {"key", *api_badge.PARAMETERS}
    assert set(parameter_names(found, found["paths"]["/api/csv"]["get"])) == set(csv_export.PARAMETERS)


def test_openapi_has_the_limits_of_the_code() -> None:
    configured = Settings(push_token=TOKEN, password=PASSWORD)
    document = openapi_document(configured)
    paths, schemas = document["paths"], document["components"]["schemas"]
    ticks = [resolve(document, each) for each in paths["/api/ticks"]["get"]["parameters"]]
    (after,) = [each["schema"] for each in ticks if each["name"] == "after"]
    value = schemas["PushEntry"]["properties"]["metrics"]["additionalProperties"]
    share = schemas["Share"]["properties"]
    assert schemas["Window"] == {
        "type": "number",
        "minimum": MIN_WINDOW_S,
        "maximum": configured.max_window_s,
    }
    assert schemas["Time"]["maximum"] == MAX_EPOCH_MS
    assert schemas["Names"]["description"].startswith(f"1 to {params.MAX_METRICS_PER_QUERY},")
    assert after["maxLength"] == params.MAX_CURSOR_LENGTH
    assert schemas["Frame"]["properties"]["cursor"]["maxLength"] == params.MAX_CURSOR_LENGTH
    assert paths["/api/frames"]["get"]["parameters"][0]["schema"]["maxItems"] == MAX_QUERIES_PER_REQUEST
    assert paths["/api/alerts"]["get"]["parameters"][0]["schema"]["maximum"] == MAX_CHANGES
    assert paths["/api/push"]["post"]["responses"]["413"]["description"] == (
        f"The body has more than {push.MAX_BODY_BYTES} bytes."
    )
    for path in ("/write", "/api/v2/write"):
        operation = paths[path]["post"]
        assert operation["responses"]["413"]["description"].startswith(
            f"The body, or its content, has more than {MAX_BODY_BYTES} bytes"
        )
        assert operation["requestBody"]["description"] == f"Up to {MAX_LINES:,} lines, also with gzip."
        assert operation["parameters"][0]["schema"]["enum"] == [*PRECISIONS]
    assert paths["/v1/metrics"]["post"]["responses"]["413"]["description"].startswith(
        f"The body, or its content, has more than {otlp.MAX_BODY_BYTES} bytes"
    )
    assert (value["minimum"], value["maximum"]) == (-MAX_VALUE, MAX_VALUE)
    assert share["panels"]["maxItems"] == share_links.MAX_PANELS
    assert share["panels"]["items"]["maxLength"] == share_links.MAX_PANEL_NAME_LENGTH
    assert share["days"]["enum"] == [*share_links.ALLOWED_DAYS]


def test_openapi_omits_disabled_paths() -> None:
    found = openapi_document(parse_settings(["--store", "memory:"], {}))
    assert not set(PUSH_PATHS) & found["paths"].keys()
    assert "/api/share" not in found["paths"]
    assert "security" not in found


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for name, text in value.items() if name == "$ref")
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_openapi_references_are_defined_and_secrets_omitted(app: WSGIApp) -> None:
    found = ask(app, OPENAPI_PATH, authorization=f"Bearer {PASSWORD}").json
    assert found["openapi"].startswith("3.1")
    for reference in references(found):
        assert resolve(found, {"$ref": reference}), reference
    assert PASSWORD not in json.dumps(found)
    assert TOKEN not in json.dumps(found)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_openapi_rejects_write_methods(app: WSGIApp, method: str) -> None:
    assert ask(app, OPENAPI_PATH, method=method, authorization=f"Bearer {PASSWORD}").status == 405
