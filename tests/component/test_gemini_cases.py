"""Answers of Gemini from public reports, through the real SDK, the router, the tier function, ledger and delivery."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pointsman.adapters.gemini import Gemini
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult
from pointsman.routing.decision import Source
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType
from tests.support.attempts import GEMINI, HAIKU, answered, asked, configured, finished, started
from tests.support.aws import Aws, MotoLedger
from tests.support.model_calls import KEY, serve_response
from tests.support.router import Router

UNCLEAR = "Can somebody have a look at the thing from yesterday please?"
type Serve = Callable[[dict[str, Any], dict[str, object]], Router]


@pytest.fixture
def serve(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Iterator[Serve]:
    """Return what builds a router whose Gemini gives one response, and whose Haiku is scripted."""
    with ExitStack() as stack:

        def build(options: dict[str, Any], response: dict[str, object]) -> Router:
            router = configured(aws, ledger, task_table, **options)
            url, _ = stack.enter_context(serve_response(response))
            adapter, scripted = Gemini(KEY, url), router.model.ask
            stack.callback(adapter._client.close)

            def ask(question: ModelRequest) -> CallResult:
                if not question.model.startswith("gemini"):
                    return scripted(question)
                router.model.questions.append(question)
                return adapter.ask(question)

            router.model.ask = ask  # type: ignore[method-assign]
            return router

        yield build


def said(text: str) -> dict[str, object]:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 1706, "candidatesTokenCount": 40, "totalTokenCount": 1746}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": GEMINI}


def test_classification_in_a_fence_decides(serve: Serve) -> None:
    """getzep/graphiti 1281 and nanobrowser/nanobrowser 264."""
    fenced = '```json\n{"verdicts":[{"id":"1","type":"status","confidence":0.95}]}\n```'
    router = serve({"paid_models": [GEMINI]}, said(fenced))
    assert router.run(QueueMessage("m-1", json.dumps({"prompt": UNCLEAR, "task_id": "t-1"}))) == {}
    decision = router.task().decision
    assert decision is not None
    assert (decision.type, decision.source, asked(router)) == (TaskType.STATUS, Source.GEMINI, [GEMINI])


def test_subtasks_in_a_fence_are_dispatched(serve: Serve) -> None:
    parts = [{"prompt": f"Part {number}", "type": "status"} for number in (1, 2)]
    text = "```json\n" + json.dumps({"answer": "Two parts.", "subtasks": parts}) + "\n```"
    router = serve({"paid_models": [GEMINI]}, said(text))
    finished(router, started(router, split=True))
    task = router.task()
    assert (task.status, len(task.subtasks), task.attempts) == (Status.WAITING, 2, 1)


def test_thinking_that_ate_the_task_s_own_cap_is_not_paid_twice(serve: Serve) -> None:
    """google/adk-python 1357 and NousResearch/hermes-agent 87208."""
    response: dict[str, object] = {
        "candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 1706, "thoughtsTokenCount": 2999, "totalTokenCount": 4705},
        "modelVersion": GEMINI,
    }
    router = serve({"paid_models": [GEMINI]}, response)
    router.model.then(answered())
    finished(router, started(router, max_output_tokens=3000))
    assert asked(router) == [GEMINI, HAIKU]
    task = router.task()
    assert (task.status, task.usage["thinking"], task.cost_nano) == (Status.COMPLETED, 2999, 8_009_300 + 200_000)


def test_total_above_its_parts_is_an_unknown_cost_at_the_reservation(serve: Serve, ledger: MotoLedger) -> None:
    """QuantumNous/new-api 1358: 68 tokens of the total are in none of its parts."""
    model = "gemini-3.8-flash"
    chains = {"orchestration": [model, HAIKU]}
    response = {
        **said("ok"),
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 9, "totalTokenCount": 88},
        "modelVersion": model,
    }
    router = serve({"chains": chains, "paid_models": [model]}, response)
    finished(router, started(router))
    task = router.task()
    intent = ledger.find_intent(task.rows[0])
    assert intent is not None
    assert (task.status, task.cost_known, task.cost_nano) == (Status.COMPLETED, False, intent.charge.amount)
    assert task.cost_nano > 297_000
