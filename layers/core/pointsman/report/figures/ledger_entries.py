"""The ledger's rows as typed entries, and their totals."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from sys import intern
from typing import Any

from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import GOOD, AccountTrouble, Outcome
from pointsman.report.figures.sums import Summable
from pointsman.values.lane import Lane
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage

_OPEN_OUTCOME = "open"
"""The outcome shown for an intent that is not settled yet."""


EARLIER_ATTRIBUTES = (
    "row", "kind", "purpose", "task_id", "turn", "model", "billing", "hop", "outcome", "counters_due", "after",
    "came_from",
)  # fmt: skip
"""All that `earlier_attempt` reads of a row."""
ENTRY_ATTRIBUTES = (
    *EARLIER_ATTRIBUTES, "tier", "type", "billed_model", *Usage.__dataclass_fields__, "cost_nano", "reserved_nano",
    "cost_known", "failed_check", "account", "unrecognized", "parent_id", "metadata", "milliseconds", "batch_entry",
    "ended_at", "sender", "regional",
)  # fmt: skip
"""All that `read_entries` reads of a row."""


@dataclass(frozen=True, slots=True)
class LedgerAttempt:
    """An attempt's place among its task's attempts: all that is read of the time before a report's day."""

    at: str
    """When its intent was recorded, as `times.to_text` writes it."""
    task_id: str
    attempt_id: str
    purpose: Purpose
    requested_model: str
    billing: str
    outcome: str
    """The outcome's name, or `open`."""
    hop: int
    previous_outcome: str | None
    came_from: str | None

    @property
    def generation(self) -> str:
        """Which run of the task it belongs to: each replay starts the next one."""
        return self.attempt_id.split(".", 1)[0]

    @property
    def sent(self) -> bool:
        """Whether a request was sent: only then it counts as an attempt."""
        return self.outcome != Outcome.NOT_SENT

    @property
    def for_task(self) -> bool:
        """Whether it worked on a task: it neither classified tasks nor checked an answer."""
        return self.purpose is Purpose.TASK


@dataclass(frozen=True, slots=True)
class LedgerEntry(LedgerAttempt):
    """One attempt: its intent in the ledger, and its outcome once it is settled."""

    tier: Tier
    type: str | None
    billed_model: str
    """The requested model, unless the answer names another."""
    usage: Usage
    cost_nano: int
    """The booked cost; the reserved amount while the attempt is open."""
    cost_known: bool
    """False when the cost will never be known: `cost_nano` is then the reserved amount. True while it is open."""
    failed_check: str | None
    """The check that its answer failed."""
    account: str | None
    """Why the provider did not serve the account or place (`AccountTrouble`); of outcome `account`."""
    recognized: bool
    """Whether the meaning of the refusal is known; True of what is no refusal."""
    parent_id: str | None
    metadata: Mapping[str, str]
    milliseconds: int
    """How long the call took; 0 while it is open, when its end was not recorded, and in a batch."""
    ended_at: str | None
    """When its outcome was recorded."""
    sender: str | None = None
    in_batch: bool = False
    """Whether it was an entry in a batch of the economy lane: it took hours, and no function waited for it."""

    regional: bool = False
    """Whether it was served, and priced, under a geography's surcharge."""

    @property
    def lane(self) -> Lane:
        """The lane that it went."""
        return Lane.ECONOMY if self.in_batch else Lane.STANDARD

    @property
    def standard_nano(self) -> int:
        """What it would have cost the standard way: a batch halves every price."""
        return 2 * self.cost_nano if self.in_batch else self.cost_nano

    @property
    def is_open(self) -> bool:
        """Whether it has no outcome yet."""
        return self.outcome == _OPEN_OUTCOME

    @property
    def is_classification(self) -> bool:
        """Whether it classified tasks."""
        return self.purpose is Purpose.CLASSIFICATION

    @property
    def checks_answers(self) -> bool:
        """Whether it judged an answer, gave a second one to compare it with, or compared the two."""
        return self.purpose in (Purpose.JUDGE, Purpose.AUDIT, Purpose.COMPARISON)

    @property
    def gave_answer(self) -> bool:
        """Whether it gave a task its answer."""
        return self.for_task and self.outcome in GOOD


@dataclass(frozen=True, slots=True)
class ClassificationShare:
    """One task's share of the cost of a classification that served several tasks. It is part of that attempt's cost."""

    at: str
    task_id: str
    cost_nano: int
    parent_id: str | None
    metadata: Mapping[str, str]
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Totals(Summable):
    """What some attempts add up to."""

    tasks: int
    """Distinct tasks that had an attempt. A task that used several models counts under each, but once in a total."""
    attempts: int
    open_attempts: int
    usage: Usage
    cost_nano: int
    """Includes what open attempts reserve."""

    @property
    def thinking_percent(self) -> float | None:
        """How much of the output was thinking; None: there was no output."""
        return 100 * self.usage.thinking / self.usage.output if self.usage.output else None


NO_TOTALS = Totals(0, 0, 0, Usage(), 0)


def read_entries(rows: Iterable[Mapping[str, Any]]) -> tuple[list[LedgerEntry], list[ClassificationShare]]:
    """Return attempts and shares, each in the order of their time."""
    attempts: list[LedgerEntry] = []
    shares: list[ClassificationShare] = []
    for row in rows:
        if row["kind"] == "share":
            shares.append(_share(row))
        else:
            attempts.append(_entry(row))
    attempts.sort(key=lambda attempt: (attempt.at, attempt.task_id, attempt.attempt_id))
    return attempts, sorted(shares, key=lambda share: (share.at, share.task_id))


