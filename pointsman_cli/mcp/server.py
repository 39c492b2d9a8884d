"""The MCP server: the tools with their schemas, and errors as one line each.

While it runs, the SDK reserves stdout for the protocol and redirects other output to stderr.
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
from pointsman.values.effort import Effort
from pointsman.values.errors import StoreError, safe_message
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.errors import CommandError
from pointsman_cli.mcp.shapes import BudgetState, Estimate, Submitted, TaskState
from pointsman_cli.mcp.tools import McpTools

_INSTRUCTIONS = """\
Pointsman runs tasks on the cheapest language model that can do them, within a budget. Delegate self-contained work \
that needs no tools and none of your files: the prompt must contain everything the task needs. Submit the task, then \
wait for it. If it has not ended when the wait is over, it continues: wait again."""
_LONGEST_WAIT_SECONDS = 600.0
_DEFAULT_WAIT_SECONDS = 45.0
"""Most clients cancel a call after 60 seconds."""

_PromptArgument = Annotated[str, Field(description="What to do, with everything needed to do it.")]
_TypeArgument = Annotated[
    str | None,
    Field(description=f"Type of the task: {', '.join(TaskType)}. Classified by default, unless the tier is set."),
]
_TierArgument = Annotated[str | None, Field(description=f"Tier of the task: {', '.join(Tier)}. Overrides the type.")]
_PrivateArgument = Annotated[
    bool, Field(description="Never send the task to a free tier, whose provider may train on it.")
]

_READ_ONLY = ToolAnnotations(read_only_hint=True)


class PointsmanServer(MCPServer[Any]):
    """An MCP server. Its errors are one line each, without input, stack trace or AWS's messages."""

    def __init__(self, tools: McpTools) -> None:
        """Register the tools."""
        package_version = version("pointsman-operator")
        super().__init__(
            "pointsman", instructions=_INSTRUCTIONS, version=package_version, log_level="WARNING", subscriptions=False
        )
        self._mcp_tools = tools
        for tool, annotations in _registrations(tools):
            self.add_tool(tool, annotations=annotations)

    @override
    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool. An error becomes its result."""
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__ or error
            if isinstance(cause, BotoCoreError | StoreError):
                self._mcp_tools.disconnect()
            return CallToolResult(content=[TextContent(type="text", text=_error_line(cause))], is_error=True)


def _error_line(error: BaseException) -> str:
    """Return an error in one line, without anything that must not leave this machine."""
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


def _registrations(tools: McpTools) -> list[tuple[Callable[..., Any], ToolAnnotations]]:
    def submit_task(
        prompt: _PromptArgument,
        type: _TypeArgument = None,
        tier: _TierArgument = None,
        private: _PrivateArgument = False,
        split: Annotated[
            bool, Field(description="Let an orchestration answer create subtasks. The task ends after them.")
        ] = False,
        system: Annotated[str | None, Field(description="Instructions in addition to the tier's.")] = None,
        max_output_tokens: Annotated[
            int | None,
            Field(description="Maximum output tokens of each call, thinking included. Default: the tier's."),
        ] = None,
        effort: Annotated[
            Effort | None, Field(description="How much the model may think. Default: as configured for tier or type.")
        ] = None,
        metadata: Annotated[
            dict[str, str] | None,
            Field(description="Stored with the task. The report adds up costs by `ticket` and `agent`."),
        ] = None,
        idempotency_key: Annotated[
            str | None, Field(description="Identifies this piece of work: submitting it again does not run it again.")
        ] = None,
    ) -> Submitted:
        """Submit a task and return its id. It may cost money, within the stack's budget."""
        return tools.submit(
            prompt,
            type=type,
            tier=tier,
            private=private,
            split=split,
            system=system,
            max_output_tokens=max_output_tokens,
            effort=effort,
            metadata=metadata,
            idempotency_key=idempotency_key,
        )

    async def wait_for_task(
        task_id: Annotated[str, Field(description="The task_id that submit_task returned.")],
        seconds: Annotated[
            float, Field(ge=0, le=_LONGEST_WAIT_SECONDS, description="Maximum wait. 0 returns the current state.")
        ] = _DEFAULT_WAIT_SECONDS,
    ) -> TaskState:
        """Wait for a task and return its answer, or its state if it has not ended in time."""
        return await tools.state(task_id, seconds)

    def estimate_task(
        prompt: _PromptArgument,
        type: _TypeArgument = None,
        tier: _TierArgument = None,
        private: _PrivateArgument = False,
    ) -> Estimate:
        """Estimate which tier and model would run a task, and the cost. Sends nothing and asks no model."""
        return tools.estimate(prompt, type=type, tier=tier, private=private)

    def read_report(
        day: Annotated[
            str | None, Field(description="A day in the report's time zone, such as 2026-11-21. Default: today.")
        ] = None,
    ) -> str:
        """Return the report of a day as text: costs and savings by tier, model and task."""
        return tools.report(day)

    def read_budget() -> BudgetState:
        """Return what is spent, reserved and left of this month's budget, and the free tiers' requests today."""
        return tools.budget()

    spends = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)
    return [
        (submit_task, spends),
        *((tool, _READ_ONLY) for tool in (wait_for_task, estimate_task, read_report, read_budget)),
    ]
