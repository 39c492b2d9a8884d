"""`pointsman mcp`: an MCP server for agents."""

from functools import partial

from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson, Config, Profile, Region, Stack


def mcp(
    as_json: AsJson = False,
    config: Config = None,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Serve tasks, estimates, report and budget as MCP tools.

    Speaks MCP over stdin and stdout until the client closes them. Connects to the stack at the first tool call.
    """
    import asyncio

    from pointsman_cli import stacks
    from pointsman_cli.mcp.server import PointsmanServer
    from pointsman_cli.mcp.tools import McpTools

    server = PointsmanServer(McpTools(partial(stacks.connect, stack, profile, region, config)))
    if as_json:
        tools = asyncio.run(server.list_tools())
        output.print_document([tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools])
    else:
        server.run("stdio")
    return Exit.OK
