"""Host paths: `/host/NAME/…` is the page and API of a host, `/host/A,B/…` compares several.

A WSGI layer that removes this part from the path, as mounting does. All hosts use the same application below,
which finds its target in the environ.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from dashapp.api.endpoints import utc_now
from dashapp.config.parsers import HOST_NAME
from dashapp.http.responses import error_response, redirect, redirect_to_slash
from dashapp.http.streams import may_block
from dashapp.http.types import StartResponse, WSGIApp
from dashapp.model.text import quote_value
from dashapp.model.ticks import BadRequestError
from dashapp.query.host_reader import ClockSkews, HostReader
from dashapp.query.overlay import OverlayReader
from dashapp.stores.base import Reader
from dashapp.stores.hosts import Host, HostStore, default_host, sorted_hosts
from dashapp.stores.memory import MemoryStore

HOST_PREFIX = "/host/"
# Key of the target in the environ.
ENVIRON_KEY = "dashapp.place"
# Most hosts in one comparison, and most targets in the cache.
MAX_COMPARED_HOSTS, MAX_CACHED_TARGETS = 32, 64
# The requested names, the known ones of them, and whether the page is at the root.
TargetKey = tuple[tuple[str, ...], tuple[str, ...], bool]


@dataclass(frozen=True)
class PageTarget:
    """The data of a page. `names` is empty if the store has one host. `top`: at the root."""

    reader: Reader
    names: tuple[str, ...] = ()
    now: Callable[[], float] = utc_now
    top: bool = False

    @property
    def label(self) -> str:
        """Part of the name of a downloaded file."""
        return self.names[0] if len(self.names) == 1 else f"{len(self.names)}-hosts" if self.names else ""

    def is_host(self, own_host: str) -> bool:
        """Return whether this is the page of the machine that serves it."""
        return not self.names or self.names == (own_host,)


class HostRouter:
    """Serves a page for each host, with the application that `serve` builds for a target.

    At the root is the page of `own_host`, or of the first host. `default_app` serves the root while no host
    exists, or while the own host `is_expected` and has not written yet.
    """

    def __init__(
        self,
        hosts: HostStore,
        default_app: WSGIApp,
        serve: Callable[[PageTarget], WSGIApp],
        own_host: str = "",
        is_expected: bool = False,
    ) -> None:
        self._is_expected = is_expected
        self._default_name = ""
        self._hosts = hosts
        self._default_app = default_app
        self._serve = serve
        self._own_host = own_host
        self._skews = ClockSkews(hosts)
        self._lock = Lock()
        self._cache: OrderedDict[TargetKey, tuple[PageTarget, WSGIApp]] = OrderedDict()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(HOST_PREFIX):
            return self._root(environ, start_response)
        if path == HOST_PREFIX:
            return redirect(start_response, "../")
        part, slash, rest = path[len(HOST_PREFIX) :].partition("/")
        try:
            names = parse_host_names(part)
        except BadRequestError as error:
            return error_response(start_response, "400 Bad Request", str(error))
        if not slash:
            return redirect_to_slash(part, environ, start_response)
        hosts = self._known_hosts(environ)
        data = rest.startswith("api/") or rest in ("healthz", "readyz", "metrics")
        if data and not any(name in hosts for name in names):
            return error_response(start_response, "404 Not Found", unknown_hosts_error(names))
        known = [name for name in names if name in hosts]
        target, app = self._target(names, known, environ, top=False)
        path_variables = {
            "SCRIPT_NAME": f"{environ.get('SCRIPT_NAME', '')}{HOST_PREFIX}{part}",
            "PATH_INFO": f"/{rest}",
        }
        return app({**environ, **path_variables, ENVIRON_KEY: target}, start_response)

    def _root(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        hosts = self._known_hosts(environ)
        if not hosts or (self._is_expected and self._own_host not in hosts):
            return self._default_app(environ, start_response)
        name = self._default_host(hosts)
        target, app = self._target((name,), [name], environ, top=True)
        return app({**environ, ENVIRON_KEY: target}, start_response)

    def _known_hosts(self, environ: Mapping[str, Any]) -> dict[str, Host]:
        if not self._hosts.is_loaded:
            may_block(environ)
        return sorted_hosts(self._hosts)

    def _default_host(self, hosts: Mapping[str, Host]) -> str:
        """Return the own host, or one that sends data. It stays the same as long as it exists."""
        if self._own_host in hosts or self._default_name not in hosts:
            self._default_name = default_host(hosts, self._own_host, self._hosts.now_ms())
        return self._default_name

    def _target(
        self, names: tuple[str, ...], hosts: Sequence[str], environ: Mapping[str, Any], top: bool
    ) -> tuple[PageTarget, WSGIApp]:
        key = (names, tuple(hosts), top)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        may_block(environ)
        # Without the lock: a new reader waits for its first data, and requests for other hosts do not.
        readers = {name: reader for name in hosts if (reader := self._hosts.reader(name)) is not None}
        target = self._read(names, readers, top)
        entry = (target, self._serve(target))
        with self._lock:
            # Another request can have been faster.
            if key in self._cache:
                return self._cache[key]
            # Do not cache unknown names, of which there is no end, or a host that was removed meanwhile.
            if readers and len(readers) == len(hosts):
                self._cache_target(key, entry)
            return entry

    def _cache_target(self, key: TargetKey, entry: tuple[PageTarget, WSGIApp]) -> None:
        # The old targets of these names are obsolete when a host appears or disappears.
        for other in [cached for cached in self._cache if (cached[0], cached[2]) == (key[0], key[2])]:
            del self._cache[other]
        self._cache[key] = entry
        while len(self._cache) > MAX_CACHED_TARGETS:
            self._cache.popitem(last=False)

    def _read(self, names: tuple[str, ...], readers: dict[str, Reader], top: bool) -> PageTarget:
        if not readers:
            return PageTarget(MemoryStore(keep=1, notice=unknown_hosts_error(names)), names, top=top)
        if len(names) == 1:
            reader = HostReader(names[0], readers[names[0]], self._hosts, self._skews)
            return PageTarget(reader, names, reader.now, top)
        overlay = OverlayReader(
            readers, self._hosts, self._skews, [name for name in names if name not in readers]
        )
        return PageTarget(overlay, names, overlay.now, top)


def parse_host_names(part: str) -> tuple[str, ...]:
    """Return the different names in a part of a path. BadRequestError if one is invalid."""
    names = tuple(dict.fromkeys(part.split(",")))
    for name in names:
        if not HOST_NAME.fullmatch(name):
            letters = "expected letters, digits and ._- , with commas between"
            raise BadRequestError(f"{quote_value(name)} is not a valid host name; {letters}")
    if len(names) > MAX_COMPARED_HOSTS:
        raise BadRequestError(f"{len(names)} hosts requested; at most {MAX_COMPARED_HOSTS} can be compared")
    return names


def unknown_hosts_error(names: Sequence[str]) -> str:
    which = f"Unknown host {names[0]}" if len(names) == 1 else "Unknown hosts"
    return f"{which}: no data was received, or it has expired."
