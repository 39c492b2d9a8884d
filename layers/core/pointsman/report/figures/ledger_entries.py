"""The ledger's rows as the report reads them, and the lines that they add up to."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import GOOD, Outcome
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage

OPEN_OUTCOME = "open"
"""Shown as the outcome of an intent that nothing has settled yet."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One attempt in the ledger."""

    at: str
    """The instant of its intent, as `times.to_text` writes it."""
    task_id: str
    turn: str
    purpose: Purpose
    tier: Tier
    type: str | None
    asked: str
    """The model that was asked."""
    served_by: str
    """The model that is billed: the asked one, unless the answer named another."""
    billing: str
    outcome: str
    """Its name, or `open`."""
    usage: Usage
    cost_nano: int
    """What is booked; of an open attempt what is reserved."""
    cost_known: bool
    """False: `cost_nano` is the reservation, since nobody knows the cost. An open attempt's will still be known."""
    hop: int
    after: str | None
    came_from: str | None
    failed_check: str | None
    """The check that its answer did not pass."""
    parent_id: str | None
    metadata: Mapping[str, str]
    milliseconds: int
    """Of the call alone; 0 while it is open, or when nobody saw its end."""
    ended_at: str | None
    """The instant of its outcome."""

    @property
    def is_open(self) -> bool:
        """Whether its outcome is still to come."""
        return self.outcome == OPEN_OUTCOME

    @property
    def generation(self) -> str:
        """Which start of the task it belongs to: replays count on."""
        return self.turn.split(".", 1)[0]

    @property
    def sent(self) -> bool:
        """Whether it counts as an attempt."""
        return self.outcome != Outcome.NOT_SENT

    @property
    def for_task(self) -> bool:
        """Whether it worked on a task, rather than on deciding about some or on looking at an answer."""
        return self.purpose is Purpose.TASK

    @property
    def decides(self) -> bool:
        """Whether it was asked to decide about tasks."""
        return self.purpose is Purpose.CLASSIFICATION

    @property
    def checks_answers(self) -> bool:
        """Whether it judged an answer, or gave another one to compare with: neither is a task's own."""
        return self.purpose in (Purpose.JUDGE, Purpose.AUDIT)

    @property
    def gave_answer(self) -> bool:
        """Whether it gave a task its answer."""
        return self.for_task and self.outcome in GOOD


@dataclass(frozen=True, slots=True)
class Part:
    """One task's part of a classification made for several: of an attempt's cost a part, and no cost of its own."""

    at: str
    task_id: str
    cost_nano: int
    parent_id: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Totals:
    """A sum of attempts."""

    tasks: int
    """Distinct tasks that had an attempt; one that moved on counts under each model, but once in a total."""
    attempts: int
    open_attempts: int
    usage: Usage
    cost_nano: int
    """Open attempts are in it with what they reserve."""

    def __add__(self, other: "Totals") -> "Totals":
        """Return the sum of two lines that have no task in common."""
        return Totals(
            self.tasks + other.tasks,
            self.attempts + other.attempts,
            self.open_attempts + other.open_attempts,
            self.usage + other.usage,
            self.cost_nano + other.cost_nano,
        )


NO_TOTALS = Totals(0, 0, 0, Usage(), 0)


def read_entries(rows: Iterable[Mapping[str, Any]]) -> tuple[list[LedgerEntry], list[Part]]:
    """Return attempts and shares by time, whatever the order of `rows`."""
    attempts: list[LedgerEntry] = []
    parts: list[Part] = []
    for row in rows:
        if row["kind"] == "share":
            metadata = row.get("metadata") or {}
            parts.append(Part(_instant(row), row["task_id"], row["cost_nano"], row.get("parent_id"), metadata))
        else:
            attempts.append(_attempt(row))
    attempts.sort(key=lambda each: (each.at, each.task_id, each.turn))
    return attempts, sorted(parts, key=lambda each: (each.at, each.task_id))


def totals_of(attempts: Iterable[LedgerEntry]) -> Totals:
    """Return the attempts' sum; what was never sent counts as no attempt."""
    every = list(attempts)
    sent = [entry for entry in every if entry.sent]
    return Totals(
        tasks=len({entry.task_id for entry in sent if entry.for_task}),
        attempts=len(sent),
        open_attempts=sum(entry.is_open for entry in sent),
        usage=Usage.sum(entry.usage for entry in every),
        cost_nano=sum(entry.cost_nano for entry in every),
    )


def totals_by[Key: str | tuple[str, ...]](
    attempts: Iterable[LedgerEntry], name: Callable[[LedgerEntry], Key]
) -> dict[Key, Totals]:
    """Return one line per name."""
    groups: dict[Key, list[LedgerEntry]] = {}
    for entry in attempts:
        groups.setdefault(name(entry), []).append(entry)
    return {key: totals_of(group) for key, group in groups.items()}


def add_totals[Key: str | tuple[str, ...]](some: Mapping[Key, Totals], more: Mapping[Key, Totals]) -> dict[Key, Totals]:
    """Return the sums by name, in the names' order, of lines that have no task in common."""
    return {key: some.get(key, NO_TOTALS) + more.get(key, NO_TOTALS) for key in sorted({*some, *more})}


def _attempt(row: Mapping[str, Any]) -> LedgerEntry:
    settled = "outcome" in row
    return LedgerEntry(
        at=_instant(row),
        task_id=row["task_id"],
        turn=row["turn"],
        purpose=Purpose(row["purpose"]),
        tier=Tier(row["tier"]),
        type=_one(row.get("type")),
        asked=intern(row["model"]),
        served_by=intern(row.get("billed_model") or row["model"]),
        billing=intern(row["billing"]),
        outcome=intern(row["outcome"]) if settled else OPEN_OUTCOME,
        usage=Usage(**{kind: row.get(kind, 0) for kind in Usage.__dataclass_fields__}),
        cost_nano=row["cost_nano"] if settled else row["reserved_nano"],
        cost_known=row.get("cost_known", True),
        hop=row.get("hop", 0),
        after=_one(row.get("after")),
        came_from=_one(row.get("came_from")),
        failed_check=_one(row.get("failed_check")),
        parent_id=row.get("parent_id"),
        metadata=row.get("metadata") or {},
        milliseconds=row.get("milliseconds", 0),
        ended_at=row.get("ended_at"),
    )


def _one(name: str | None) -> str | None:
    """Return the one copy of a name that many rows have: a day may have a million."""
    return intern(name) if name is not None else None


def _instant(row: Mapping[str, Any]) -> str:
    """Return the instant that a row's sort key begins with; shares carry no other."""
    return str(row["row"]).split("#", 1)[0]
