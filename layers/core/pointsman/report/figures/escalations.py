"""The answers of the highest tier by how their tasks came to it: what only its model could do, by the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.values.taxonomy import Tier

HIGHEST = list(Tier)[-1]
FAILED_CHECK_PREFIX = "failed_check"
"""How `after` begins when a lower tier's answer did not pass; the check's name follows."""


class How(StrEnum):
    """How a task came to the highest tier."""

    DECIDED = "decided"
    """Nothing lower was asked: by its sender's word, or by the classifier's."""
    ESCALATED = "escalated"
    """A lower tier's answer failed a check."""


@dataclass(frozen=True, slots=True, order=True)
class Escalations:
    """Answers of one kind."""

    how: How
    type: str | None
    model: str
    """As billed."""
    check: str | None
    """The check that the lower answer failed."""


@dataclass(frozen=True, slots=True)
class Sum:
    """What they come to."""

    answers: int
    cost_nano: int

    def __add__(self, other: "Sum") -> "Sum":
        """Return both together."""
        return Sum(self.answers + other.answers, self.cost_nano + other.cost_nano)


NO_ESCALATION = Sum(0, 0)


def escalations(attempts: Iterable[LedgerEntry]) -> dict[Escalations, Sum]:
    """Return the answers that the highest tier gave; `attempts` are all of their tasks'."""
    every, sums = list(attempts), dict[Escalations, Sum]()
    failed = {(entry.task_id, entry.generation): check for entry in every if (check := _failed_before(entry))}
    for entry in every:
        if entry.tier is HIGHEST and entry.gave_answer:
            check = failed.get((entry.task_id, entry.generation))
            kind = Escalations(How.ESCALATED if check else How.DECIDED, entry.type, entry.served_by, check)
            sums[kind] = sums.get(kind, NO_ESCALATION) + Sum(1, entry.cost_nano)
    return sums


def add_escalations(some: dict[Escalations, Sum], more: dict[Escalations, Sum]) -> dict[Escalations, Sum]:
    """Return both together, in the order of their kinds."""
    order = sorted({*some, *more}, key=lambda each: (each.how, each.type or "", each.model, each.check or ""))
    return {kind: some.get(kind, NO_ESCALATION) + more.get(kind, NO_ESCALATION) for kind in order}


def _failed_before(attempt: LedgerEntry) -> str | None:
    """Return the check that led to the attempt; a later try of it names another reason."""
    head, _, check = (attempt.after or "").partition(":")
    return check if head == FAILED_CHECK_PREFIX and attempt.tier is HIGHEST else None
