"""The protocol: tools with their schemas, and what goes wrong as one line.

While it serves, the SDK keeps stdout for itself and leads what others print there to stderr.
"""

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any, override

from botocore.exceptions import BotoCoreError
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import Field, ValidationError

from devstack import LocalStackError
from pointsman.contracts.task import Rejection
from pointsman.routing.config import ConfigError
from pointsman.values.errors import StoreError, safe_message
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.errors import CommandError
from pointsman_cli.mcp.shapes import BudgetState, Estimate, Submitted, TaskState
from pointsman_cli.mcp.tools import McpTools

INSTRUCTIONS = """\
Pointsman does tasks for language models on the cheapest model that can do them, within a budget. Give it whole pieces \
of work that need no tools and no files of yours: what the task needs to know must stand in its prompt. Submit, then \
wait; a task that has not ended yet goes on, so wait again."""
LONGEST_TOOL_WAIT = 600.0
USUAL_WAIT = 45.0
"""Seconds: clients give up a call after 60 as a rule."""

Prompt = Annotated[str, Field(description="What to do, with all that is needed to do it.")]
TypeArgument = Annotated[
    str | None,
    Field(description=f"What kind of work it is: {', '.join(TaskType)}. Without it and without tier it is classified."),
]
Choice = Annotated[str | None, Field(description=f"Who should do it; beats the type: {', '.join(Tier)}.")]
PrivateArgument = Annotated[bool, Field(description="Never show it to a free tier, whose provider may learn from it.")]

_READS = ToolAnnotations(read_only_hint=True)


class PointsmanServer(MCPServer[Any]):
    """An MCP server whose errors are one line each and hold no input, no stack trace and no text of AWS."""

    def __init__(self, desk: McpTools) -> None:
        """Offer the desk's tools."""
        package_version = version("pointsman-operator")
        super().__init__(
            "pointsman", instructions=INSTRUCTIONS, version=package_version, log_level="WARNING", subscriptions=False
        )
        self._desk = desk
        for tool, annotations in _tools(desk):
            self.add_tool(tool, annotations=annotations)

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; what goes wrong is its result."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__ or error
            if isinstance(cause, BotoCoreError | StoreError):
                self._desk.forget()
            return CallToolResult(content=[TextContent(type="text", text=one_line(cause))], is_error=True)


def one_line(error: BaseException) -> str:
    """Return what went wrong in words that may leave this machine."""
    if isinstance(error, ValidationError):
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'arguments'}: {problem['msg']}" for problem in problems
        )
    if isinstance(error, CommandError | LocalStackError | ConfigError | ToolError):
        return " ".join(str(error).split())
    if isinstance(error, Rejection):
        return error.reason
    return safe_message(error) if isinstance(error, Exception) else type(error).__name__


def _tools(desk: McpTools) -> list[tuple[Callable[..., Any], ToolAnnotations]]:
    def submit_task(
        prompt: Prompt,
        type: TypeArgument = None,
        tier: Choice = None,
        private: PrivateArgument = False,
        split: Annotated[
            bool, Field(description="Let an orchestration answer hand out subtasks; the task ends when they have.")
        ] = False,
        system: Annotated[str | None, Field(description="Instructions beside those of the tier.")] = None,
        max_output_tokens: Annotated[int | None, Field(description="Cap on the answer; 4,096 without.")] = None,
        metadata: Annotated[
            dict[str, str] | None, Field(description="Kept with the task; `ticket` and `agent` are summed up.")
        ] = None,
        idempotency_key: Annotated[
            str | None, Field(description="Names this piece of work, so that submitting it again does it once.")
        ] = None,
    ) -> Submitted:
        """Put a task on the queue and return its id. It may cost money, within the stack's budget."""
        return desk.submit(
            prompt,
            type=type,
            tier=tier,
            private=private,
            split=split,
            system=system,
            max_output_tokens=max_output_tokens,
            metadata=metadata,
            idempotency_key=idempotency_key,
        )

    async def wait_for_task(
        task_id: Annotated[str, Field(description="What submit_task returned.")],
        seconds: Annotated[
            float, Field(ge=0, le=LONGEST_TOOL_WAIT, description="How long to wait at most; 0 looks once.")
        ] = USUAL_WAIT,
    ) -> TaskState:
        """Return a task's answer once it has ended, or how far it has come when the time is over."""
        return await desk.state(task_id, seconds)

    def estimate_task(
        prompt: Prompt, type: TypeArgument = None, tier: Choice = None, private: PrivateArgument = False
    ) -> Estimate:
        """Say which tier and model would do a task and what it would cost. Nothing is sent, no model is asked."""
        return desk.estimate(prompt, type=type, tier=tier, private=private)

    def read_report(
        day: Annotated[
            str | None, Field(description="A day of the report's time zone, as 2026-11-21; today without.")
        ] = None,
    ) -> str:
        """Return what was spent and saved on a day, by tier, model and task, as text."""
        return desk.report(day)

    def read_budget() -> BudgetState:
        """Return what is spent, reserved and left of the budget this month, and of the free tiers' requests today."""
        return desk.budget()

    spends = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
    return [
        (submit_task, spends),
        *((tool, _READS) for tool in (wait_for_task, estimate_task, read_report, read_budget)),
    ]
