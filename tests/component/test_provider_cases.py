"""Responses from public bug reports, replayed to the real SDKs: through router, tier functions, ledger and delivery."""

import json
from datetime import date
from typing import Any

import pytest

from pointsman.ports import LedgerView
from pointsman.routing.decision import Source
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType
from tests.support.attempts import GEMINI, HAIKU, SONNET
from tests.support.product import EndedTask, Product
from tests.support.reported import reported_responses

REPORTED = reported_responses()
FLASH = "gemini-3.8-flash"
TO_FLASH = {"chains": {"implementation": [HAIKU, FLASH]}}
FROM_FLASH = {"chains": {"orchestration": [FLASH, HAIKU]}}
PAID = {"paid_models": [GEMINI]}
CODE = {"prompt": "Write a parser", "tier": "implementation"}
LONG = {"prompt": "word " * 40_000, "tier": "implementation"}
DESIGN = {"prompt": "Design it", "tier": "reasoning"}
STATUS = {"prompt": "Is it up?", "tier": "orchestration"}
UNCLEAR = {"prompt": "Can somebody have a look at the thing from yesterday please?"}


def replay(product: Product, case: str) -> None:
    reported = REPORTED[case]
    product.providers.replay(reported["provider"], reported["responses"])


def told(ended: EndedTask) -> tuple[str, str | None, int]:
    """Return status, reason and cost as the receiver got them."""
    return ended.delivered["status"], ended.delivered["reason"], ended.delivered["cost_nano_usd"]


@pytest.mark.parametrize(
    ("case", "options", "task", "calls"),
    [
        ("anthropics/claude-code 4684", TO_FLASH, CODE, [(HAIKU, "account", 0), (FLASH, "answered", 200_250)]),
        ("anthropics/claude-code 12186", TO_FLASH, LONG, [(HAIKU, "too_long", 0), (FLASH, "answered", 37_701_000)]),
        ("openclaw/openclaw 144308", TO_FLASH, CODE, [(HAIKU, "rate_limited", 0), (FLASH, "answered", 200_250)]),
        ("google-gemini/gemini-cli 1993", {}, STATUS, [(GEMINI, "account", 0), (HAIKU, "answered", 21_500)]),
        ("google-gemini/gemini-cli 22486", {}, STATUS, [(GEMINI, "quota_exhausted", 0), (HAIKU, "answered", 21_500)]),
        ("JeffOtano/roni 125", PAID, STATUS, [(GEMINI, "account", 0), (HAIKU, "answered", 21_500)]),
        ("can1357/oh-my-pi 12421", {}, CODE, [(HAIKU, "rate_limited", 0), (SONNET, "answered", 534_000)]),
        ("anthropics/claude-code 50229", {}, DESIGN, [(SONNET, "unavailable", 0), (SONNET, "answered", 522_000)]),
        ("NousResearch/hermes-agent 70566", {}, DESIGN, [(SONNET, "unavailable", 0), (SONNET, "answered", 522_000)]),
        ("qualixar/superlocalmemory 79", {}, CODE, [(HAIKU, "rate_limited", 0), (HAIKU, "answered", 24_700)]),
        ("UKGovernmentBEIS/inspect_ai 3507", {}, STATUS, [(GEMINI, "unavailable", 0), (GEMINI, "answered", 0)]),
        ("google/generative-ai-docs 518", {}, STATUS, [(GEMINI, "empty", 0), (GEMINI, "answered", 0)]),
        ("BerriAI/litellm 38369", {}, CODE, [(HAIKU, "answered", 220_000)]),
        ("epam/ai-dial-adapter-vertexai 325", FROM_FLASH, STATUS,
            [(FLASH, "empty", 63_750), (FLASH, "empty", 63_750), (HAIKU, "answered", 21_500)]),
        ("google/adk-python 1357", PAID, {**STATUS, "max_output_tokens": 3000},
            [(GEMINI, "empty", 8_009_300), (HAIKU, "answered", 21_500)]),
    ],
)  # fmt: skip
def test_reported_response_is_followed_and_booked(
    product: Product, case: str, options: dict[str, Any], task: dict[str, Any], calls: list[tuple[str, str, int]]
) -> None:
    replay(product, case)
    ended = product.do(task, **options)
    assert ended.calls == calls
    assert ended.asked == [model for model, _, _ in calls]
    assert told(ended) == ("completed", None, sum(cost for _, _, cost in calls))
    assert (ended.record.cost_known, ended.delivered["model"]) == (True, calls[-1][0])


