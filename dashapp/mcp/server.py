"""The protocol on standard input and output, with the SDK of the Model Context Protocol.

The SDK is an extra, so only `serve` imports it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dashapp import __version__
from dashapp.mcp.tools import INSTRUCTIONS, TOOLS, Answers, call_tool
from dashapp.model.ticks import BadRequestError, BusyError, StoreUnavailableError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult

log = logging.getLogger("dashapp")


def serve(answers: Answers) -> None:
    """Serve until standard input ends. Nothing but the protocol goes to standard output."""
    import anyio
    from mcp.server.stdio import stdio_server

    server = build_server(answers)

    async def run() -> None:
        async with stdio_server() as (read_stream, write_stream):
            await server.run(read_stream, write_stream, server.create_initialization_options())

    anyio.run(run)


def build_server(answers: Answers) -> Server[Any]:
    """Return the server of the SDK, with the tools."""
    import mcp_types as types
    from anyio.to_thread import run_sync
    from mcp.server.lowlevel import Server

    async def list_tools(context: object, params: object) -> ListToolsResult:
        annotations = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=name,
                    description=tool.description,
                    input_schema=tool.input_schema,
                    annotations=annotations,
                )
                for name, tool in TOOLS.items()
            ]
        )

    async def call(context: object, params: CallToolRequestParams) -> CallToolResult:
        text, is_error = await run_sync(_answer, answers, params.name, params.arguments or {})
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=is_error)

    return Server(
        "dashapp",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call,
    )


def _answer(answers: Answers, name: str, values: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the text of an answer, and whether it is an error."""
    try:
        answer = call_tool(answers, name, values)
    except (BadRequestError, BusyError, StoreUnavailableError) as error:
        text, is_error = str(error), True
    except Exception:
        # The assistant gets no details; the log has them.
        log.exception("the tool %s failed", name[:64])
        text, is_error = "the tool failed; the log of dashapp mcp has the details", True
    else:
        text, is_error = json.dumps(answer, ensure_ascii=False, separators=(",", ":")), False
    # A name may have half of a surrogate pair, which UTF-8 cannot encode.
    return text.encode(errors="replace").decode(), is_error
