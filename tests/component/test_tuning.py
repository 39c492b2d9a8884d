"""Tiers of types at the router, and `pointsman tune` over real books."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.adapters.decision_cache import LimitTableCache
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.calls import Purpose, Share
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.execution.records import CorrectedDecision, Correction, Payload, TaskRecord
from pointsman.routing.decision import Decision, Source
from pointsman.services.classification import TaskClassifier
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier
from pointsman.values.usage import Usage
from pointsman_cli import stacks
from pointsman_cli.main import main
from pointsman_cli.tuning.rate import LEAST_TO_RAISE
from tests.support import report_office
from tests.support.aws import Aws, MotoLedger
from tests.support.report_office import FLASH, HAIKU, SINCE, SONNET, Office, answered
from tests.support.router import SHIPPED, Router, build
from tests.support.schemas import check_printed

office = report_office.office

DOCUMENT = "Write the API reference for the billing service: every endpoint, its parameters, an example each."
EMPTY = "GET /reports answers 200 with an empty body for one tenant only"
UNCLEAR = "qzx vrrp"


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    """A router whose `openclaw.json` sends documentation to Gemini and status to Sonnet."""
    tiers = {"documentation": "orchestration", "status": "reasoning"}
    return build(
        aws, ledger, task_table, json.dumps(json.loads(SHIPPED) | {"pointsman": {"classifier": {"tiers": tiers}}})
    )


def decided(router: Router, message_id: str, prompt: str, **fields: Any) -> dict[str, Any]:
    assert router.run(QueueMessage(message_id, json.dumps({"prompt": prompt, **fields}))) == {}
    found = router.task(message_id).decision
    assert found is not None
    return found.as_dict()


def said(kind: TaskType, sure: float) -> CallResult:
    verdicts = [{"id": "1", "type": kind, "confidence": sure}]
    return CallResult(Outcome.ANSWERED, text=json.dumps({"verdicts": verdicts}), usage=Usage(input=300, output=20))


def test_a_local_verdict_follows_the_tier_of_its_type(router: Router) -> None:
    found = decided(router, "m-1", DOCUMENT)
    assert (found["type"], found["tier"], found["source"]) == ("documentation", "orchestration", "local")
    assert found["reason"].endswith("; openclaw.json sends documentation to orchestration")
    assert json.loads(router.workflow.executions["m-1"])["plan"][0]["model"] == FLASH


def test_the_sender_s_word_stands(router: Router) -> None:
    assert decided(router, "m-1", DOCUMENT, type="documentation")["tier"] == "implementation"
    assert decided(router, "m-2", DOCUMENT, tier="reasoning")["tier"] == "reasoning"


@pytest.mark.parametrize(
    ("kind", "sure", "tier"),
    [
        (TaskType.DOCUMENTATION, 0.9, "orchestration"),
        (TaskType.STATUS, 0.9, "reasoning"),
        (TaskType.DESIGN_REVIEW, 0.4, "reasoning"),
    ],
)
def test_a_model_s_word_follows_too_and_from_the_cache_again(
    router: Router, aws: Aws, kind: TaskType, sure: float, tier: str
) -> None:
    cache = LimitTableCache(aws.client("dynamodb"), aws.tables)
    own = router.intake.classifier
    object.__setattr__(router.intake, "classifier", TaskClassifier(own.ctx, own.local, cache))
    router.model.then(said(kind, sure))
    assert [decided(router, f"m-{n}", UNCLEAR)["tier"] for n in (1, 2)] == [tier] * 2
    assert len(router.model.questions) == 1


def test_an_unsure_word_never_makes_a_task_cheaper(router: Router) -> None:
    router.model.then(said(TaskType.DOCUMENTATION, 0.4))
    assert decided(router, "m-1", UNCLEAR)["tier"] in ("implementation", "reasoning")


def test_a_guess_never_makes_a_task_cheaper(router: Router) -> None:
    router.model.then(CallResult(Outcome.QUOTA_EXHAUSTED), CallResult(Outcome.ACCOUNT, account=AccountTrouble.KEY))
    assert decided(router, "m-1", UNCLEAR)["tier"] == "implementation"


@pytest.fixture
def desk(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Office:
    """Books and tasks that the command finds; the file that it decides by lies in its directory."""
    check_printed(monkeypatch)

    def find(*_: Any) -> SimpleNamespace:
        return SimpleNamespace(runtime=office.runtime, say_stand_in=lambda: None)

    monkeypatch.setattr(stacks, "connect", find)
    monkeypatch.chdir(tmp_path)
    return office


def put(desk: Office, task_id: str, kind: TaskType, *, text: str = DOCUMENT, to: TaskType | None = None) -> None:
    decision = Decision(kind, TIER_OF[kind], Source.LOCAL, 0.97, "")
    body = Payload(inline=json.dumps({"prompt": text}))
    record = TaskRecord(task_id, Status.CLAIMED, body=body, decision=decision, received_at="2026-11-21T20:00:00.000Z")
    assert desk.runtime.stores.tasks.claim(record) is None
    if to:
        correction = Correction(to, TIER_OF[to], "2026-11-21T21:00:00.000Z", CorrectedDecision.of(decision))
        desk.runtime.stores.tasks.correct(task_id, correction)


def answer(desk: Office, task_id: str, model: str, tier: Tier, *before: CallResult) -> int:
    spent = 0
    for number, result in enumerate([*before, answered(model, Usage(input=9_000, output=1_000))], 1):
        asked = HAIKU if number <= len(before) else model
        order = desk.call_spec(task_id, asked, number, tier=tier)
        spent += desk.call(order, SINCE + timedelta(seconds=9 * number), result)
    return spent


def tuned(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["tune", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_without_tasks_the_evidence_is_too_thin(desk: Office, capsys: pytest.CaptureFixture[str]) -> None:
    found = tuned(capsys)
    assert (found["tasks"], found["proposed"], found["diff"], found["effects"]) == (0, False, "", None)
    assert found["threshold"]["why"] == "too thin: 0 of 30 labels"
    assert main(["tune"]) == 0
    shown = capsys.readouterr().out
    assert "Stays: too thin: 0 of 30 labels." in shown
    assert "None: openclaw.json stays as it is." in shown


def test_what_the_books_and_corrections_say(desk: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Endpoints that people call debugging, one text that Haiku refused, one task whose record is gone."""
    spent = 0
    for number in range(LEAST_TO_RAISE):
        put(desk, f"get-{number}", TaskType.API_ENDPOINT, text=EMPTY, to=TaskType.COMPLEX_DEBUGGING)
        spent += answer(desk, f"get-{number}", HAIKU, Tier.IMPLEMENTATION)
    put(desk, "hard", TaskType.CODE_GENERATION, text="Why does \x1b[31mthis deadlock?")
    spent += answer(desk, "hard", SONNET, Tier.IMPLEMENTATION, CallResult(Outcome.REFUSED, usage=Usage(input=9_000)))
    answer(desk, "gone", HAIKU, Tier.IMPLEMENTATION)
    order = desk.call_spec("classify-1", FLASH, purpose=Purpose.CLASSIFICATION, tier=Tier.ORCHESTRATION, type=None)
    desk.call(order, SINCE, answered(FLASH, Usage(input=100)), (Share("get-0", 0, Usage(input=100), {}, None),))
    desk.clock.time = SINCE + timedelta(days=2)

    found = tuned(capsys)
    assert (found["tasks"], found["unreadable"], found["booked_nano_usd"]) == (LEAST_TO_RAISE + 1, 1, spent)
    assert found["classified"] == {"corrected": LEAST_TO_RAISE, "escalated": 1, "silence": 0}
    ways = [(each["from"], each["to"], each["tasks"]) for each in found["effects"]["moved"]]
    assert ways == [("implementation", "reasoning", LEAST_TO_RAISE)]
    haiku, sonnet = 9_000 * 100 + 1_000 * 500, 9_000 * 2_000 + 1_000 * 10_000
    cost = {"before": LEAST_TO_RAISE * haiku, "after": LEAST_TO_RAISE * sonnet}
    assert (found["effects"]["cost_nano_usd"], found["effects"]["list_price_nano_usd"]) == (cost, cost)
    assert [each["task_id"] for each in found["only_reasoning"]][-1] == "hard"
    assert '"tiers": {"api_endpoint": "reasoning"}' in found["diff"]

    assert main(["tune"]) == 0
    shown = capsys.readouterr().out
    assert f"{LEAST_TO_RAISE}: {LEAST_TO_RAISE} to the tier they needed, 0 away from it, 0 of which" in shown
    assert "\x1b" not in shown
    assert f"refused by {HAIKU}; then answered by {SONNET}" in shown
    assert found["diff"] in shown


def test_days_before_the_span_are_not_looked_at(desk: Office, capsys: pytest.CaptureFixture[str]) -> None:
    put(desk, "doc", TaskType.DOCUMENTATION)
    answer(desk, "doc", HAIKU, Tier.IMPLEMENTATION)
    desk.clock.time = SINCE + timedelta(days=29)
    assert tuned(capsys)["tasks"] == 1
    desk.clock.time = SINCE + timedelta(days=31)
    assert tuned(capsys)["tasks"] == 0
