"""`pointsman evaluate --live`: what is asked is booked, and counted from the books."""

import json
from dataclasses import replace
from typing import Any

from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.routing.decision import Source
from pointsman.values.taxonomy import TaskType
from pointsman.values.usage import Usage
from pointsman_cli.evaluation import routing
from pointsman_cli.evaluation.examples import Example
from pointsman_cli.stacks import operator_runtime
from tests.support.aws import Aws
from tests.support.fakes import ScriptedModel
from tests.support.router import SHIPPED

PLAIN = Example("1", "Write unit tests for the invoice parser: empty file, missing columns.", TaskType.TEST_WRITING)
UNCLEAR = [Example(str(number), f"qzx vrrp {'wolk ' * number}", TaskType.PLANNING) for number in range(2, 14)]


def scripted(aws: Aws) -> tuple[Runtime, ScriptedModel]:
    """Return a runtime whose models say what the test wants, and what makes them say it."""
    model, runtime = ScriptedModel(), operator_runtime(aws.settings(), SHIPPED, aws.session)
    return replace(runtime, context=replace(runtime.context, model=lambda _: model)), model


def said(count: int) -> CallResult:
    verdicts: list[dict[str, Any]] = [
        {"id": str(number), "type": "planning", "confidence": 0.9} for number in range(1, count + 1)
    ]
    return CallResult(Outcome.ANSWERED, text=json.dumps({"verdicts": verdicts}), usage=Usage(input=900, output=80))


def test_undecided_texts_are_asked_in_batches_and_counted_as_charged(aws: Aws) -> None:
    runtime, model = scripted(aws)
    model.then(said(10), said(2))
    routed, asking = routing.route_live(runtime, [PLAIN, *UNCLEAR])
    assert [routed_text.decision.source for routed_text in routed] == [Source.LOCAL] + [Source.GEMINI] * 12
    assert [routed_text.sure for routed_text in routed] == [True] + [False] * 12
    assert (asking.requests, asking.requests_in_batches) == (2, None)
    assert asking.costs_nano == {"gemini-3.5-flash-lite": 0}


def test_haiku_cost_equals_the_ledger_and_skips_the_cache(aws: Aws) -> None:
    runtime, model = scripted(aws)
    full = CallResult(Outcome.QUOTA_EXHAUSTED)
    model.then(full, said(1), said(1))
    for _ in range(2):  # Gemini's quota of the day is used up at the first; the second asks Haiku again
        routed, asking = routing.route_live(runtime, UNCLEAR[:1])
        assert routed[0].decision.source is Source.HAIKU
        assert asking.costs_nano["claude-haiku-5-5"] == 900 * 100 + 80 * 500
    assert len(model.questions) == 3
