"""Which of two answers is better: what a judge is shown of an audited task, and what is kept of what it says."""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from pointsman.values.taxonomy import TaskType, Tier

_LEAST_WORDS = 8
"""Of an answer that is worse when it is cut off or shuffled."""


class PairKind(StrEnum):
    """Which two answers are compared: the audit's pair, or a control, of which it is known what is right."""

    PAIR = "pair"
    SAME = "same"
    """The same answer twice: neither is better."""
    SHUFFLED = "shuffled"
    """An answer, and its words in disorder: the answer is better."""
    CUT = "cut"
    """An answer, and its first third: the answer is better."""


CONTROLS = tuple(kind for kind in PairKind if kind is not PairKind.PAIR)


class BetterAnswer(StrEnum):
    """What a judge says."""

    FIRST = "first"
    SECOND = "second"
    SAME = "same"


class Preferred(StrEnum):
    """What that, or a person's word, says of an audited task."""

    DELIVERED = "delivered"
    BASELINE = "baseline"
    SAME = "same"


class PlannedComparison(NamedTuple):
    """One question to one judge."""

    judge: str
    """A model."""
    control: bool
    order: int
    """1: the delivered answer, or the better one of a control, stands first; 2: second."""


def planned_comparisons(judges: tuple[str, ...], name: str, control_share: float) -> tuple[PlannedComparison, ...]:
    """Return all that is asked about an audited task: each judge in both orders, and in a share of the tasks once more
    about a control. `name` is the task's; the same name leads to the same questions.
    """
    digest = hashlib.sha256(f"comparison:{name}".encode()).digest()
    pairs = [PlannedComparison(judge, False, order) for judge in judges for order in (1, 2)]
    if int.from_bytes(digest[:8]) >= control_share * 2**64:
        return tuple(pairs)
    return (*pairs, *(PlannedComparison(judge, True, 1 + digest[8] % 2) for judge in judges))


def control_pair(answer: str, name: str) -> tuple[PairKind, str, str]:
    """Return a control made of an answer: its kind, the better text and the other one."""
    digest, words = hashlib.sha256(f"control:{name}".encode()).digest(), answer.split()
    kind = CONTROLS[digest[0] % len(CONTROLS)] if len(words) >= _LEAST_WORDS else PairKind.SAME
    if kind is PairKind.CUT:
        return kind, answer, " ".join(words[: len(words) // 3])
    if kind is PairKind.SHUFFLED:
        random.Random(digest).shuffle(words)  # noqa: S311  (the same task, the same control)
        return kind, answer, " ".join(words)
    return kind, answer, answer


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """An audited task, as what is said of its answers is kept."""

    at: str
    """When its audit began."""
    task_id: str
    tier: Tier
    type: TaskType | None
    delivered: str
    """The model whose answer was delivered."""
    baseline: str
    """The model that answered for the audit."""


@dataclass(frozen=True, slots=True)
class AnswerComparison:
    """One question to one judge, as it is booked."""

    number: int
    """Among those about the task, from 1."""
    family: str
    """The judge's provider."""
    kind: PairKind
    order: int
    pair: ComparedPair

    @property
    def key(self) -> str:
        """The name under which the answer is kept with the pair."""
        return f"{self.kind}#{self.family}#{self.order}"


class JudgeWord(NamedTuple):
    """What a judge said of one pair in one order."""

    kind: PairKind
    family: str
    order: int
    better: BetterAnswer

    @property
    def preferred(self) -> Preferred:
        """What it says of the audited task."""
        if self.better is BetterAnswer.SAME:
            return Preferred.SAME
        delivered_first = self.order == 1
        return Preferred.DELIVERED if (self.better is BetterAnswer.FIRST) is delivered_first else Preferred.BASELINE

    @property
    def is_right(self) -> bool:
        """Of a control: whether it is what is known."""
        known = Preferred.SAME if self.kind is PairKind.SAME else Preferred.DELIVERED
        return self.preferred is known


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """All that is said of an audited task's answers."""

    pair: ComparedPair
    words: tuple[JudgeWord, ...] = ()
    person: Preferred | None = None
    """What a person says, which counts above the judges' words."""
    judges: Mapping[str, str] = field(default_factory=dict)
    """The model that judged, by family."""


def read_word(key: str, better: str) -> JudgeWord:
    """Return what is kept under a `AnswerComparison.key`."""
    kind, family, order = key.split("#")
    return JudgeWord(PairKind(kind), family, int(order), BetterAnswer(better))
