"""Push requests for process tests: the server's environment, and one request."""

from __future__ import annotations

import http.client
import json
from contextlib import closing

from processes import Dashapp
from push_pipeline import TOKEN
from waiting import PATIENCE_S

ENV = {"DASHAPP_PUSH_TOKEN": TOKEN}
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def push(app: Dashapp, metrics: dict[str, float]) -> tuple[int, dict[str, object]]:
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/api/push", json.dumps({"metrics": metrics}), HEADERS)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
