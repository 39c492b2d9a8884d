"""Attempts of a tier function: answers that a model gives, tasks that are started, and where each step leads."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.services.attempt import FUNCTION_SECONDS, Attempt
from pointsman.services.intake import QueueMessage
from pointsman.values.usage import Usage
from tests.support.aws import Aws, MotoLedger
from tests.support.paths import ROOT
from tests.support.router import Router, build

GEMINI, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
SHIPPED = json.loads((ROOT / "openclaw.json").read_text())
USED = Usage(input=1000, output=200)


def answered(text: str = "words") -> CallResult:
    return CallResult(Outcome.ANSWERED, text, USED)


def started(router: Router, tier: str | None = "orchestration", **fields: Any) -> WorkflowState:
    body = json.dumps({"prompt": "Is it done?", "task_id": "t-1", "tier": tier, **fields})
    assert router.run(QueueMessage("m-1", body)) == {}
    return WorkflowState.from_state(json.loads(router.workflow.executions["t-1"]))


def step(router: Router, run: WorkflowState) -> WorkflowState:
    """Run one tier function, its state as JSON on both sides."""
    state = json.loads(json.dumps(run.as_state()))
    function = run.here.function
    attempt = Attempt(router.intake.ctx, router.intake.payloads, function, router.intake.delivery.tell_answer)
    return attempt(WorkflowState.from_state(state), float(FUNCTION_SECONDS[function]))


def finished(router: Router, run: WorkflowState, most: int = 400) -> WorkflowState:
    """Play the workflow to its end, the delivery included."""
    for _ in range(most):
        if run.delivered:
            return run
        if run.next in (Next.DELIVER, Next.FAIL):
            router.intake.delivery.finish(run.task_id, run.generation, run.reason, run.waiting_for)
            return run
        if run.next is Next.DELIVER_SAMPLED:
            router.intake.delivery.finish(run.task_id, run.generation, run.reason)
        if run.announce_hold:
            assert run.waiting_for
            router.intake.delivery.announce_hold(run.task_id, run.generation, run.waiting_for)
            run = replace(run, announce_hold=False)
        if run.next is Next.WAIT:
            router.clock.advance(run.wait_seconds)
        run = step(router, run)
    raise AssertionError("the run does not end")


def asked(router: Router) -> list[str]:
    return [question.model for question in router.model.questions]


def configured(aws: Aws, ledger: MotoLedger, task_table: TaskTable, **own: Any) -> Router:
    return build(aws, ledger, task_table, json.dumps({**SHIPPED, "pointsman": own}))


class Crash(BaseException):
    """The function dies."""


def during_the_call(router: Router, what: Callable[[], object]) -> None:
    """Let something happen while the provider thinks."""
    ask = router.model.ask

    def interrupted(question: ModelRequest) -> CallResult:
        router.model.ask = ask  # type: ignore[method-assign]
        what()
        return ask(question)

    router.model.ask = interrupted  # type: ignore[method-assign]


def dies() -> None:
    raise Crash
