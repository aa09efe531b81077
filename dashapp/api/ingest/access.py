"""Check the push token of a request, in each form in which clients send it."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from dashapp.http.middleware.client_address import ClientResolver, rate_limit_key
from dashapp.http.middleware.secret_check import WRONG_TOKEN, SecretCheck

MISSING = (
    "push token missing; send Authorization: Bearer, Token or Basic with the server's DASHAPP_PUSH_TOKEN"
)
MAX_QUERY_FIELDS = 32


class Refusal(NamedTuple):
    status: str
    sentence: str
    headers: tuple[tuple[str, str], ...]


class TokenAccess:
    def __init__(self, token: SecretCheck, clients: ClientResolver) -> None:
        self._token = token
        self._clients = clients

    def check(self, environ: Mapping[str, Any]) -> Refusal | None:
        """Return why a request is not allowed; None if it is."""
        token = sent_token(environ)
        if not token:
            return Refusal("401 Unauthorized", MISSING, (("www-authenticate", "Bearer"),))
        result = self._token.check_token(token, rate_limit_key(self._clients.address(environ)))
        if result == WRONG_TOKEN:
            return Refusal("401 Unauthorized", "invalid push token", (("www-authenticate", "Bearer"),))
        if result:
            sentence = f"too many wrong push tokens from this address; retry in {result} seconds"
            return Refusal("429 Too Many Requests", sentence, (("retry-after", str(result)),))
        return None


def sent_token(environ: Mapping[str, Any]) -> str:
    """Return the token of a request, empty if there is none.

    InfluxDB 1 sends it as the password of a user with any name, in a header or as `p` in the query.
    """
    scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    rest = rest.strip()
    if scheme.lower() in ("bearer", "token"):
        return str(rest)
    if scheme.lower() == "basic":
        try:
            return b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ""
    return query_value(environ, "p")


def query_value(environ: Mapping[str, Any], name: str) -> str:
    """Return the last value of a query parameter, empty if it is missing."""
    try:
        fields = parse_qs(environ.get("QUERY_STRING", ""), max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        return ""
    return str(fields.get(name, [""])[-1])