def earlier_attempt(row: Mapping[str, Any]) -> LedgerAttempt:
    """Return the attempt of a row that may have `EARLIER_ATTRIBUTES` only."""
    return LedgerAttempt(*_attempt_fields(row))


def instant_of(row: Mapping[str, Any]) -> str:
    """Return when a row's intent was recorded: the beginning of its sort key; shares have no other."""
    return str(row["row"]).split("#", 1)[0]


def totals_of(attempts: Iterable[LedgerEntry]) -> Totals:
    """Return the attempts' totals; one that was never sent does not count as an attempt."""
    entries = list(attempts)
    sent = [entry for entry in entries if entry.sent]
    return Totals(
        tasks=len({entry.task_id for entry in entries if _counts_its_task(entry)}),
        attempts=len(sent),
        open_attempts=sum(entry.is_open for entry in sent),
        usage=Usage.sum(entry.usage for entry in entries),
        cost_nano=sum(entry.cost_nano for entry in entries),
    )


@dataclass(frozen=True, slots=True)
class EntryGroup:
    """Attempts that are alike in purpose, tier, type, models, outcome and lane, already added up."""

    first: LedgerEntry
    totals: Totals
    task_ids: frozenset[str]
    """Of the tasks that `totals` counts."""


def groups_of(attempts: Iterable[LedgerEntry]) -> list[EntryGroup]:
    """Return the attempts in groups: a day has some dozens of them, each of which counts in many totals."""
    return [
        EntryGroup(group[0], totals_of(group), frozenset(entry.task_id for entry in group if _counts_its_task(entry)))
        for group in grouped(attempts, _ALIKE).values()
    ]


def totals_of_groups(groups: Iterable[EntryGroup]) -> Totals:
    """Return what groups add up to; a task that is in several of them counts once."""
    parts = list(groups)
    whole = sum((part.totals for part in parts), NO_TOTALS)
    return replace(whole, tasks=len(frozenset[str]().union(*(part.task_ids for part in parts))))


def totals_by[Key: str | tuple[str, ...]](
    groups: Iterable[EntryGroup], key_of: Callable[[LedgerEntry], Key]
) -> dict[Key, Totals]:
    """Return the totals by a key that all attempts of a group have in common."""
    parts = grouped(groups, lambda group: key_of(group.first))
    return {key: totals_of_groups(part) for key, part in parts.items()}


_ALIKE = attrgetter("purpose", "tier", "type", "billed_model", "billing", "outcome", "in_batch")


def grouped[Item, Key](items: Iterable[Item], key_of: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Return the items by key, both in the order in which they come."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key_of(item), []).append(item)
    return groups


def _counts_its_task(entry: LedgerEntry) -> bool:
    return entry.for_task and entry.sent


def _share(row: Mapping[str, Any]) -> ClassificationShare:
    metadata = row.get("metadata") or {}
    return ClassificationShare(
        instant_of(row), row["task_id"], row["cost_nano"], row.get("parent_id"), metadata, row.get("sender")
    )


def _entry(row: Mapping[str, Any]) -> LedgerEntry:
    get = row.get
    settled = _is_settled(row)
    return LedgerEntry(
        *_attempt_fields(row),
        tier=_TIERS[row["tier"]],
        type=_interned(get("type")),
        billed_model=intern(get("billed_model") or row["model"]),
        usage=Usage(*[get(kind, 0) for kind in _TOKEN_KINDS]),
        cost_nano=row["cost_nano"] if settled else row["reserved_nano"],
        cost_known=get("cost_known", True),
        failed_check=_interned(get("failed_check")),
        account=AccountTrouble.KEY if get("outcome") == Outcome.AUTH else _interned(get("account")),
        recognized=not get("unrecognized", False),
        parent_id=get("parent_id"),
        metadata=get("metadata") or {},
        milliseconds=0 if get("batch_entry") else get("milliseconds", 0),
        ended_at=get("ended_at"),
        sender=_interned(get("sender")),
        in_batch=bool(get("batch_entry")),
        regional=get("regional", False),
    )


def _attempt_fields(
    row: Mapping[str, Any],
) -> tuple[str, str, str, Purpose, str, str, str, int, str | None, str | None]:
    """Return the fields of `LedgerAttempt`, in their order."""
    get = row.get
    return (
        instant_of(row),
        row["task_id"],
        row["turn"],
        _PURPOSES[row["purpose"]],
        intern(row["model"]),
        intern(row["billing"]),
        intern(row["outcome"]) if _is_settled(row) else _OPEN_OUTCOME,
        get("hop", 0),
        _interned(get("after")),
        _interned(get("came_from")),
    )


def _is_settled(row: Mapping[str, Any]) -> bool:
    """Return whether its cost is counted: until then its reservation is."""
    return "outcome" in row and not row.get("counters_due")


def _interned(name: str | None) -> str | None:
    """Return the one shared copy of a name: a day may have a million rows."""
    return intern(name) if name is not None else None


_PURPOSES = {str(purpose): purpose for purpose in Purpose}
_TIERS = {str(tier): tier for tier in Tier}
_TOKEN_KINDS = tuple(Usage.__dataclass_fields__)
