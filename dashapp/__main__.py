"""`python -m dashapp`: settle the settings, start collector and web, say where it serves.

`python -m dashapp collect` is the collector alone, as `python collector.py` in a checkout.
"""

from __future__ import annotations

import http.client
import logging
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from threading import Event, Thread
from typing import NoReturn

from dashapp.collector.preflight import alert_target_problems, check_sources
from dashapp.config import settings as config
from dashapp.config.cli import CHECK_CONFIG_FLAG, COLLECT_COMMAND
from dashapp.config.parsers import MEMORY_STORE
from dashapp.config.settings import ALL_INTERFACES, MEMORY_RETENTION_S, Settings
from dashapp.model.ticks import SettingsError
from dashapp.process.signals import stop_on_signals
from dashapp.process.supervisor import ChildProcess, python_command, supervise
from dashapp.stores.factory import StoreBackend, open_backend, redis_problem, shared_storage_problem

log = logging.getLogger("dashapp")


def main(argv: Sequence[str] | None = None) -> int:
    """0 after a signal, 1 where the web server would not start, 2 where the settings cannot work."""
    given = list(sys.argv[1:] if argv is None else argv)
    checking, given = CHECK_CONFIG_FLAG in given, [text for text in given if text != CHECK_CONFIG_FLAG]
    serving = given[:1] != [COLLECT_COMMAND]
    given = given if serving else given[1:]
    if not serving and not checking:
        # Only here: the supervisor is to stay small.
        from dashapp.collector.service import main as collect

        return collect(given, prog=f"dashapp {COLLECT_COMMAND}")
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    try:
        settings = config.parse_settings(given, serving=serving)
        if checking:
            _log_collector_problems(settings)
        if not settings.collector and (apart := shared_storage_problem(settings)):
            raise SettingsError([apart])
        check_sources(settings, given)
        if settings.collector and (found := alert_target_problems(settings)):
            raise SettingsError(found)
        _port_is_free(settings)
        stdin = _inherited_stdin(settings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    for sentence in config.unknown_variables():
        log.warning(sentence)
    where = open_backend(settings)
    if where is not None and (problem := where.problem()):
        if settings.collector:
            log.warning("%s: the history is kept in memory only", problem)
            where = None
        else:
            # Who collects elsewhere can write there: a folder that is mounted read-only is read all the same.
            log.warning("%s: it is only read", problem)
    stop = stop_on_signals()
    if where is None:
        # What a store on disk would allow, and memory refuses.
        given += [
            f"--store={MEMORY_STORE}",
            "--workers=1",
            f"--window={min(settings.window, MEMORY_RETENTION_S)}",
        ]
        children = [ChildProcess("web", python_command("dashapp.web", given), stdin=stdin)]
    else:
        given += where.flags
        children = [ChildProcess("web", python_command("dashapp.web", given))]
        if settings.collector:
            notice = where.notice_sink("supervisor")
            notice.clear()
            children.insert(
                0, ChildProcess("collector", python_command("dashapp.collector", given), notice, stdin)
            )
    web = children[-1]
    served = Event()
    Thread(target=_announce_when_ready, args=(settings, where, stop, served), daemon=True).start()
    Thread(target=_fail_after, args=(web, stop, served), daemon=True).start()
    supervise(children, stop)
    if web.deaths and not served.is_set():
        print("the web server would not start; its last words stand above", file=sys.stderr)
        return 1
    return 0


def _log_collector_problems(settings: Settings) -> NoReturn:
    """Say what --check-config does of settings that are right in themselves, and end."""
    # Only here: it knows every source, and the supervisor is to stay small.
    from dashapp.sources.registry import source_problems

    found = [*source_problems(settings.source, settings.interval), *alert_target_problems(settings)]
    if wrong := redis_problem(settings):
        found.append(wrong)
    for sentence in () if found else config.unknown_variables():
        print(sentence, file=sys.stderr)
    print("\n".join(found) or "ok", file=sys.stderr if found else sys.stdout, flush=True)
    # A thread that somebody's module has started would keep this process from its end.
    os._exit(2 if found else 0)


def _port_is_free(settings: Settings) -> None:
    """SettingsError where the address cannot be listened on, before anything is started."""
    family = socket.AF_INET6 if ":" in settings.listen_address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.listen_address, settings.port))
        except OSError as error:
            raise SettingsError(
                [
                    f'--port is "{settings.port}"; {settings.listen_address} does not give it '
                    f"({error.strerror}); end what listens there or choose another"
                ]
            ) from None


def _inherited_stdin(settings: Settings) -> tuple[int, ...]:
    """What the child that collects inherits of ours. SettingsError where there is none to hand on."""
    if not (settings.collector and any(spec.name == "stdin" for spec in settings.source)):
        return ()
    # Only here: without it the supervisor is to stay small.
    from dashapp.sources.external.stdin import inherited_descriptors

    try:
        if os.name == "nt":
            raise OSError("Windows hands on none")
        return inherited_descriptors()
    except OSError as error:
        raise SettingsError(
            [f'--source is "stdin"; expected a standard input ({error}); pipe a program into this one']
        ) from None


def _announce_when_ready(settings: Settings, where: StoreBackend | None, stop: Event, served: Event) -> None:
    """Print where it serves, once it does."""
    host = "127.0.0.1" if settings.listen_address == ALL_INTERFACES else settings.listen_address
    while not stop.wait(0.05):
        try:
            with closing(http.client.HTTPConnection(host, settings.port, timeout=2)) as connection:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    break
        except OSError:
            continue
    else:
        return
    served.set()
    shown = f"[{settings.listen_address}]" if ":" in settings.listen_address else settings.listen_address
    store = "memory" if where is None else where.label
    print(f"Serving on http://{shown}:{settings.port} (store: {store})", flush=True)


def _fail_after(web: ChildProcess, stop: Event, served: Event) -> None:
    while not stop.wait(0.2):
        if served.is_set():
            return
        if web.deaths >= 3:
            stop.set()


if __name__ == "__main__":
    raise SystemExit(main())
