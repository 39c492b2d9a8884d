"""Python clients and MCP clients on the deployed local stack, from outside: by its endpoint and its name alone."""

import asyncio
import sys
import uuid

import pytest
from mcp import Client as McpClient
from mcp import StdioServerParameters

from pointsman.client import AsyncClient, Client, Progress, Result, TaskRejectedError
from tests.support.local_stack import TASK_SECONDS, Stack
from tests.support.paths import ROOT

pytestmark = pytest.mark.stack


@pytest.fixture
def client(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Client:
    for name, value in stack.info.environment.items():
        monkeypatch.setenv(name, value)
    return Client.of_stack(stack.info.stack_name)


def test_python_client_submits_and_collects(client: Client) -> None:
    key, news = uuid.uuid4().hex, list[Progress]()

    async def ask() -> Result:
        async_client = AsyncClient(client)
        sent = await async_client.submit("Is it green?", type="status", idempotency_key=key)
        return await async_client.wait(sent, timeout=TASK_SECONDS, on_progress=news.append)

    first = asyncio.run(ask())
    assert first.answer
    assert first.answer.startswith("[stand-in")
    assert news[-1].state == "completed"
    again = client.wait(client.submit("Is it green?", type="status", idempotency_key=key), timeout=TASK_SECONDS)
    assert (again.answer, again.attempts) == (first.answer, 1)
    other = client.submit("Is it red?", type="status", idempotency_key=key)
    with pytest.raises(TaskRejectedError, match="task_id"):
        client.wait(other, timeout=TASK_SECONDS)


def test_mcp_client_delegates_a_task(stack: Stack) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "pointsman_cli.main", "mcp", "--stack", stack.info.stack_name],
        env=stack.info.environment,
        cwd=ROOT,
    )

    async def delegate() -> None:
        async with McpClient(command) as client:
            submitted = await client.call_tool(
                "submit_task", {"prompt": "Document the parser.", "type": "documentation"}
            )
            task_id = (submitted.structured_content or {})["task_id"]
            ended = await client.call_tool("wait_for_task", {"task_id": task_id, "seconds": TASK_SECONDS})
            state = ended.structured_content or {}
            assert (state["status"], state["tier"], state["stand_in"]) == ("completed", "implementation", True)
            assert state["answer"].startswith("[stand-in")
            budget = (await client.call_tool("read_budget", {})).structured_content or {}
            assert float(budget["spent_usd"]) > 0

    asyncio.run(delegate())
