"""How much of the answers' output was thinking, by type, and where less effort is worth trying."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.routing.catalog import Model
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.effort import Effort
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import parse_time
from pointsman.values.usage import Usage
from pointsman_cli.tuning.evidence import TaskOutcome

LEAST_ANSWERS = 30
"""Answers of a type without which no effort is proposed for it."""
MUCH = 0.5
"""Share of thinking in the output from which less effort is worth trying."""


@dataclass(frozen=True, slots=True)
class ThinkingFinding:
    """What the answers to tasks of a type say of thinking."""

    type: TaskType
    model: str
    """The one that answered most often."""
    answers: int
    """Of models that think."""
    output: int
    """Tokens, thinking included."""
    thinking: int
    thinking_nano: int
    """Its list price in nano-dollars."""
    effort: Effort
    """What the model is told now, or does by default."""
    proposed: Effort | None
    why: str

    @property
    def share(self) -> float:
        """Of thinking in the output."""
        return self.thinking / self.output


def thinking_findings(
    seen: Iterable[TaskOutcome], policy: RoutingPolicy, needing_more: Collection[TaskType]
) -> tuple[ThinkingFinding, ...]:
    """Return a finding for each type whose answers had thinking; types `needing_more` keep their effort."""
    of_type: dict[TaskType, list[tuple[LedgerEntry, Model]]] = {kind: [] for kind in TaskType}
    for task in seen:
        answer = task.answer
        model = policy.catalog.models.get(answer.billed_model) if answer else None
        if answer and model and model.thinking and answer.usage.output:
            of_type[task.type].append((answer, model))
    return tuple(
        _finding(kind, answers, policy, may_think_less=kind not in needing_more)
        for kind, answers in of_type.items()
        if any(answer.usage.thinking for answer, _ in answers)
    )


def _finding(
    kind: TaskType, answers: list[tuple[LedgerEntry, Model]], policy: RoutingPolicy, *, may_think_less: bool
) -> ThinkingFinding:
    usage = Usage.sum(answer.usage for answer, _ in answers)
    (model_id, _), *_ = Counter(model.id for _, model in answers).most_common(1)
    model = policy.catalog.get(model_id)
    assert model.thinking is not None
    tier = next(answer.tier for answer, answering in answers if answering is model)
    now = model.effort(policy.config.pointsman.effort_of(tier, kind)) or model.thinking.default
    below = [level for level in Effort if level in model.thinking.levels][::-1]
    less = next((level for level in below[below.index(now) + 1 :]), None)
    proposed, why = None, "stays"
    if len(answers) < LEAST_ANSWERS:
        why = f"too thin: {len(answers)} of {LEAST_ANSWERS} answers"
    elif usage.thinking < MUCH * usage.output or less is None:
        why = "stays"
    elif str(kind) in [str(name) for name in Tier]:
        why = "much, but openclaw.json has one key for this type and its tier"
    elif not may_think_less:
        why = "much, but some of these tasks needed more than they got"
    else:
        proposed, why = less, f"{MUCH:.0%} or more of the output is thinking"
    return ThinkingFinding(
        type=kind,
        model=model_id,
        answers=len(answers),
        output=usage.output,
        thinking=usage.thinking,
        thinking_nano=sum(
            model.cost_nano(Usage(output=answer.usage.thinking), parse_time(answer.at)) for answer, model in answers
        ),
        effort=now,
        proposed=proposed,
        why=why,
    )
