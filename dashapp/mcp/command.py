"""`dashapp mcp`: checks settings and store, and serves tools on standard input and output."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Sequence

from dashapp.config import settings as config
from dashapp.config.cli import MCP_COMMAND
from dashapp.config.parsers import MEMORY_STORE
from dashapp.config.visibility import shows_processes
from dashapp.model.ticks import SettingsError
from dashapp.process.log_format import log_to_terminal
from dashapp.stores.factory import open_backend, redis_problem

MISSING = "dashapp mcp needs the package mcp, which is not installed; run pip install 'dashapp[mcp]'"


def main(args: Sequence[str]) -> int:
    """Return 0 when standard input ends, 2 for invalid settings or a missing package."""
    # Standard output belongs to the protocol.
    log_to_terminal("mcp", logging.WARNING)
    try:
        settings = config.parse_settings(args, prog=f"dashapp {MCP_COMMAND}", serving=False)
        if problem := redis_problem(settings):
            raise SettingsError([problem])
        backend = open_backend(settings)
        if backend is None:
            raise SettingsError(
                [f'--store is "{MEMORY_STORE}"; expected a folder or a Redis, which another process writes']
            )
        if importlib.util.find_spec("mcp") is None:
            raise SettingsError([MISSING])
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    # Only now: these need numpy and the SDK.
    from dashapp.mcp.hosts import HostChoice
    from dashapp.mcp.server import serve
    from dashapp.mcp.tools import Answers

    own = settings.host_name if settings.collector else settings.name
    serve(Answers(HostChoice(backend, own), shows_processes(settings)))
    return 0
