"""What is stored of a task and of its attempts, in the names of the tables' attributes."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pointsman.execution.budget import Charge
from pointsman.execution.outcome import CallResult
from pointsman.routing.catalog import Billing
from pointsman.values.status import ENDED, Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_text
from pointsman.values.usage import Usage

SHARDS = 8
"""Partitions of one day of the ledger: a day is written in parallel, and read an eighth at a time."""


def shard_of(task_id: str) -> int:
    """Return the shard that holds all rows of a task, whatever their day."""
    return hashlib.sha256(task_id.encode()).digest()[0] % SHARDS


@dataclass(frozen=True, slots=True)
class RowKey:
    """A ledger row's place: the UTC day of its intent and a shard, then time and attempt."""

    day_shard: str
    row: str

    @classmethod
    def of(cls, task_id: str, turn: str, at: datetime) -> "RowKey":
        """Return the place of an attempt that begins at `at`."""
        return cls(f"{at.astimezone(UTC).date()}#{shard_of(task_id)}", f"{to_text(at)}#{task_id}#{turn}")

    @property
    def intent(self) -> str:
        """The sort key of the row that says what is about to be sent."""
        return f"{self.row}#intent"

    @property
    def outcome(self) -> str:
        """The sort key of the row that says what became of it."""
        return f"{self.row}#outcome"

    def share(self, number: int, task_id: str) -> tuple[str, str]:
        """Return partition and sort key of one task's part of a call made for several: in that task's own shard."""
        day, _, _ = self.day_shard.partition("#")
        return f"{day}#{shard_of(task_id)}", f"{self.row}#share.{number:02d}"


class Purpose(StrEnum):
    """What an attempt was for."""

    TASK = "task"
    CLASSIFICATION = "classification"
    JUDGE = "judge"
    """Whether a task's answer is acceptable; it costs nothing."""
    AUDIT = "audit"
    """The baseline's answer to a task that has been answered, for people to compare."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be made, and what it reserves."""

    key: RowKey
    purpose: Purpose
    task_id: str
    turn: str
    at: datetime
    model: str
    billing: Billing
    function: str
    tier: Tier
    charge: Charge
    type: TaskType | None = None
    parent_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    hop: int = 0
    after: str | None = None
    """The outcome that led here, when it is not a task's first attempt."""
    came_from: str | None = None
    """The model before this one, when the attempt is a fallback."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a call cost."""

    intent: Intent
    result: CallResult
    cost_nano: int
    """Known, or what was reserved when the real cost is not known."""
    cost_known: bool
    billed_model: str
    usage: Usage
    at: datetime
    milliseconds: int
    """Of the call alone."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Text that is stored beside its record, or in S3 when it is large."""

    inline: str | None = None
    ref: str | None = None
    """An S3 key."""


@dataclass(frozen=True, slots=True)
class Subtasks:
    """Subtasks that an answer states, as they are stored in the transaction that books it."""

    expected: list[dict[str, str]]
    """`task_id` and `fingerprint` of each."""
    drafts: Payload
    """What the answer says of each, as a JSON list."""
    deadline: str
    """Of all of them, and of the task that waits for them: UTC."""


@dataclass(slots=True)
class TaskRecord:
    """A task as the task table holds it."""

    task_id: str
    status: Status
    generation: int = 1
    fingerprint: str = ""
    body: Payload = field(default_factory=Payload)
    """The task as strict JSON, without `reply_to`."""
    reply_to: list[str] = field(default_factory=list)
    lease_until: int = 0
    """Unix milliseconds: until then the claim belongs to one router invocation."""
    lease_owner: str = ""
    decision: dict[str, Any] | None = None
    correction: dict[str, Any] | None = None
    """What its type should have been, in a person's word: `type`, `tier`, `at`, and the decision that it `was`."""
    input: str | None = None
    """The execution's input, byte for byte."""
    sent_at: str | None = None
    """When its message was sent, by the queue's word; the claim's message, if it was sent more than once."""
    received_at: str = ""
    deadline: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    last_turn: str = ""
    open_intent: dict[str, str] | None = None
    attempts: int = 0
    rows: list[str] = field(default_factory=list)
    """Where the attempts stand in the ledger, as `day_shard|row`."""
    cost_nano: int = 0
    cost_known: bool = True
    usage: dict[str, int] = field(default_factory=dict)
    model: str | None = None
    answer: Payload = field(default_factory=Payload)
    """Of a task that has not ended: a first answer, kept while a better one or a judge's word is sought."""
    truncated: bool = False
    verdict: dict[str, Any] | None = None
    """Of an answer that was checked: `passed`, `failed` and `escalated_after` (names of checks), `model`, `turn`."""
    audit: dict[str, Any] | None = None
    """The baseline's answer: `model`, `at`, `row` and `day_shard`, then `outcome`, `cost_nano`, and `answer` or
    `answer_ref`. `judgement` is left for a comparison of the two answers; nothing writes it yet."""
    reason: str | None = None
    subtasks: list[dict[str, str]] = field(default_factory=list)
    """Those that it waits for or waited for: `task_id` and `fingerprint`, by which a task of that id is told from
    another one."""
    drafts: Payload = field(default_factory=Payload)
    """What its answer said of each of them, as a JSON list."""
    results: list[dict[str, Any]] = field(default_factory=list)
    """How each subtask stood when the task ended."""
    closed_by: str | None = None
    """The subtask whose end was the last, and whose workflow therefore tells the task's; None: the sweep did."""
    delivered_at: str | None = None
    attention: str | None = None
    attention_since: str | None = None
    told: list[str] = field(default_factory=list)
    """Who has been told of the task's end while others could not be reached: `event` for the bus, and of `reply_to`."""
    unreached: list[str] = field(default_factory=list)
    """Who could not be reached at the last try and why, in words that may be shown."""
    task_fields: dict[str, Any] = field(default_factory=dict)
    """Small fields of the task that events and reports need: parent_id, metadata, private, split."""

    @property
    def answer_is_kept(self) -> bool:
        """Whether the task has an answer that is paid for, and has not ended."""
        return self.status not in ENDED and self.answer != Payload()
