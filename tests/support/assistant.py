"""An assistant: the client of the SDK, and `dashapp mcp` as a real process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import ALWAYS
from waiting import PATIENCE_S

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ListToolsResult

Call = tuple[str, dict[str, Any]]


def ask_assistant(
    folder: Path, calls: Sequence[Call], *args: str, **environ: str
) -> tuple[ListToolsResult, list[Any]]:
    """Return the tools of a new process, and the answer of each call: JSON, or an error."""

    # Here, because they take each worker a second.
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters

    async def talk() -> tuple[ListToolsResult, list[Any]]:
        paths = [ALWAYS["PYTHONPATH"], os.environ.get("PYTHONPATH", "")]
        env = {**ALWAYS, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "HOME": str(folder), **environ}
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "dashapp", "mcp", *args], env=env, cwd=folder
        )
        async with Client(server, read_timeout_seconds=PATIENCE_S) as client:
            tools = await client.list_tools()
            return tools, [answer_of(await client.call_tool(name, values)) for name, values in calls]

    # In a thread of its own: a browser of another test may have an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, talk()).result()


def answer_of(result: CallToolResult) -> Any:
    (content,) = result.content
    assert content.type == "text"
    return content.text if result.is_error else json.loads(content.text)
