"""What the day's answers would have cost on one model."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pointsman.domain.booked import Booked
from pointsman.domain.chain import Points
from pointsman.domain.month import percent_of
from pointsman.domain.times import parse_time
from pointsman.domain.usage import Usage

ESTIMATE = "an estimate: another model would count the tokens of the same text differently"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The day beside the same answers on the baseline model."""

    configured: str
    model: str
    """The baseline: the configured model, or its successor once that has ended."""
    answers: int
    usage: Usage
    """Tokens of the attempts that gave a task its answer."""
    baseline_nano: int
    """Those tokens at the model's list price of the time, what a cache served as plain input."""
    actual_nano: int
    """All that was spent: classification, retries and what is unknown or open included."""

    @property
    def saved_nano(self) -> int:
        """The difference; negative when the day cost more than the baseline."""
        return self.baseline_nano - self.actual_nano

    @property
    def percent(self) -> float | None:
        """Of the baseline; None when there is nothing to compare with."""
        return percent_of(self.saved_nano, self.baseline_nano)


def compare(attempts: Iterable[Booked], points: Points, day: datetime) -> Comparison:
    """Return the comparison of a day that starts at `day`."""
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
    )


def _plain(usage: Usage) -> Usage:
    return Usage(input=usage.prompt, output=usage.output)
