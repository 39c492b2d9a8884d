"""The comparison: both judges see an audited task's answers in both orders, blind, once, and within the budget."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pointsman.adapters.quality_items import DynamoQuality
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN
from pointsman.execution.calls import ModelRequest
from pointsman.execution.comparison import JudgedPair, PairKind, Preferred
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.report.figures.quality import score_of
from pointsman.services.call import close_unknown
from tests.support.attempts import (
    GEMINI,
    HAIKU,
    SONNET,
    USED,
    Crash,
    answered,
    asked,
    configured,
    dies,
    during_the_call,
    finished,
    started,
    step,
)
from tests.support.aws import Aws, MotoLedger
from tests.support.fakes import NOON
from tests.support.router import Router

type Configure = Callable[..., Router]
ORDERS = [HAIKU, HAIKU, GEMINI, GEMINI]
BOTH = frozenset({"anthropic", "gemini"})


@pytest.fixture
def configure(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Configure:
    def make(quality: dict[str, Any] | None = None, **own: Any) -> Router:
        rules = {"judges": [HAIKU, GEMINI], "controls": 0, **(quality or {})}
        return configured(aws, ledger, task_table, audit={"share": 1}, quality=rules, **own)

    return make


@pytest.fixture
def quality(aws: Aws) -> DynamoQuality:
    return DynamoQuality(aws.client("dynamodb"), aws.tables)


def word(better: str) -> CallResult:
    return CallResult(Outcome.ANSWERED, json.dumps({"better": better}), USED)


def judged(quality: DynamoQuality) -> JudgedPair:
    (pair,) = quality.pairs(["2026-11"])
    return pair


def comparisons(router: Router, ledger: MotoLedger) -> list[dict[str, Any]]:
    rows = ledger.reader.rows(NOON, router.clock.now() + timedelta(days=1))
    return [row for row in rows if row["kind"] == "attempt" and row["purpose"] == "comparison"]


def shown(question: ModelRequest) -> dict[str, str]:
    data: dict[str, str] = json.loads(question.prompt.split("\n", 1)[1])
    return data


def to_comparison(router: Router, number: int = 1) -> WorkflowState:
    """Play a task up to the comparison of that number, whose answer is yet to come."""
    run = started(router, "implementation", metadata={"ticket": "A-1"})
    while run.comparison != number:
        run = step(router, replace(run, next=Next.RUN))
        if run.next is Next.DELIVER_SAMPLED:
            router.intake.delivery.finish(run.task_id, run.generation, None)
    return run


def test_each_judge_sees_both_orders_and_not_whose_answers_they_are(
    configure: Configure, ledger: MotoLedger, quality: DynamoQuality
) -> None:
    router = configure()
    router.model.then(answered("cheap"), answered("dear"))
    router.model.then(word("first"), word("second"), word("second"), word("same"))
    end = finished(router, started(router, "implementation", metadata={"ticket": "A-1"}))
    assert (end.next, end.delivered) == (Next.DELIVER, True)
    assert asked(router) == [HAIKU, SONNET, *ORDERS]
    questions = router.model.questions[2:]
    data = [shown(question) for question in questions]
    assert [(entry["first_answer"], entry["second_answer"]) for entry in data] == [
        ("cheap", "dear"),
        ("dear", "cheap"),
    ] * 2
    assert {entry["task"] for entry in data} == {"Is it done?"}
    for question in questions:
        sent = question.prompt + question.system
        assert not any(name in sent for name in (HAIKU, SONNET, "baseline", "delivered"))
    pair = judged(quality)
    assert (pair.pair.task_id, pair.pair.delivered, pair.pair.baseline) == ("t-1", HAIKU, SONNET)
    assert (pair.pair.tier, pair.judges) == ("implementation", {"anthropic": HAIKU, "gemini": GEMINI})
    assert [entry.preferred for entry in pair.words] == [
        Preferred.DELIVERED,
        Preferred.DELIVERED,
        Preferred.BASELINE,
        Preferred.SAME,
    ]
    assert score_of(pair, BOTH) == 0.25


def test_comparisons_are_booked_under_their_own_purpose(configure: Configure, ledger: MotoLedger) -> None:
    router = configure()
    router.model.then(answered("cheap"), answered("dear"), *[word("same")] * 4)
    finished(router, started(router, "implementation", metadata={"ticket": "A-1"}))
    task, rows = router.task(), comparisons(router, ledger)
    assert [(row["comparison"], row["better"], row["metadata"]["ticket"]) for row in rows] == [
        ("pair", "same", "A-1")
    ] * 4
    assert [row["cost_nano"] > 0 for row in rows] == [True, True, False, False]
    assert [row["billing"] for row in rows] == ["paid", "paid", "free", "free"]
    counters = ledger.reader.counters("2026-11")
    assert task.audit is not None
    spent = task.cost_nano + (task.audit.cost_nano or 0) + sum(row["cost_nano"] for row in rows)
    assert (counters["month"], counters["month" + OPEN]) == (spent, 0)
    assert (task.attempts, len(task.rows), task.audit.compared) == (1, 1, 4)
    assert len(router.bus.events) == 1


def test_controls_are_shown_to_each_judge_in_their_share(
    configure: Configure, ledger: MotoLedger, quality: DynamoQuality
) -> None:
    router = configure({"controls": 1})
    router.model.then(answered("a b c d e f g h i j k l"), answered("dear"), *[word("first")] * 6)
    finished(router, started(router, "implementation"))
    assert asked(router)[2:] == [*ORDERS, HAIKU, GEMINI]
    kinds = [entry.kind for entry in judged(quality).words]
    control = kinds[-1]
    assert sorted(kinds) == sorted([PairKind.PAIR] * 4 + [control] * 2)
    assert control is not PairKind.PAIR
    assert {row["comparison"] for row in comparisons(router, ledger)} == {"pair", control}


@pytest.mark.parametrize(
    ("quality_rules", "fields"),
    [({"judges": []}, {}), ({}, {"private": True})],
    ids=["without judges", "private"],
)
def test_nothing_is_asked_about_what_is_not_for_judges(
    configure: Configure, quality_rules: dict[str, Any], fields: dict[str, Any]
) -> None:
    router = configure(quality_rules)
    router.model.then(answered(), answered())
    assert finished(router, started(router, "implementation", **fields)).next is Next.DELIVER
    assert asked(router) == [HAIKU, SONNET]


def test_without_quality_an_audit_ends_as_before(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    router = configured(aws, ledger, task_table, audit={"share": 1})
    router.model.then(answered(), answered())
    finished(router, started(router, "implementation"))
    assert asked(router) == [HAIKU, SONNET]


def test_audit_without_an_answer_is_not_compared(configure: Configure) -> None:
    router = configure()
    router.model.then(answered(), CallResult(Outcome.REFUSED))
    finished(router, started(router, "implementation"))
    assert asked(router) == [HAIKU, SONNET]


@pytest.mark.parametrize("text", ["", "the first one", '{"better": "left"}', '{"better": null}'])
def test_answer_that_is_no_word_counts_for_nothing(configure: Configure, quality: DynamoQuality, text: str) -> None:
    router = configure({"judges": [HAIKU]})
    router.model.then(answered("cheap"), answered("dear"), CallResult(Outcome.ANSWERED, text, USED), word("first"))
    finished(router, started(router, "implementation"))
    pair = judged(quality)
    assert [entry.order for entry in pair.words] == [2]
    assert score_of(pair, BOTH) is None


def test_crash_in_a_comparison_is_never_repeated(
    configure: Configure, ledger: MotoLedger, quality: DynamoQuality
) -> None:
    router = configure({"judges": [HAIKU]})
    router.model.then(answered("cheap"), answered("dear"))
    run = to_comparison(router)
    during_the_call(router, dies)
    with pytest.raises(Crash):
        step(router, run)
    router.model.then(word("first"))
    again = step(router, replace(run, attempt=run.attempt + 1, crashes=1))
    assert (again.comparison, again.next, asked(router)) == (2, Next.RUN, [HAIKU, SONNET])
    assert step(router, again).next is Next.DELIVER
    for intent in ledger.open_intents(NOON, NOON + timedelta(hours=1)):
        close_unknown(router.intake.ctx, intent)  # as the sweep does
    assert [row["outcome"] for row in comparisons(router, ledger)] == ["unknown", "answered"]
    assert ledger.reader.counters("2026-11")["month" + OPEN] == 0
    assert [entry.order for entry in judged(quality).words] == [2]


def test_comparison_that_was_answered_and_not_reported_is_not_asked_again(
    configure: Configure, quality: DynamoQuality
) -> None:
    router = configure({"judges": [HAIKU]})
    router.model.then(answered("cheap"), answered("dear"), word("first"), word("second"))
    run = to_comparison(router)
    assert step(router, run).comparison == 2
    onward = step(router, replace(run, attempt=run.attempt + 1, crashes=1))
    assert onward.comparison == 2
    assert step(router, onward).next is Next.DELIVER
    assert len(judged(quality).words) == 2


def test_audit_that_was_answered_and_not_reported_goes_on_to_its_comparisons(configure: Configure) -> None:
    router = configure({"judges": [HAIKU]})
    router.model.then(answered("cheap"), answered("dear"), word("same"), word("same"))
    run = step(router, started(router, "implementation"))
    router.intake.delivery.finish(run.task_id, run.generation, None)
    step(router, replace(run, next=Next.RUN))
    finished(router, replace(run, next=Next.RUN, attempt=run.attempt + 1, crashes=1))
    assert asked(router) == [HAIKU, SONNET, HAIKU, HAIKU]


def test_beyond_the_budget_comparisons_are_left_out_and_refuse_nobody(configure: Configure, ledger: MotoLedger) -> None:
    router = configure({"judges": [HAIKU, GEMINI]})
    router.model.then(answered("cheap"), answered("dear"), word("same"), word("same"))
    run = to_comparison(router)
    options = router.intake.ctx.policy.config.pointsman
    options.__dict__["budget"] = options.budget.model_copy(update={"month_usd": Decimal("0.000001")})
    finished(router, run)
    assert asked(router)[2:] == [GEMINI, GEMINI]
    assert "refused" not in str(ledger.reader.counters("2026-11"))


def test_busy_judge_is_waited_for_a_few_times(configure: Configure, quality: DynamoQuality) -> None:
    """A free model's minute is full: nothing was sent, so the same comparison is asked later."""
    router = configure({"judges": [GEMINI]}, quotas={GEMINI: {"rpm": 1}})
    router.model.then(answered("cheap"), answered("dear"), word("first"), word("second"))
    finished(router, started(router, "implementation"))
    assert len(judged(quality).words) == 2
    assert timedelta(minutes=1) <= router.clock.now() - NOON < timedelta(minutes=10)


