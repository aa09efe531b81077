"""Names of containers from the files of Docker, Podman and Kubernetes, and from a socket."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from clocks import FakeClock
from group_tree import GroupTree, container_id, write
from readings import by_key
from waiting import PATIENCE_S, wait_for

from dashapp.sources.system.groups import container_names
from dashapp.sources.system.groups.container_names import VALID_S, ContainerNames
from dashapp.sources.system.groups.docker_api import MAX_WAIT_S, DockerNames
from dashapp.sources.system.groups.identity import Identity

ID = container_id(1)
POD = "8ac6e6d4-5d0f-4c8b-9d57-1f8f4b3b9a10"
DOCKER = f"var/lib/docker/containers/{ID}/config.v2.json"
PODMAN = "containers/storage/overlay-containers/containers.json"
PLAIN = Identity("container", "docker", ID)
OF_USER = PLAIN._replace(user=1000)
IN_POD = PLAIN._replace(pod=POD)


def config(name: object) -> str:
    return json.dumps({"ID": ID, "Name": name, "Config": {"Env": ["SECRET=x"]}})


def podman(*names: str) -> str:
    return json.dumps([{"id": container_id(7), "names": ["other"]}, {"id": ID, "names": list(names)}])


@pytest.mark.parametrize(
    ("file", "content", "container", "name"),
    [
        (DOCKER, config("/web"), PLAIN, "web"),
        (DOCKER, config("/k8s_app_web-0_default_0123_2"), PLAIN, "default/web-0/app"),
        (DOCKER.replace("var/lib/", "var/snap/docker/common/var-lib-"), config("/web"), PLAIN, "web"),
        (f"home/u1000/.local/share/docker/containers/{ID}/config.v2.json", config("/mine"), OF_USER, "mine"),
        (f"var/lib/{PODMAN}", podman("db"), PLAIN, "db"),
        (
            f"var/lib/{PODMAN.replace('containers.json', 'volatile-containers.json')}",
            podman("db"),
            PLAIN,
            "db",
        ),
        (f"home/u1000/.local/share/{PODMAN}", podman("db"), OF_USER, "db"),
        (f"var/log/containers/web-0_default_app-{ID}.log", "", PLAIN, "default/web-0/app"),
        (f"var/log/pods/default_web-0_{POD}/app/0.log", "", IN_POD, f"default/web-0/{ID[:12]}"),
    ],
)
def test_container_name_is_found_in_file(
    tmp_path: Path, file: str, content: str, container: Identity, name: str
) -> None:
    write(tmp_path / file, content)
    assert ContainerNames(str(tmp_path), lambda user: f"/home/u{user}").name(container) == name


def test_container_name_is_found_in_data_root_of_docker(tmp_path: Path) -> None:
    write(tmp_path / "etc/docker/daemon.json", '{"data-root": "/mnt/docker"}')
    write(tmp_path / f"mnt/docker/containers/{ID}/config.v2.json", config("/web"))
    assert ContainerNames(str(tmp_path)).name(PLAIN) == "web"


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "[1, {}]", "[" * 5000, config(5), config(None), "\xff", podman()]
)
@pytest.mark.parametrize("file", [DOCKER, f"var/lib/{PODMAN}", "etc/docker/daemon.json"])
def test_container_has_no_name_if_file_is_invalid(tmp_path: Path, file: str, content: str) -> None:
    write(tmp_path / file, content)
    assert ContainerNames(str(tmp_path), lambda _user: "").name(IN_POD._replace(user=1)) == ""


def test_container_has_no_name_without_permission(tmp_path: Path) -> None:
    # A folder in place of the file cannot be read, not even by root.
    (tmp_path / DOCKER).mkdir(parents=True)
    (tmp_path / "var/lib/containers").write_text("no folder")
    assert ContainerNames(str(tmp_path)).name(PLAIN) == ""


def test_renamed_container_has_new_name(tmp_path: Path) -> None:
    clock = FakeClock()
    names = ContainerNames(str(tmp_path), clock=clock.monotonic)
    assert names.name(PLAIN) == ""
    write(tmp_path / DOCKER, config("/web"))
    assert names.name(PLAIN) == "web"
    write(tmp_path / DOCKER, config("/website"))
    assert names.name(PLAIN) == "web"
    clock.wait(VALID_S)
    assert names.name(PLAIN) == "website"
    names.keep(set())
    assert names.name(PLAIN) == "website"


class Daemon:
    """A daemon on a Unix socket that sends `answer` to each request."""

    def __init__(self, path: Path) -> None:
        self.answer = b""
        self.requests: list[bytes] = []
        self.hold = threading.Event()
        self.hold.set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def names(self, **ids: str) -> None:
        containers = [{"Id": id, "Names": [f"/other/{name}", f"/{name}"]} for name, id in ids.items()]
        body = json.dumps(containers).encode()
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self.requests.append(connection.recv(4096).partition(b"\r\n")[0])
                    self.hold.wait()
                    connection.sendall(self.answer)

    def close(self) -> None:
        self.hold.set()
        self._listener.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with closing(Daemon(tmp_path / "docker.sock")) as daemon:
        yield daemon


def test_docker_socket_names_containers_with_one_get(tmp_path: Path, daemon: Daemon) -> None:
    daemon.names(web=ID, db=container_id(2))
    names = DockerNames(str(tmp_path / "docker.sock"))
    assert names.name(ID) is None
    wait_for(lambda: names.name(ID) == "web")
    assert names.name(container_id(2)) == "db"
    assert daemon.requests == [b"GET /containers/json?all=1 HTTP/1.1"]
    assert names.status_message == ""


def test_docker_socket_knows_container_without_name(tmp_path: Path, daemon: Daemon) -> None:
    daemon.names(web=ID)
    names = DockerNames(str(tmp_path / "docker.sock"))
    wait_for(lambda: names.name(container_id(9)) == "")


def test_hanging_docker_socket_delays_nothing_and_gives_one_sentence(tmp_path: Path, daemon: Daemon) -> None:
    daemon.hold.clear()
    tree = GroupTree(tmp_path)
    tree.group(f"docker/{ID}", memory=5)
    finder = DockerNames(str(tmp_path / "docker.sock"), timeout=0.05, clock=lambda: tree.time)
    source = tree.source(finder)
    assert by_key(source.read()) == {}
    wait_for(lambda: finder.status_message)
    tree.time += MAX_WAIT_S
    assert by_key(source.read()) == {f"container.{ID[:12]}.memory": 5}
    assert "no answer in 0.05 s" in source.status_message
    assert str(tmp_path) not in source.status_message


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed connection"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[{"Names": ["/web"]}]', "an unexpected answer"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n[]", "status 403"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", "an unexpected answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]", "an unexpected answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{", "an unexpected answer"),
        (b"garbage\r\n\r\n", "an unexpected answer"),
    ],
)
def test_invalid_answer_of_docker_socket_gives_one_sentence(
    tmp_path: Path, daemon: Daemon, answer: bytes, reason: str
) -> None:
    daemon.answer = answer
    names = DockerNames(str(tmp_path / "docker.sock"))
    names.name(ID)
    wait_for(lambda: names.status_message)
    assert reason in names.status_message
    assert names.name(ID) == ""


def test_missing_docker_socket_gives_one_sentence(tmp_path: Path) -> None:
    names = DockerNames(str(tmp_path / "missing.sock"))
    names.name(ID)
    wait_for(lambda: names.status_message)
    assert "No such file or directory" in names.status_message
    assert str(tmp_path) not in names.status_message


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_pipe(path: Path) -> None:
    os.mkfifo(path.with_suffix(".pipe"))
    path.symlink_to(path.with_suffix(".pipe"))


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [pipe, link_to_pipe, link_to_device, folder])
@pytest.mark.parametrize(
    "file",
    [
        f"home/u1000/.local/share/docker/containers/{ID}/config.v2.json",
        f"home/u1000/.local/share/{PODMAN}",
        f"home/u1000/.local/share/{PODMAN.replace('containers.json', 'volatile-containers.json')}",
    ],
)
def test_file_of_user_that_is_none_stops_no_reading(
    tmp_path: Path, file: str, make: Callable[[Path], None]
) -> None:
    """A user can put a pipe there, whose open would wait for a writer for ever."""
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    make(path)
    write(tmp_path / DOCKER, config("/web"))
    names = ContainerNames(str(tmp_path), lambda user: f"/home/u{user}")
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(names.name(OF_USER)), daemon=True)
    reader.start()
    reader.join(PATIENCE_S)
    assert found == ["web"]


def test_files_of_users_are_read_up_to_limit_in_each_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user can create any number of groups, and large files for them."""
    containers = [PLAIN._replace(id=container_id(10 + user), user=user) for user in range(6)]
    for each in containers:
        content = json.dumps([{"id": each.id, "names": [f"user{each.user}"]}])
        write(tmp_path / f"home/u{each.user}/.local/share/{PODMAN}", content)
    write(tmp_path / DOCKER, config("/web"))
    monkeypatch.setattr(container_names, "MAX_USER_BYTES", 2 * len(content))
    names = ContainerNames(str(tmp_path), lambda user: f"/home/u{user}", FakeClock().monotonic)

    def search() -> list[str]:
        found = [names.name(each) for each in [*containers, PLAIN]]
        names.keep({each.id for each in [*containers, PLAIN]})
        return found

    found = [search() for _ in range(3)]
    assert found[0] == ["user0", "user1", *[""] * 4, "web"]
    assert found[1] == ["user0", "user1", "user2", "user3", "", "", "web"]
    assert found[2] == [*(f"user{user}" for user in range(6)), "web"]
