"""What the answers would have cost on the baseline model, compared with what was spent."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.report.figures.month import percent_of
from pointsman.report.figures.sums import Summable
from pointsman.routing.catalog import Model
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time
from pointsman.values.usage import Usage

_PARTS = ("answers", "classification", "failed", "checking", "unknown", "open")
"""Of what was spent."""
ESTIMATE = "an estimate: another model would count the tokens of the same text differently"


@dataclass(frozen=True, slots=True)
class Comparison(Summable):
    """What some time cost, beside the cost of the same answers on the baseline model."""

    configured: str
    model: str
    """The baseline: the configured model, or its successor once that has retired."""
    answers: int
    usage: Usage
    """Tokens of the attempts that gave a task its answer."""
    baseline_nano: int
    """Those tokens at the model's list price at the time, with cached tokens as plain input."""
    actual_nano: int
    """All that was spent: the sum of the next six amounts."""
    answers_nano: int
    """Calls that gave a task its answer."""
    classification_nano: int
    """Classifications of known cost."""
    failed_nano: int
    """Calls without an answer (errors, refusals, empty answers), and answers that a later one replaced."""
    checking_nano: int
    """Judges of answers, and audits: second answers to a sample of the tasks."""
    unknown_nano: int
    """Reserved by calls whose cost will never be known."""
    open_nano: int
    """Reserved by open calls."""
    aws_nano: int
    """What AWS charges, an estimate; not part of `actual_nano`, which the ledger books."""
    mix: dict[Tier, int]
    """Answers by tier: the traffic that the comparison holds for."""

    def __add__(self, other: "Comparison") -> "Comparison":
        """Return the sum of both; they have the same baseline."""
        assert self.model == other.model
        return Summable.__add__(self, other)

    @property
    def saved_nano(self) -> int:
        """Baseline minus all costs; negative when the time cost more than the baseline."""
        return self.baseline_nano - self.actual_nano - self.aws_nano

    @property
    def percent(self) -> float | None:
        """The saving as a percentage of the baseline; None without a baseline cost."""
        return percent_of(self.saved_nano, self.baseline_nano)


def compare(attempts: Iterable[LedgerEntry], policy: RoutingPolicy, day: datetime) -> Comparison:
    """Return the comparison of these attempts without AWS; a retired baseline is replaced as of `day`."""
    entries = list(attempts)
    model = policy.resolve(policy.config.baseline, day)
    answers = final_answers(entries)
    final = {(answer.task_id, answer.attempt_id) for answer in answers}
    costs: Counter[str] = Counter()
    for entry in entries:
        replaced = entry.gave_answer and (entry.task_id, entry.attempt_id) not in final
        costs["failed" if replaced and entry.cost_known else _part(entry)] += entry.cost_nano
    return Comparison(
        configured=policy.config.baseline,
        model=model.id,
        answers=len(answers),
        usage=Usage.sum(answer.usage for answer in answers),
        baseline_nano=sum(baseline_cost_nano(model, answer) for answer in answers),
        actual_nano=costs.total(),
        **{f"{part}_nano": costs[part] for part in _PARTS},
        aws_nano=0,
        mix={tier: sum(answer.tier is tier for answer in answers) for tier in Tier},
    )


def final_answers(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Return the attempts whose answer stands: the last one of each task's generation that gave one."""
    final = {(entry.task_id, entry.generation): entry.attempt_id for entry in entries if entry.gave_answer}
    return [
        entry for entry in entries if entry.gave_answer and final[entry.task_id, entry.generation] == entry.attempt_id
    ]


def baseline_cost_nano(model: Model, attempt: LedgerEntry) -> int:
    """Return the list price of an attempt's tokens on the baseline at its time, with cached tokens as plain input."""
    usage = Usage(input=attempt.usage.prompt, output=attempt.usage.output)
    return model.cost_nano(usage, parse_time(attempt.at))


def _part(attempt: LedgerEntry) -> str:
    """Return the one part of what was spent that an attempt belongs to."""
    if attempt.is_open:
        return "open"
    if not attempt.cost_known:
        return "unknown"
    if attempt.gave_answer:
        return "answers"
    if attempt.checks_answers:
        return "checking"
    return "failed" if attempt.for_task else "classification"
