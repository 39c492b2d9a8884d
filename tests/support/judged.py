"""Judged pairs in the making: answers of a known quality, and judges who err and prefer a place."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pointsman.execution.comparison import (
    BetterAnswer,
    ComparedPair,
    JudgedPair,
    JudgeWord,
    PairKind,
    Preferred,
)
from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman.values.times import to_text

BASELINE = "claude-opus-4-8"
_SIDES = {BetterAnswer.FIRST: BetterAnswer.SECOND, BetterAnswer.SECOND: BetterAnswer.FIRST}
_TRUTH = {PairKind.SAME: 0, PairKind.CUT: 1, PairKind.SHUFFLED: 1}


@dataclass(frozen=True)
class SimulatedJudge:
    """Says what is true, but for its errors; `first` is how often it takes the first answer where both are the same."""

    family: str
    error: float = 0.1
    first: float = 0.1

    def word(self, dice: random.Random, kind: PairKind, order: int, truth: int) -> JudgeWord:
        """Return what it says; `truth` is 1 where the delivered answer, or a control's better one, is better."""
        better = BetterAnswer.SAME if truth == 0 else BetterAnswer.FIRST
        if dice.random() < self.error:
            better = dice.choice(list(BetterAnswer))
        elif better is BetterAnswer.SAME and dice.random() < self.first:
            return JudgeWord(kind, self.family, order, BetterAnswer.FIRST)
        turned = (truth < 0) is (order == 1)
        return JudgeWord(kind, self.family, order, _SIDES.get(better, better) if turned else better)


JUDGES = (SimulatedJudge("anthropic"), SimulatedJudge("gemini", error=0.2))


def simulated_pairs(
    dice: random.Random,
    count: int,
    since: datetime,
    until: datetime,
    *,
    points: float = 0.0,
    ties: float = 0.6,
    kind: TaskType = TaskType.CODE_GENERATION,
    judges: tuple[SimulatedJudge, ...] = JUDGES,
    controls: float = 0.0,
    people: float = 0.0,
) -> Iterator[JudgedPair]:
    """Yield pairs, evenly over the time, whose true quality is `points`."""
    worse, better = (1 - ties - points / 100) / 2, (1 - ties + points / 100) / 2
    for number in range(count):
        truth = dice.choices((-1, 1, 0), (worse, better, ties))[0]
        at = since + (until - since) * number / count + timedelta(milliseconds=1)
        words = [judge.word(dice, PairKind.PAIR, order, truth) for judge in judges for order in (1, 2)]
        if dice.random() < controls:
            control = dice.choice(list(_TRUTH))
            words += [judge.word(dice, control, dice.choice((1, 2)), _TRUTH[control]) for judge in judges]
        person = {-1: Preferred.BASELINE, 0: Preferred.SAME, 1: Preferred.DELIVERED}[truth]
        pair = ComparedPair(to_text(at), f"t-{number}", TIER_OF[kind], kind, "claude-haiku-4-5", BASELINE)
        yield JudgedPair(
            pair, tuple(words), person if dice.random() < people else None, {judge.family: "m" for judge in judges}
        )
