"""Names of containers from the socket of Docker or Podman.

A thread sends one GET for all containers, so that no reading waits for the daemon.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Mapping
from threading import Condition, Thread

from dashapp.model.notices import os_error_reason
from dashapp.process.threads import start_thread
from dashapp.sources.named_values import plain_label
from dashapp.sources.system.groups.container_names import kubernetes_name

TIMEOUT_S = 2.0
# Seconds between two requests at least, however many unknown containers there are.
MIN_INTERVAL_S = 1.0
# Seconds until the next request for names that have changed, or that a container did not have.
REFRESH_INTERVAL_S = 60.0
# Seconds without an answer after which a container appears by its id.
MAX_WAIT_S = 3.0
# Larger than the list of 2,000 containers with their labels.
MAX_RESPONSE_BYTES = 32_000_000
_LIST_PATH = "/containers/json?all=1"


class DockerNames:
    """Knows the names of containers by id; `path` is that of the socket."""

    def __init__(
        self, path: str, timeout: float = TIMEOUT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.status_message = ""
        self._path = path
        self._timeout = timeout
        self._clock = clock
        self._names: Mapping[str, str] = {}
        # When each container without a name was first requested, and which of them an answer lacks.
        self._requested: dict[str, float] = {}
        self._unnamed: frozenset[str] = frozenset()
        self._last_start = float("-inf")
        self._is_pending = False
        self._condition = Condition()
        self._thread: Thread | None = None

    def name(self, container_id: str) -> str | None:
        """Return the name of a container, empty text if it has none, None if that is not known yet.

        Never waits.
        """
        now = self._clock()
        with self._condition:
            name = self._names.get(container_id, "")
            is_known = bool(name) or container_id in self._unnamed
            if not is_known:
                self._requested.setdefault(container_id, now)
            age = now - self._last_start
            if not self._is_pending and age >= (REFRESH_INTERVAL_S if is_known else MIN_INTERVAL_S):
                self._request(now)
            if is_known or now - self._requested[container_id] >= MAX_WAIT_S:
                return name
            return None

    def _request(self, now: float) -> None:
        self._is_pending, self._last_start = True, now
        if self._thread is None:
            self._thread = start_thread("names of containers", self._run)
        self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._is_pending)
                requested = list(self._requested)
            names, problem = self._list()
            with self._condition:
                # After a failure the earlier names stay.
                self._names = self._names if names is None else names
                self._unnamed = frozenset(each for each in requested if each not in self._names)
                self._requested = {each: at for each, at in self._requested.items() if each not in requested}
                self.status_message = problem
                self._is_pending = False

    def _list(self) -> tuple[Mapping[str, str] | None, str]:
        """Return the names by id, None if there is no answer, and a sentence about that."""
        connection = _SocketConnection(self._path, self._timeout)
        try:
            connection.request("GET", _LIST_PATH)
            response = connection.getresponse()
            body = response.read(MAX_RESPONSE_BYTES)
            if response.status == 200:
                return _parse_names(body), ""
            reason = f"status {response.status}"
        except TimeoutError:
            reason = f"no answer in {self._timeout:g} s"
        except OSError as error:
            reason = os_error_reason(error)
        except (http.client.HTTPException, ValueError, TypeError, AttributeError, LookupError):
            reason = "an unexpected answer"
        finally:
            connection.close()
        return None, (
            f"The socket of --docker does not name containers ({reason}); check that the daemon runs "
            "and that this user may use its socket"
        )


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._socket_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._socket_path)


def _parse_names(body: bytes) -> Mapping[str, str]:
    """Return the names of a list of containers.

    ValueError, TypeError, AttributeError or LookupError if it is none.
    """
    names = {}
    for container in json.loads(body):
        # A link gives further names, such as /other/alias.
        own = [name for name in container.get("Names") or () if name.lstrip("/") and "/" not in name[1:]]
        if own:
            names[str(container["Id"])] = plain_label(kubernetes_name(own[0].lstrip("/")))
    return names
