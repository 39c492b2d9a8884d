"""`pointsman mcp`: an MCP server for agents."""

from functools import partial

from pointsman_cli import output
from pointsman_cli.options import AsJson, Config, StackOptions


def mcp(stack: StackOptions, as_json: AsJson = False, config: Config = None) -> None:
    """Serve tasks, estimates, report and budget as MCP tools.

    Speaks MCP over stdin and stdout until the client closes them. Connects to the stack at the first tool call.
    """
    import asyncio

    from pointsman_cli.mcp.server import PointsmanServer
    from pointsman_cli.mcp.tools import McpTools

    server = PointsmanServer(McpTools(partial(stack.connect, config)))
    if as_json:
        tools = asyncio.run(server.list_tools())
        output.print_document([tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools])
    else:
        server.run("stdio")
