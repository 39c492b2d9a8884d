"""Effort and output caps on a task's way: what is asked for, what is reserved, and what follows an answer of no use."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.routing.catalog import load_catalog
from pointsman.values.effort import Effort
from pointsman.values.status import Status
from pointsman.values.usage import Usage
from tests.support.attempts import GEMINI, HAIKU, SONNET, answered, asked, configured, finished, started, step
from tests.support.aws import Aws, MotoLedger
from tests.support.router import Router

OPUS = "claude-opus-5-5"
type Configure = Callable[..., Router]


@pytest.fixture
def configure(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Configure:
    return lambda **options: configured(aws, ledger, task_table, **options)


def thinks_away_its_cap(router: Router, until: Callable[[ModelRequest], bool]) -> None:
    """Let the provider spend every cap on thinking until a request is one that it answers."""
    questions = router.model.questions

    def ask(question: ModelRequest) -> CallResult:
        questions.append(question)
        if until(question):
            return answered()
        cap = question.max_output_tokens
        return CallResult(Outcome.EMPTY, usage=Usage(input=1000, output=cap, thinking=cap), detail="max_tokens")

    router.model.ask = ask  # type: ignore[method-assign]


def thinking_is_off(question: ModelRequest) -> bool:
    return question.effort is Effort.NONE


def requests(router: Router) -> list[tuple[str, str | None, int]]:
    return [(question.model, question.effort, question.max_output_tokens) for question in router.model.questions]


@pytest.mark.parametrize(
    ("tier", "fields", "options", "request_sent"),
    [
        ("implementation", {}, {}, (HAIKU, None, 16_384)),
        ("orchestration", {}, {}, (GEMINI, None, 8_192)),
        ("reasoning", {}, {}, (SONNET, None, 16_384)),
        ("reasoning", {"effort": "max"}, {"effort": {"reasoning": "low"}}, (SONNET, "max", 16_384)),
        ("reasoning", {}, {"effort": {"reasoning": "low"}}, (SONNET, "low", 16_384)),
        (
            "implementation",
            {"type": "test_writing"},
            {"effort": {"implementation": "low", "test_writing": "none"}, "output_caps": {"test_writing": 900}},
            (HAIKU, "none", 900),
        ),
        ("implementation", {"type": "documentation"}, {"effort": {"test_writing": "none"}}, (HAIKU, None, 16_384)),
        ("orchestration", {"effort": "max"}, {}, (GEMINI, "high", 8_192)),
        ("implementation", {"max_output_tokens": 100}, {"output_caps": {"implementation": 900}}, (HAIKU, None, 100)),
        ("implementation", {"max_output_tokens": 100_000}, {}, (HAIKU, None, 100_000)),
        (
            "implementation",
            {"effort": "low", "max_output_tokens": 100_000},
            {"chains": {"implementation": ["claude-haiku-4-5"]}},
            ("claude-haiku-4-5", None, 64_000),
        ),
        ("reasoning", {"effort": "none"}, {"chains": {"reasoning": [OPUS]}}, (OPUS, "low", 16_384)),
    ],
)
def test_task_goes_before_type_and_type_before_tier(
    configure: Configure, tier: str, fields: dict[str, Any], options: dict[str, Any], request_sent: tuple[Any, ...]
) -> None:
    router = configure(**options)
    router.model.then(answered())
    finished(router, started(router, tier, **fields))
    assert requests(router) == [request_sent]
    ((_, detail),) = router.bus.events
    assert json.loads(detail)["effort"] == request_sent[1]


def test_the_cap_that_is_sent_is_what_is_reserved(configure: Configure, ledger: MotoLedger) -> None:
    router = configure(output_caps={"implementation": 50_000})
    router.model.then(CallResult(Outcome.UNKNOWN), answered())
    finished(router, started(router, "implementation"))
    (row, _) = router.task().rows
    intent = ledger.find_intent(row)
    assert intent is not None
    assert intent.spec.max_output_tokens == 50_000
    tokens = 50_000 * 500 * 11 // 10  # nano-dollars of a Haiku output token, kept within a geography
    assert tokens < intent.charge.amount < tokens + 5_000 * 200


@pytest.mark.parametrize(("tier", "model"), [("implementation", HAIKU), ("reasoning", SONNET)])
@pytest.mark.parametrize("fields", [{}, {"effort": "max"}, {"effort": "low"}, {"max_output_tokens": 20}])
def test_model_that_thinks_away_any_cap_answers_at_the_second_call(
    configure: Configure, tier: str, model: str, fields: dict[str, Any]
) -> None:
    router = configure()
    thinks_away_its_cap(router, thinking_is_off)
    finished(router, started(router, tier, **fields))
    cap = fields.get("max_output_tokens", 16_384)
    assert requests(router) == [(model, fields.get("effort"), cap), (model, "none", cap)]
    task = router.task()
    assert (task.status, task.attempts, task.effort) == (Status.COMPLETED, 2, "none")
    assert task.usage["thinking"] == cap


def test_model_that_cannot_be_silenced_gets_less_effort_and_a_larger_cap(configure: Configure) -> None:
    router = configure(chains={"reasoning": [OPUS]})
    thinks_away_its_cap(router, lambda question: question.max_output_tokens > 60_000)
    finished(router, started(router, "reasoning"))
    assert requests(router) == [(OPUS, None, 16_384), (OPUS, "low", 65_536)]


def test_the_task_s_own_cap_is_never_raised(configure: Configure) -> None:
    router = configure(chains={"reasoning": [OPUS, SONNET]})
    thinks_away_its_cap(router, thinking_is_off)
    finished(router, started(router, "reasoning", max_output_tokens=2_000))
    assert requests(router) == [
        (OPUS, None, 2_000),
        (OPUS, "low", 2_000),
        (SONNET, None, 2_000),
        (SONNET, "none", 2_000),
    ]


def test_the_cap_is_raised_no_further_than_the_budget_holds(configure: Configure) -> None:
    router = configure(chains={"reasoning": [OPUS]}, budget={"month_usd": "1.2"}, effort={"reasoning": "low"})
    thinks_away_its_cap(router, lambda question: question.max_output_tokens > 20_000)
    finished(router, started(router, "reasoning"))
    assert requests(router) == [(OPUS, "low", 16_384), (OPUS, "low", 32_768)]


def test_cap_that_the_budget_cannot_raise_is_not_asked_for_twice(configure: Configure) -> None:
    chain = {"reasoning": [OPUS, HAIKU]}
    router = configure(chains=chain, budget={"month_usd": "0.9"}, effort={"reasoning": "low"})
    thinks_away_its_cap(router, lambda question: question.model == HAIKU)
    finished(router, started(router, "reasoning"))
    assert requests(router)[0] == (OPUS, "low", 16_384)
    assert asked(router) == [OPUS, HAIKU]


def test_nothing_left_to_change_takes_the_next_model(configure: Configure) -> None:
    """A Gemini model at its lowest level has spent the task's own cap on thinking: google/adk-python 1357 and
    NousResearch/hermes-agent 87208.
    """
    router = configure(paid_models=[GEMINI])
    usage = Usage(input=1706, output=2999, thinking=2999)
    router.model.then(CallResult(Outcome.EMPTY, usage=usage, detail="finish_reason MAX_TOKENS"), answered())
    finished(router, started(router, max_output_tokens=3000))
    assert asked(router) == [GEMINI, HAIKU]
    assert router.task().cost_nano == 8_009_300 + 200_000


def test_a_free_model_that_answers_nothing_gets_room_once(configure: Configure) -> None:
    router = configure()
    thinks_away_its_cap(router, thinking_is_off)
    finished(router, started(router))
    to_gemini, to_haiku = requests(router)[:2], requests(router)[2:]
    assert to_gemini == [(GEMINI, None, 8_192), (GEMINI, None, 32_768)]
    assert to_haiku == [(HAIKU, None, 8_192), (HAIKU, "none", 8_192)]


def test_what_was_changed_outlives_a_wait_and_a_repeated_invocation(configure: Configure) -> None:
    router = configure()
    thinks_away_its_cap(router, thinking_is_off)
    first = started(router, "implementation")
    second = step(router, first)
    assert step(router, first).as_state() == {**second.as_state(), **{"attempt": 2}}
    assert len(router.model.questions) == 1
    busy, ask = iter([CallResult(Outcome.RATE_LIMITED, retry_after=1.0)]), router.model.ask

    def once_busy(question: ModelRequest) -> CallResult:
        if (result := next(busy, None)) is None:
            return ask(question)
        router.model.questions.append(question)
        return result

    router.model.ask = once_busy  # type: ignore[method-assign]
    finished(router, second)
    assert [effort for _, effort, _ in requests(router)] == [None, "none", "none"]


def test_unknown_outcome_before_it_leaves_the_second_call_to_the_thinking(configure: Configure) -> None:
    router = configure()
    thinks_away_its_cap(router, thinking_is_off)
    lost, ask = iter([CallResult(Outcome.UNKNOWN)]), router.model.ask

    def once_lost(question: ModelRequest) -> CallResult:
        if (result := next(lost, None)) is None:
            return ask(question)
        router.model.questions.append(question)
        return result

    router.model.ask = once_lost  # type: ignore[method-assign]
    end = finished(router, started(router, "reasoning"))
    assert [effort for _, effort, _ in requests(router)] == [None, None, "none"]
    assert (end.next, end.rounds) == (Next.DELIVER, 0)  # at once, not after a pause


def test_state_of_an_execution_under_way_is_read(configure: Configure) -> None:
    state = started(configure(), "implementation").as_state()
    del state["unusable_answers"]
    assert WorkflowState.from_state(state).unusable_answers == ()


def test_answer_with_text_stays_truncated(configure: Configure) -> None:
    router = configure()
    router.model.then(CallResult(Outcome.TRUNCATED, "half of", Usage(input=10, output=16_384, thinking=16_000)))
    assert finished(router, started(router, "implementation")).next is Next.DELIVER
    assert (router.task().truncated, len(router.model.questions)) == (True, 1)


def test_default_cap_gives_way_to_a_tight_budget(configure: Configure) -> None:
    router = configure(budget={"month_usd": "0.005"})
    router.model.then(answered())
    finished(router, started(router, "implementation"))
    assert requests(router) == [(HAIKU, None, 8_192)]


def test_stated_cap_gives_way_to_no_budget(configure: Configure) -> None:
    router = configure(budget={"month_usd": "0.005"}, output_caps={"implementation": 16_384})
    end = finished(router, started(router, "implementation"))
    assert (end.next, end.reason) == (Next.FAIL, "over_budget")


@pytest.mark.parametrize("model", load_catalog().models.values(), ids=lambda model: model.id)
def test_no_effort_but_the_model_s_own_is_ever_sent(configure: Configure, model: Any) -> None:
    known = set(model.thinking.levels) if model.thinking else {None}
    assert {model.effort(wanted) for wanted in Effort} <= known
    assert model.effort(None) is None
