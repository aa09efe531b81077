"""Names of containers, from files that container runtimes and Kubernetes leave readable.

Without such a file the name is the first twelve digits of the id, as in `docker ps`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dashapp.sources.named_values import plain_label
from dashapp.sources.system.groups.identity import Identity
from dashapp.sources.system.procfs import read_regular_file

SHORT_ID_LENGTH = 12
# Seconds until a name is read again; a container can get another one.
VALID_S = 60.0
# Bytes of users' files that one search reads: to parse them takes about 50 ms, in which no tick comes.
MAX_USER_BYTES = 4 << 20

_DOCKER_FOLDERS = ("var/lib/docker", "var/snap/docker/common/var-lib-docker")
_PODMAN_FOLDERS = ("var/lib/containers/storage",)
_DOCKER_FILE = "config.v2.json"
_LOG_OF_CONTAINER = re.compile(r"([^_]+)_([^_]+)_(.+)-([0-9a-f]{64})\.log")


def home_of(user: int) -> str:
    """Return the home folder of a user, empty if there is none."""
    try:
        import pwd

        return pwd.getpwuid(user).pw_dir
    except (ImportError, KeyError, OverflowError):
        return ""


class ContainerNames:
    """Finds the names of containers; `root` is the file system of the machine.

    A name is valid for VALID_S, and it reads a file again only after that has changed.
    """

    def __init__(
        self,
        root: str = "/",
        home: Callable[[int], str] = home_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = Path(root)
        self._home = home
        self._clock = clock
        # The name of each container, and the end of its validity.
        self._found: dict[str, tuple[str, float]] = {}
        self._files: dict[Path, tuple[object, Mapping[str, str]]] = {}
        self._docker_folders: list[Path] | None = None
        # Bytes of users' files that this search may still read.
        self._user_bytes = MAX_USER_BYTES

    def name(self, container: Identity) -> str:
        """Return the name of a container, empty if only its id is known."""
        if container.name:
            return container.name
        name, end = self._found.get(container.id, ("", 0.0))
        if not name or self._clock() >= end:
            # Without bytes to read, the earlier name stays.
            name = self._find(container) or (name if self._user_bytes <= 0 else "")
            self._found[container.id] = (name, self._clock() + VALID_S)
        return name

    def _find(self, container: Identity) -> str:
        pod = self._folder("var/log/pods", _pods).get(container.pod, "") if container.pod else ""
        return (
            self._folder("var/log/containers", _containers_with_logs).get(container.id)
            or self._podman_name(container)
            or self._docker_name(container)
            or (f"{pod}/{container.id[:SHORT_ID_LENGTH]}" if pod else "")
        )

    def keep(self, used_ids: set[str]) -> None:
        """Forget other containers, and their files. Call it at the end of each search."""
        self._user_bytes = MAX_USER_BYTES
        self._found = {each: found for each, found in self._found.items() if each in used_ids}
        for path in list(self._files):
            if path.name == _DOCKER_FILE and path.parent.name not in used_ids:
                del self._files[path]

    def _docker_name(self, container: Identity) -> str:
        file = f"containers/{container.id}/{_DOCKER_FILE}"
        users = [folder / file for folder in self._user_folders(container, ".local/share/docker")]
        for path in [*users, *(folder / file for folder in self._docker_data())]:
            if name := self._parsed(path, _docker_config, path in users).get(container.id):
                return name
        return ""

    def _podman_name(self, container: Identity) -> str:
        users = self._user_folders(container, ".local/share/containers/storage")
        for storage in [*users, *(self._root / folder for folder in _PODMAN_FOLDERS)]:
            # A container that its end removes is in the second file.
            for file in ("containers.json", "volatile-containers.json"):
                path = storage / "overlay-containers" / file
                if name := self._parsed(path, _podman_containers, storage in users).get(container.id):
                    return name
        return ""

    def _user_folders(self, container: Identity, folder: str) -> list[Path]:
        home = "" if container.user is None else self._home(container.user)
        return [self._root / home.lstrip("/") / folder] if home else []

    def _docker_data(self) -> list[Path]:
        if self._docker_folders is None:
            daemon = _json_object(read_regular_file(self._root / "etc/docker/daemon.json"))
            folder = daemon.get("data-root")
            chosen = [folder.lstrip("/")] if isinstance(folder, str) else []
            self._docker_folders = [self._root / each for each in (*chosen, *_DOCKER_FOLDERS)]
        return self._docker_folders

    def _folder(self, folder: str, parse: Callable[[Iterator[str]], Mapping[str, str]]) -> Mapping[str, str]:
        path = self._root / folder

        def names() -> Mapping[str, str]:
            try:
                return parse(entry.name for entry in path.iterdir())
            except OSError:
                return {}

        return self._cached(path, names)

    def _parsed(
        self, path: Path, parse: Callable[[bytes], Mapping[str, str]], is_users: bool
    ) -> Mapping[str, str]:
        """Return what a file contains. `is_users`: a user can write it, at any time and as often."""

        def names() -> Mapping[str, str]:
            if not is_users:
                return parse(read_regular_file(path))
            content = read_regular_file(path, MAX_USER_BYTES)
            self._user_bytes -= len(content)
            return parse(content)

        return {} if is_users and self._user_bytes <= 0 else self._cached(path, names)

    def _cached(self, path: Path, names: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
        try:
            status = path.stat()
        except (OSError, ValueError):
            self._files.pop(path, None)
            return {}
        version = (status.st_mtime_ns, status.st_ino, status.st_size)
        known = self._files.get(path)
        if known is None or known[0] != version:
            known = self._files[path] = (version, names())
        return known[1]


def kubernetes_name(name: str) -> str:
    """Return namespace, pod and container of a name that Kubernetes made, or else `name`.

    >>> kubernetes_name("k8s_app_web-0_default_0123_2"), kubernetes_name("web")
    ('default/web-0/app', 'web')
    """
    parts = name.split("_")
    return f"{parts[3]}/{parts[2]}/{parts[1]}" if parts[0] == "k8s" and len(parts) >= 6 else name


def _containers_with_logs(files: Iterator[str]) -> Mapping[str, str]:
    matches = (_LOG_OF_CONTAINER.fullmatch(file) for file in files)
    return {match[4]: plain_label(f"{match[2]}/{match[1]}/{match[3]}") for match in matches if match}


def _pods(folders: Iterator[str]) -> Mapping[str, str]:
    """Return namespace and pod by UID, of folders such as `default_web-0_UID`."""
    parts = (folder.split("_") for folder in folders)
    return {words[2]: plain_label(f"{words[0]}/{words[1]}") for words in parts if len(words) == 3}


def _docker_config(content: bytes) -> Mapping[str, str]:
    config = _json_object(content)
    container, name = config.get("ID"), config.get("Name")
    if isinstance(container, str) and isinstance(name, str):
        return {container: plain_label(kubernetes_name(name.lstrip("/")))}
    return {}


def _podman_containers(content: bytes) -> Mapping[str, str]:
    names = {}
    for container in _json(content, list):
        if isinstance(container, dict) and isinstance(container.get("names"), list):
            texts = [name for name in container["names"] if isinstance(name, str)]
            if texts and isinstance(container.get("id"), str):
                names[container["id"]] = plain_label(kubernetes_name(texts[0]))
    return names


def _json_object(content: bytes) -> dict[str, Any]:
    result: dict[str, Any] = _json(content, dict)
    return result


def _json(content: bytes, kind: type) -> Any:
    """Return a document of this type, and an empty one for any other content."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return kind()
    return document if isinstance(document, kind) else kind()
