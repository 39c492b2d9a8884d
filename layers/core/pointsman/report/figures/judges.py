"""What is known of the judges: how often they agree, prefer a place, and err in controls."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pointsman.execution.comparison import CONTROLS, BetterAnswer, JudgedPair, JudgeWord, PairKind
from pointsman.values.statistics import wilson

_LEAST_CONTROLS, _LEAST_RIGHT = 10, 0.7
"""A judge of so many controls that is surely right in fewer of them is not counted."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """In how many of the pairs that two judged both prefer the same."""

    count: int
    of: int

    @property
    def percent(self) -> float | None:
        """The share; None: there is no such pair."""
        return 100 * self.count / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class JudgeQuality:
    """What the controls say of a judge."""

    family: str
    model: str
    """The one that judged last."""
    pairs: int
    """Judged in both orders."""
    steady: Agreement
    """In how many of them it preferred the same in both orders."""
    first_points: float | None
    """How much oftener it preferred the first answer than the second, in points, where that should be equal."""
    controls: dict[PairKind, Agreement]
    """How many it got right, by kind."""

    @property
    def right(self) -> Agreement:
        """Of all controls."""
        some = self.controls.values()
        return Agreement(sum(kind.count for kind in some), sum(kind.of for kind in some))

    @property
    def error(self) -> tuple[float, float, float] | None:
        """The share of wrong words in percent with its 95% interval; None: no control yet."""
        wrong = self.right.of - self.right.count
        if (interval := wilson(wrong, self.right.of)) is None:
            return None
        return 100 * wrong / self.right.of, 100 * interval[0], 100 * interval[1]

    @property
    def counts(self) -> bool:
        """Whether its words count: not when its controls surely show that it does not see differences."""
        interval = wilson(self.right.count, self.right.of)
        return interval is None or self.right.of < _LEAST_CONTROLS or interval[1] >= _LEAST_RIGHT


def judge_figures(pairs: Sequence[JudgedPair]) -> tuple[JudgeQuality, ...]:
    """Return what the pairs and the controls say of each judge."""
    families = sorted({word.family for judged in pairs for word in judged.words})
    return tuple(_judge(family, pairs) for family in families)


def _judge(family: str, pairs: Sequence[JudgedPair]) -> JudgeQuality:
    of_pairs = [[word for word in judged.words if word.family == family] for judged in pairs]
    both = [words for words in (_of_kind(some, PairKind.PAIR) for some in of_pairs) if len(words) == 2]
    balanced = [word.better for words in both for word in words]
    balanced += [word.better for words in of_pairs for word in _of_kind(words, PairKind.SAME)]
    controls = {kind: [word for words in of_pairs for word in _of_kind(words, kind)] for kind in CONTROLS}
    models = [judged.judges[family] for judged in pairs if family in judged.judges]
    places = Counter(balanced)
    lean = places[BetterAnswer.FIRST] - places[BetterAnswer.SECOND]
    return JudgeQuality(
        family=family,
        model=models[-1] if models else family,
        pairs=len(both),
        steady=Agreement(sum(len({word.preferred for word in words}) == 1 for words in both), len(both)),
        first_points=100 * lean / len(balanced) if balanced else None,
        controls={
            kind: Agreement(sum(word.is_right for word in words), len(words)) for kind, words in controls.items()
        },
    )


def _of_kind(words: Iterable[JudgeWord], kind: PairKind) -> list[JudgeWord]:
    return [word for word in words if word.kind is kind]
