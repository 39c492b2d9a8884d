"""What the tools do, without the protocol. All methods except `state` may block."""

import asyncio
import threading
from collections.abc import Callable
from datetime import date
from typing import Unpack, cast

from pointsman.client import AsyncClient, NotEndedError, Progress, Result, Sent, SubtaskResult, TaskFields
from pointsman.contracts.task import read_task
from pointsman.entrypoints.cost_report import build_reporting
from pointsman.report.figures.month import CapUse
from pointsman.report.figures.report import Report
from pointsman.report.render.as_json import exact_usd
from pointsman.report.render.text import render_text
from pointsman.values.taxonomy import Tier
from pointsman_cli.dry_run import DryRun
from pointsman_cli.errors import BadInputError, NotFoundError
from pointsman_cli.mcp.shapes import BudgetState, CapState, Estimate, Submitted, Subtask, TaskState
from pointsman_cli.stacks import StackConnection


class McpTools:
    """The tools on one stack, which is connected when a tool first needs it."""

    def __init__(self, connect: Callable[[], StackConnection]) -> None:
        """Take the function that connects to the stack. It is called again after `disconnect`."""
        self._connect, self._lock = connect, threading.Lock()
        self._connection: StackConnection | None = None
        self._sent: dict[str, Sent] = {}

    def connection(self) -> StackConnection:
        """Return the connection to the stack."""
        with self._lock:
            self._connection = self._connection or self._connect()
            return self._connection

    def disconnect(self) -> None:
        """Connect again next time: a local stack may have restarted with another address."""
        self._connection = None

    def submit(self, prompt: str, **fields: Unpack[TaskFields]) -> Submitted:
        """Submit a task."""
        connection = self.connection()
        sent = connection.client.submit(prompt, **fields)
        self._sent[sent.task_id] = sent
        return {"task_id": sent.task_id, "stand_in": connection.stand_in}

    async def state(self, task_id: str, seconds: float) -> TaskState:
        """Return how a task ended, or its state after `seconds`.

        Raises:
            NotFoundError: The stack does not have it, and this server did not send it.
        """
        connection = await asyncio.to_thread(self.connection)
        last = Progress(task_id, "queued")

        def remember(progress: Progress) -> None:
            nonlocal last
            last = progress

        sent = self._sent.get(task_id)
        try:
            async for result in AsyncClient(connection.client).results(
                [sent or task_id], timeout=seconds, on_progress=remember
            ):
                return _ended(result, stand_in=connection.stand_in)
        except NotEndedError:
            pass
        if last.state == "queued" and sent is None:
            raise NotFoundError(
                f"no task {task_id}: the router has not received it yet, or it was not sent to this stack"
            )
        return _running(last, stand_in=connection.stand_in)

    def estimate(self, prompt: str, *, type: str | None, tier: str | None, private: bool) -> Estimate:
        """Return which model would run a task, and the cost. Asks no model and records nothing."""
        runtime = self.connection().runtime
        task = read_task({"prompt": prompt, "type": type, "tier": tier, "private": private})
        run = DryRun(runtime, runtime.stores.model_health.states(runtime.context.policy.catalog.models), ask=False)
        return cast("Estimate", run.document(task, *run.decide([task])))

    def report(self, day: str | None) -> str:
        """Return a day's report as text. None for today."""
        return render_text(self._report(day))

    def budget(self) -> BudgetState:
        """Return what is spent, reserved and left of the month's budget, and the free tiers' requests."""
        report, budget = self._report(None), self.connection().runtime.context.policy.config.pointsman.budget
        month = report.month
        return {
            "month": month.name,
            "spent_usd": exact_usd(month.total.spent_nano),
            "reserved_usd": exact_usd(month.total.open_nano),
            "projected_usd": None if month.projected_nano is None else exact_usd(month.projected_nano),
            "caps": [_cap(cap) for cap in month.caps],
            "when_exhausted": {str(tier): budget.when_exhausted_for(tier) for tier in Tier},
            "quotas": [
                {"model": quota.model, "requests": quota.requests, "requests_a_day": quota.requests_a_day}
                for quota in report.quotas
            ],
            "stand_in": report.stand_in,
        }

    def _report(self, day: str | None) -> Report:
        runtime = self.connection().runtime
        try:
            chosen_day = (
                date.fromisoformat(day) if day else runtime.context.clock.now().astimezone(runtime.settings.zone).date()
            )
        except ValueError:
            raise BadInputError("day: must be a date such as 2026-11-21") from None
        return runtime.part(build_reporting).build(chosen_day)


def _cap(cap: CapUse) -> CapState:
    return {
        "name": cap.counter,
        "limit_usd": exact_usd(cap.limit_nano),
        "spent_usd": exact_usd(cap.spent_nano),
        "left_usd": exact_usd(cap.limit_nano - cap.spent_nano),
        "percent": cap.percent,
    }


def _ended(result: Result, *, stand_in: bool) -> TaskState:
    return {
        "task_id": result.task_id,
        "ended": True,
        "status": str(result.status),
        "answer": result.answer,
        "truncated": result.truncated,
        "reason": result.reason,
        "type": result.type,
        "tier": result.tier,
        "model": result.model,
        "attempts": result.attempts,
        "cost_usd": exact_usd(result.cost_nano_usd),
        "partial": result.partial,
        "subtasks": [_subtask(subtask) for subtask in result.subtasks],
        "stand_in": stand_in,
    }


def _subtask(subtask: SubtaskResult) -> Subtask:
    return {
        "task_id": subtask.task_id,
        "status": subtask.status,
        "answer": subtask.answer,
        "reason": subtask.reason,
        "type": subtask.type,
        "model": subtask.model,
    }


def _running(progress: Progress, *, stand_in: bool) -> TaskState:
    return {
        "task_id": progress.task_id,
        "ended": False,
        "status": progress.state,
        "answer": None,
        "truncated": False,
        "reason": None,
        "type": None,
        "tier": progress.tier,
        "model": None,
        "attempts": progress.attempts,
        "cost_usd": None,
        "partial": False,
        "subtasks": [],
        "stand_in": stand_in,
    }
