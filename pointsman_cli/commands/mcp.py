"""`pointsman mcp`: an MCP server for agents."""

from functools import partial
from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.options import AsJson, Config, StackOptions


def mcp(
    stack: StackOptions,
    http: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=1, max=65535, help="Serve http://127.0.0.1:PORT/mcp, not stdin and stdout."),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Serve tasks, estimates, report and budget as MCP tools.

    Speaks MCP over stdin and stdout until the client closes them. Connects to the stack at the first tool call.
    With --http, serves streamable HTTP on this machine instead, for clients with a key of `pointsman key create`.
    """
    import asyncio

    from pointsman_cli.mcp.server import PointsmanServer
    from pointsman_cli.mcp.tools import McpTools

    tools_of_stack = McpTools(partial(stack.connect, config))
    server = PointsmanServer(tools_of_stack)
    if as_json:
        tools = asyncio.run(server.list_tools())
        output.print_document([tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools])
    elif http is not None:
        from pointsman.chat_api.authenticator import ApiKeyAuthenticator
        from pointsman_cli.mcp.http import MCP_PATH, serve_http

        runtime = tools_of_stack.connection().runtime
        keeper = ApiKeyAuthenticator(runtime.stores.api_keys.read, runtime.context.clock)
        output.print_note(f"MCP at http://127.0.0.1:{http}{MCP_PATH}; stop with Ctrl-C")
        serve_http(server, http, lambda: keeper)
    else:
        server.run("stdio")
