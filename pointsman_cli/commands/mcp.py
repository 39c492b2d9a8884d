"""`pointsman mcp`: the stack as tools for agents."""

from functools import partial

from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson, Config, Profile, Region, Stack

EXAMPLES = """\b
Examples:
  pointsman mcp                                      on the local stack, speaking MCP over stdin and stdout
  pointsman mcp --stack pointsman --profile team     on a deployed one
  claude mcp add pointsman -- pointsman mcp          for Claude Code
  pointsman mcp --json                               the tools, as clients see them"""


def mcp(
    as_json: AsJson = False,
    config: Config = None,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Serve MCP clients: tools to submit and follow tasks, to estimate, and to read report and budget.

    The protocol is spoken over stdin and stdout until the client closes them. The stack is looked for when a tool first
    needs it.
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
