"""Responses from public bug reports on the deployed stack: each task with a response of its own."""

import re
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

import pytest

from pointsman.values.status import Status
from tests.support.local_stack import Stack
from tests.support.reported import reported_responses

pytestmark = pytest.mark.stack

GEMINI, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"


@dataclass(frozen=True)
class Case:
    """A task that meets a reported response, and what must become of it."""

    report: str
    tier: str | None
    asked: list[str]
    """The models of its requests, in order."""
    reason: str | None = None
    """Of a task that fails."""
    cost_nano: int | None = None
    """None: whatever the fake providers' tokens cost."""
    cost_known: bool = True
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def task_id(self) -> str:
        return re.sub("[^a-z0-9]+", "-", f"reported {self.report}".lower())


CASES = [
    Case("BerriAI/litellm 38369", "implementation", [HAIKU], cost_nano=220_000),
    Case("theopenco/llmgateway 2642", "implementation", [HAIKU], "refused", 0),
    Case("anthropics/claude-code 58367", "implementation", [HAIKU], "blocked", 0),
    Case("anthropics/claude-code 12186", "implementation", [HAIKU, SONNET]),
    Case("qualixar/superlocalmemory 79", "implementation", [HAIKU, HAIKU]),
    Case("anthropics/claude-code 50229", "reasoning", [SONNET, SONNET]),
    Case("NousResearch/hermes-agent 70566", "reasoning", [SONNET, SONNET]),
    Case("UKGovernmentBEIS/inspect_ai 3507", "orchestration", [GEMINI, GEMINI], cost_nano=0),
    Case("google/generative-ai-docs 518", "orchestration", [GEMINI, GEMINI], cost_nano=0),
    Case("google/adk-python 1357", "orchestration", [GEMINI, HAIKU], fields={"max_output_tokens": 3000}),
    Case("QuantumNous/new-api 1358", "orchestration", [GEMINI], cost_nano=0, cost_known=False),
    Case("getzep/graphiti 1281", None, [GEMINI], cost_nano=0),
]
AT_ONCE = 4
"""Tasks: a burst would start as many Python processes at once."""
UNCLEAR = "Can somebody have a look at the thing from yesterday please?"


def test_reported_responses_end_as_they_must(stack: Stack) -> None:
    reports = reported_responses()
    for case in CASES:
        report = reports[case.report]
        stack.replay(report["provider"], report["responses"], contains=f"({case.task_id})", model=case.asked[0])
    for wave in batched(CASES, AT_ONCE, strict=False):
        for case in wave:
            tier = {"tier": case.tier} if case.tier else {}
            stack.send(prompt=f"{UNCLEAR} ({case.task_id})", task_id=case.task_id, **tier, **case.fields)
        for case in wave:
            check(stack, case)


def check(stack: Stack, case: Case) -> None:
    task = stack.ended(case.task_id)
    asked = [request["model"] for request in stack.requests(case.task_id)]
    status = Status.FAILED if case.reason else Status.COMPLETED
    assert (task.status, task.reason, asked) == (status, case.reason, case.asked), case.report
    assert (task.cost_known, task.attempts) == (case.cost_known, len(asked)), case.report
    assert case.cost_nano in (None, task.cost_nano), case.report
