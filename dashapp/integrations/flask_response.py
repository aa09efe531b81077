"""Responses of our pages as a route of a Flask application with hooks of its own."""

from __future__ import annotations

from typing import Any

from flask import Response
from werkzeug.datastructures import Headers

_POLICY = "content-security-policy"


class MountedResponse(Response):
    """A response that `after_request` hooks may extend, except for two headers.

    The page's own Content-Security-Policy stays: its scripts and frames need it. Only pages carry cookies:
    the poll of each second would prolong a session for ever, and overwrite a newer one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._policy = self.headers.get(_POLICY)
        # Werkzeug gives a 304, which has no content type, the type of a page.
        self._is_page = self.mimetype == "text/html" and self.status_code != 304

    def get_wsgi_headers(self, environ: Any) -> Headers:
        headers = super().get_wsgi_headers(environ)
        if self._policy is not None:
            headers[_POLICY] = self._policy
        if not self._is_page:
            headers.remove("set-cookie")
        return headers