@pytest.mark.parametrize(
    ("case", "reason"), [("theopenco/llmgateway 2642", "refused"), ("anthropics/claude-code 58367", "blocked")]
)
def test_refusal_of_the_content_is_final_and_free(product: Product, case: str, reason: str) -> None:
    replay(product, case)
    ended = product.do(CODE, **TO_FLASH)
    assert (ended.calls, told(ended)) == ([(HAIKU, reason, 0)], ("failed", reason, 0))


def test_total_above_its_parts_is_an_unknown_cost_at_the_reservation(product: Product) -> None:
    """68 tokens of the total are in none of its parts; as output they would cost 255,000 nano-dollars."""
    replay(product, "QuantumNous/new-api 1358")
    ended = product.do(STATUS, **FROM_FLASH)
    intent = product.configured(**FROM_FLASH).app.ledger.find_intent(ended.record.rows[0])
    assert intent is not None
    assert (ended.calls, ended.record.cost_known) == ([(FLASH, "answered", intent.charge.amount)], False)
    assert intent.charge.amount > 297_000


def test_account_trouble_rests_the_provider_for_the_tasks_that_follow(product: Product) -> None:
    replay(product, "anthropics/claude-code 4684")
    first, second = product.do(CODE, **TO_FLASH), product.do(CODE, **TO_FLASH)
    assert (first.asked, second.asked) == ([HAIKU, FLASH], [FLASH])
    states = product.configured(**TO_FLASH).app.runtime.stores.model_health.states([HAIKU, SONNET])
    assert {name: state.account for name, state in states.items()} == {HAIKU: "credit", SONNET: "credit"}


def test_page_of_a_proxy_retires_no_model(product: Product) -> None:
    replay(product, "anthropics/claude-code 50229")
    ended = [product.do(DESIGN) for _ in range(2)]
    assert [task.asked for task in ended] == [[SONNET, SONNET], [SONNET]]
    assert not ended[-1].models[SONNET].retired


def test_model_that_refused_is_not_asked_again_while_the_other_provider_rests(product: Product) -> None:
    product.providers.fault("anthropic", {"preset": "unknown_4xx"}, times=1)
    product.providers.fault("gemini", {"preset": "prepaid_empty"}, times=2)
    ended = product.do(CODE, **TO_FLASH)
    assert ended.calls == [(HAIKU, "invalid", 0), *[(FLASH, "account", 0)] * 2, (FLASH, "answered", 200_250)]
    assert ended.asked == [model for model, _, _ in ended.calls]


def test_refusal_that_is_not_recognized_is_final_by_a_second_model(product: Product) -> None:
    for provider in ("anthropic", "gemini"):
        product.providers.fault(provider, {"preset": "unknown_4xx"})
    ended = product.do(CODE, **TO_FLASH)
    assert (ended.calls, told(ended)) == ([(HAIKU, "invalid", 0), (FLASH, "invalid", 0)], ("failed", "invalid", 0))


def test_model_that_refused_is_passed_over_where_a_function_crashes(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    product.providers.fault("anthropic", {"preset": "unknown_4xx"})
    player = product.configured(chains={"implementation": [FLASH, HAIKU]})
    ledger, crashes = player.app.ledger, iter(range(4))
    look = ledger.look

    def crash(task_id: str, model: str, today: date) -> LedgerView:
        if model == FLASH and next(crashes, None) is not None:
            raise MemoryError
        return look(task_id, model, today)

    monkeypatch.setattr(ledger, "look", crash)
    ended = product.end(player, product.send(player, **CODE))
    assert ended.calls == [(HAIKU, "invalid", 0), (FLASH, "answered", 200_250)]
    assert player.crashes == ["MemoryError"] * 4


def test_classification_in_a_fence_decides(product: Product) -> None:
    replay(product, "getzep/graphiti 1281")
    ended = product.do(UNCLEAR, **PAID)
    decision = ended.record.decision
    assert decision is not None
    assert (decision.type, decision.source, ended.asked) == (TaskType.STATUS, Source.GEMINI, [GEMINI])


def test_subtasks_in_a_fence_are_dispatched(product: Product) -> None:
    parts = [{"prompt": f"Part {number}", "type": "status"} for number in (1, 2)]
    text = "```json\n" + json.dumps({"answer": "Two parts.", "subtasks": parts}) + "\n```"
    product.providers.replay("gemini", [{"text": text}])
    player = product.configured(**PAID)
    task_id = product.send(player, **STATUS, split=True)
    player.play(task_id)
    task = player.task(task_id)
    assert (task.status, len(task.subtasks), task.attempts) == (Status.WAITING, 2, 1)
