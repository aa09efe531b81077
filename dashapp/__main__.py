"""`python -m dashapp`: check the settings, start collector and web server, print the URL.

`python -m dashapp collect` runs the collector alone, as `python collector.py` does in a checkout.
`python -m dashapp mark "deploy 1.4"` marks this moment in the charts of a running server.
`python -m dashapp mcp` answers AI assistants by the Model Context Protocol.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from threading import Event
from typing import NoReturn

from dashapp.collector.preflight import alert_target_problems, check_sources
from dashapp.config import settings as config
from dashapp.config.cli import CHECK_CONFIG_FLAG, COLLECT_COMMAND, MARK_COMMAND, MCP_COMMAND
from dashapp.config.parsers import MEMORY_STORE
from dashapp.config.settings import ALL_INTERFACES, MEMORY_RETENTION_S, Settings
from dashapp.model.ticks import SettingsError
from dashapp.process.log_format import log_to_terminal
from dashapp.process.signals import ignore_stop_signals, stop_on_signals
from dashapp.process.supervisor import ChildProcess, python_command, supervise
from dashapp.process.threads import start_thread
from dashapp.stores.factory import StoreBackend, open_backend, redis_problem, shared_storage_problem

log = logging.getLogger("dashapp")


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 after a signal, 1 if the web server fails to start, 2 for invalid settings."""
    args = list(sys.argv[1:] if argv is None else argv)
    check_only, args = CHECK_CONFIG_FLAG in args, [text for text in args if text != CHECK_CONFIG_FLAG]
    if args[:1] == [MARK_COMMAND]:
        from dashapp.marks import send_mark

        status, message = send_mark(args[1:])
        if message:
            print(message, file=sys.stderr if status else sys.stdout)
        return status
    if args[:1] == [MCP_COMMAND] and not check_only:
        from dashapp.mcp.command import main as serve_assistants

        return serve_assistants(args[1:])
    serving = args[:1] not in ([COLLECT_COMMAND], [MCP_COMMAND])
    args = args if serving else args[1:]
    if not serving and not check_only:
        # Imported only here, because the supervisor must stay small.
        from dashapp.collector.service import main as collect

        return collect(args, prog=f"dashapp {COLLECT_COMMAND}")
    log_to_terminal("", logging.INFO)
    try:
        settings = config.parse_settings(args, serving=serving)
        if check_only:
            _log_collector_problems(settings)
        if not settings.collector and (problem := shared_storage_problem(settings)):
            raise SettingsError([problem])
        check_sources(settings, args)
        if settings.collector and (problems := alert_target_problems(settings)):
            raise SettingsError(problems)
        _check_port(settings)
        stdin = _inherited_stdin(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    for sentence in config.unknown_variables():
        log.warning(sentence)
    backend = open_backend(settings)
    if backend is not None and (problem := backend.problem()):
        if settings.collector:
            log.warning("%s; the history is in memory only", problem)
            backend = None
        else:
            # Another process collects and may write there; this one can read a directory that is mounted
            # read-only.
            log.warning("%s; it is opened read-only", problem)
    stop = stop_on_signals()
    if backend is None:
        # Override the settings that need a store on disk.
        args += [
            f"--store={MEMORY_STORE}",
            "--workers=1",
            f"--window={min(settings.window, MEMORY_RETENTION_S)}",
        ]
        children = [ChildProcess("web", python_command("dashapp.web", args), stdin=stdin)]
    else:
        args += backend.flags
        children = [ChildProcess("web", python_command("dashapp.web", args))]
        if settings.collector:
            notice = backend.notice_sink("supervisor")
            notice.clear()
            children.insert(
                0, ChildProcess("collector", python_command("dashapp.collector", args), notice, stdin)
            )
    web = children[-1]
    ready = Event()
    start_thread("announcement", partial(_announce_when_ready, settings, backend, stop, ready))
    start_thread("start check", partial(_stop_after_failures, web, stop, ready))
    supervise(children, stop)
    ignore_stop_signals()
    if web.exits and not ready.is_set():
        print("The web server failed to start; see the log above", file=sys.stderr)
        return 1
    return 0


def _log_collector_problems(settings: Settings) -> NoReturn:
    """Print what --check-config finds in settings that are valid alone, and exit."""
    # Imported only here: it imports every source, and the supervisor must stay small.
    from dashapp.sources.registry import source_problems

    problems = [*source_problems(settings.source, settings.interval), *alert_target_problems(settings)]
    if problem := redis_problem(settings):
        problems.append(problem)
    for sentence in () if problems else config.unknown_variables():
        print(sentence, file=sys.stderr)
    print("\n".join(problems) or "ok", file=sys.stderr if problems else sys.stdout, flush=True)
    # A thread that a user's module started could keep this process alive.
    os._exit(2 if problems else 0)


def _check_port(settings: Settings) -> None:
    """Raise SettingsError if the address cannot be bound, before any process starts."""
    family = socket.AF_INET6 if ":" in settings.listen_address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.listen_address, settings.port))
        except OSError as error:
            raise SettingsError(
                [
                    f'--port is "{settings.port}"; expected a free port on {settings.listen_address} '
                    f"({error.strerror}); stop the program that uses it, or choose another port"
                ]
            ) from None


def _inherited_stdin(settings: Settings) -> tuple[int, ...]:
    """Return the descriptors that the collecting process inherits from this one.

    Raise SettingsError if it reads standard input and there is none to inherit.
    """
    if not (settings.collector and any(spec.name == "stdin" for spec in settings.source)):
        return ()
    # Imported only if needed, because the supervisor must stay small.
    from dashapp.sources.external.stdin import inherited_descriptors

    try:
        if os.name == "nt":
            raise OSError("not inherited on Windows")
        return inherited_descriptors()
    except OSError as error:
        raise SettingsError(
            [f'--source is "stdin"; expected data on standard input ({error}); pipe a program into dashapp']
        ) from None


def _announce_when_ready(settings: Settings, backend: StoreBackend | None, stop: Event, ready: Event) -> None:
    """Print the URL once the server responds."""
    while not _responds(settings):
        if stop.wait(0.05):
            return
    ready.set()
    url_host = f"[{settings.listen_address}]" if ":" in settings.listen_address else settings.listen_address
    store = "memory" if backend is None else backend.label
    print(f"Serving on http://{url_host}:{settings.port} (store: {store})", flush=True)


def _responds(settings: Settings) -> bool:
    """Return whether the server answers a request for its health.

    http.client would load OpenSSL and the parsers of e-mail: 4 MB in this process.
    """
    host = "127.0.0.1" if settings.listen_address == ALL_INTERFACES else settings.listen_address
    try:
        with closing(socket.create_connection((host, settings.port), timeout=2)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            with connection.makefile("rb") as response:
                return response.readline(100).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def _stop_after_failures(web: ChildProcess, stop: Event, ready: Event) -> None:
    while not stop.wait(0.2):
        if ready.is_set():
            return
        if web.exits >= 3:
            stop.set()


if __name__ == "__main__":
    raise SystemExit(main())