def test_answers_too_long_to_be_compared_are_passed_over(configure: Configure) -> None:
    router = configure({"judges": [HAIKU]})
    router.model.then(answered("c" * 40_000), answered("d" * 40_000))
    assert finished(router, started(router, "implementation")).next is Next.DELIVER
    assert asked(router) == [HAIKU, SONNET]


def test_person_s_word_is_kept_with_the_judges(
    configure: Configure, quality: DynamoQuality, task_table: TaskTable
) -> None:
    router = configure({"judges": [HAIKU]})
    router.model.then(answered("cheap"), answered("dear"), word("first"), word("second"))
    finished(router, started(router, "implementation"))
    assert score_of(judged(quality), BOTH) == 1.0
    assert task_table.judge_audit(router.task().pair, Preferred.BASELINE, NOON)
    assert task_table.judge_audit(router.task().pair, Preferred.SAME, NOON)
    pair = judged(quality)
    assert (score_of(pair, BOTH), len(pair.words)) == (0.0, 2)
    audit = router.task().audit
    assert audit is not None
    assert audit.judgement is not None
    assert audit.judgement["better"] == "same"


def test_person_judges_where_no_model_does(configure: Configure, quality: DynamoQuality, task_table: TaskTable) -> None:
    router = configure({"judges": []})
    router.model.then(answered("cheap"), answered("dear"))
    finished(router, started(router, "implementation", private=True))
    assert list(quality.pairs(["2026-11"])) == []
    assert task_table.judge_audit(router.task().pair, Preferred.DELIVERED, NOON)
    assert score_of(judged(quality), BOTH) == 1.0


def test_task_without_a_second_answer_cannot_be_judged(
    configure: Configure, quality: DynamoQuality, task_table: TaskTable
) -> None:
    router = configure()
    router.model.then(answered("cheap"), answered("dear"), *[word("same")] * 4)
    finished(router, started(router, "implementation"))
    missing = replace(router.task().pair, task_id="t-2")
    assert not task_table.judge_audit(missing, Preferred.SAME, NOON)
    assert [pair.pair.task_id for pair in quality.pairs(["2026-10", "2026-11"])] == ["t-1"]
