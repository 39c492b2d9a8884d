"""What the day's answers would have cost on one model."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pointsman.domain.chain import Points
from pointsman.domain.figures.booked import Booked
from pointsman.domain.figures.month import percent_of
from pointsman.domain.taxonomy import Tier
from pointsman.domain.times import parse_time
from pointsman.domain.usage import Usage

ESTIMATE = "an estimate: another model would count the tokens of the same text differently"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Some time beside the same answers on the baseline model."""

    configured: str
    model: str
    """The baseline: the configured model, or its successor once that has ended."""
    answers: int
    usage: Usage
    """Tokens of the attempts that gave a task its answer."""
    baseline_nano: int
    """Those tokens at the model's list price of the time, what a cache served as plain input."""
    actual_nano: int
    """All that was spent: the five amounts that follow."""
    answers_nano: int
    """For the calls that gave a task its answer."""
    classification_nano: int
    """For deciding about tasks, of known cost."""
    failed_nano: int
    """For calls that gave no answer: retries, refusals, empty answers."""
    unknown_nano: int
    """Reserved by calls whose cost nobody knows."""
    open_nano: int
    """Reserved by calls that are not settled yet."""
    mix: dict[Tier, int]
    """Answers by the tasks' tier: the traffic that the comparison holds for."""

    @property
    def saved_nano(self) -> int:
        """The difference; negative when the day cost more than the baseline."""
        return self.baseline_nano - self.actual_nano

    @property
    def percent(self) -> float | None:
        """Of the baseline; None when there is nothing to compare with."""
        return percent_of(self.saved_nano, self.baseline_nano)


def compare(attempts: Iterable[Booked], points: Points, day: datetime) -> Comparison:
    """Return the comparison of these attempts, the baseline's successor being looked up as of `day`."""
    every = list(attempts)
    model = points.resolve(points.config.baseline, day)
    answers = [each for each in every if each.gave_answer]
    return Comparison(
        configured=points.config.baseline,
        model=model.id,
        answers=len(answers),
        usage=sum((each.usage for each in answers), Usage()),
        baseline_nano=sum(model.cost_nano(_plain(each.usage), parse_time(each.at)) for each in answers),
        actual_nano=sum(each.cost_nano for each in every),
        answers_nano=_cost(every, "answers"),
        classification_nano=_cost(every, "classification"),
        failed_nano=_cost(every, "failed"),
        unknown_nano=_cost(every, "unknown"),
        open_nano=_cost(every, "open"),
        mix={tier: sum(each.tier is tier for each in answers) for tier in Tier},
    )


def _cost(attempts: Iterable[Booked], part: str) -> int:
    return sum(each.cost_nano for each in attempts if _part(each) == part)


def _part(attempt: Booked) -> str:
    """Return the one part of what was spent that an attempt belongs to."""
    if attempt.is_open:
        return "open"
    if not attempt.cost_known:
        return "unknown"
    if attempt.gave_answer:
        return "answers"
    return "failed" if attempt.for_task else "classification"


def _plain(usage: Usage) -> Usage:
    return Usage(input=usage.prompt, output=usage.output)
