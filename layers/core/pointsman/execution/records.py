"""What is stored of a task, parsed once: every use case works on these types, none on the table's maps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from pointsman.execution.budget import Family
from pointsman.execution.comparison import ComparedPair
from pointsman.execution.ledger_keys import RowKey
from pointsman.routing.decision import Decision, Source
from pointsman.routing.lanes import LaneChoice
from pointsman.values.status import ENDED, Status
from pointsman.values.taxonomy import TaskType, Tier

type Map = Mapping[str, Any]
"""A stored map, unpacked."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Text that is stored beside its record, or in S3 when it is large."""

    inline: str | None = None
    ref: str | None = None
    """An S3 key."""


@dataclass(frozen=True, slots=True)
class CorrectedDecision:
    """What is kept of a decision that a person corrected."""

    type: TaskType
    tier: Tier
    source: Source
    confidence: float

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Return what is kept of a decision."""
        return cls(decision.type, decision.tier, decision.source, decision.confidence)

    @classmethod
    def from_item(cls, item: Map) -> Self:
        """Return what a map holds."""
        source, confidence = Source(item["source"]), float(item["confidence"])
        return cls(TaskType(item["type"]), Tier(item["tier"]), source, confidence)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a task's type should have been, in a person's word."""

    type: TaskType
    tier: Tier
    at: str
    was: CorrectedDecision

    @classmethod
    def from_item(cls, item: Map) -> Self:
        """Return the correction that a map holds."""
        was = CorrectedDecision.from_item(item["was"])
        return cls(TaskType(item["type"]), Tier(item["tier"]), item["at"], was)

    def as_item(self) -> dict[str, Any]:
        """Return the map to store."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """What the checks said of the answer that is stored, and on whose it is."""

    failed: str | None
    """The first check that it did not pass; None: it passed them all."""
    escalated_after: str | None
    """The check that the task's first answer failed, when this is its second."""
    model: str
    attempt_id: str

    @property
    def passed(self) -> bool:
        """Whether it passed all checks."""
        return self.failed is None

    @classmethod
    def from_item(cls, item: Map) -> Self:
        """Return what a map holds."""
        return cls(item.get("failed"), item.get("escalated_after"), item["model"], item["turn"])

    def as_item(self) -> dict[str, Any]:
        """Return the map to store."""
        return {
            "passed": self.passed,
            "failed": self.failed,
            "escalated_after": self.escalated_after,
            "model": self.model,
            "turn": self.attempt_id,
        }


@dataclass(frozen=True, slots=True)
class AuditedAnswer:
    """The baseline's answer to the task; `outcome` and `cost_nano` are None while the call is under way."""

    key: RowKey
    model: str
    at: str
    outcome: str | None = None
    cost_nano: int | None = None
    answer: Payload = Payload()
    compared: int = 0
    """How many of the comparisons about it were taken."""
    judgement: Mapping[str, str] | None = None
    """Which answer a person finds better, `delivered`, `baseline` or `same`, and since when (`better`, `at`)."""

    @classmethod
    def from_item(cls, item: Map) -> Self:
        """Return what a map holds."""
        return cls(
            RowKey(item["day_shard"], item["row"]),
            item["model"],
            item["at"],
            item.get("outcome"),
            item.get("cost_nano"),
            Payload(item.get("answer"), item.get("answer_ref")),
            item.get("compared", 0),
            item.get("judgement"),
        )

    def as_item(self) -> dict[str, Any]:
        """Return the map to store."""
        return {
            "day_shard": self.key.day_shard,
            "row": self.key.row,
            "model": self.model,
            "at": self.at,
            "outcome": self.outcome,
            "cost_nano": self.cost_nano,
            "answer": self.answer.inline,
            "answer_ref": self.answer.ref,
            "compared": self.compared or None,
            "judgement": self.judgement,
        }


ATTENTION = "delivery"
"""What marks a task that the sweep looks after: it has ended and is not delivered, or it waits for subtasks."""
POOLED = "economy"
"""What marks a task of the economy lane that no batch has: it waits for one, or its entry there is settled and its
workflow is to begin."""
IN_BATCH = "economy_batch"
"""What marks a task whose call is in a batch."""
MOST_REPLIES = 50
"""Places to reply to that a task under way takes: an item ends at 400 KB, and one delivery goes to all of them."""


@dataclass(frozen=True, slots=True)
class SubtaskRef:
    """A subtask that its task waits for; the fingerprint tells it from another task of the same id."""

    task_id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SubtaskEnd:
    """How a subtask stood when its task ended."""

    task_id: str
    status: str
    """`completed`, `failed`, `cancelled`, `rejected` or `unfinished`."""
    type: str | None
    tier: str | None
    model: str | None
    cost_nano_usd: int
    reason: str | None
    truncated: bool

    @classmethod
    def from_item(cls, item: Map) -> Self:
        """Return what a map holds."""
        fields: dict[str, Any] = {name: item.get(name) for name in cls.__dataclass_fields__}
        return cls(**fields)

    def as_item(self) -> dict[str, Any]:
        """Return the map to store and to tell."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SubtaskBatch:
    """The subtasks that an answer states, as they are stored in the transaction that books it."""

    expected: tuple[SubtaskRef, ...]
    drafts: Payload
    """What the answer says of each, as a JSON list."""
    deadline: str
    """Of all of them, and of the task that waits for them: UTC."""


@dataclass(frozen=True, slots=True)
class RejectedMessage:
    """What is kept of a message that was rejected."""

    code: str
    message_id: str
    asked_id: str | None
    """The id that it asked for, if it could be read."""


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
    decision: Decision | None = None
    correction: Correction | None = None
    execution_input: str | None = None
    """Byte for byte."""
    lane: LaneChoice | None = None
    """None: nobody asked for the economy lane."""
    sent_at: str | None = None
    """When its message was sent, by the queue's word; the claim's message, if it was sent more than once."""
    received_at: str = ""
    deadline: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    last_attempt: str = ""
    open_intent: RowKey | None = None
    attempts: int = 0
    rows: list[RowKey] = field(default_factory=list)
    """Where the attempts stand in the ledger."""
    cost_nano: int = 0
    cost_known: bool = True
    usage: dict[str, int] = field(default_factory=dict)
    model: str | None = None
    effort: str | None = None
    """What the stored answer's model was told; None: nothing, so that its provider's default held."""
    answer: Payload = field(default_factory=Payload)
    """Of a task that has not ended: a first answer, kept while a better one or a judge's word is sought."""
    truncated: bool = False
    checked: CheckedAnswer | None = None
    audit: AuditedAnswer | None = None
    reason: str | None = None
    waited_for: Map | None = None
    """Of a failed task: what it waited for in vain, as `Waiting.as_state` has it (`waiting.failed_for`)."""
    cancel_asked_at: str | None = None
    """When it was to be cancelled while a call was open: it ends with that call."""
    subtasks: list[SubtaskRef] = field(default_factory=list)
    """Those that it waits for or waited for."""
    drafts: Payload = field(default_factory=Payload)
    """What its answer said of each of them, as a JSON list."""
    results: list[SubtaskEnd] = field(default_factory=list)
    """How each subtask stood when the task ended."""
    closed_by: str | None = None
    """The subtask whose end was the last, and whose workflow therefore tells the task's; None: the sweep did."""
    delivered_at: str | None = None
    attention: str | None = None
    """Set while the sweep looks after the task (`ATTENTION`): from its end to its delivery, and while it waits for
    subtasks; and while the economy lane does (`POOLED`, `IN_BATCH`)."""
    attention_since: str | None = None
    notified: list[str] = field(default_factory=list)
    """Who knows of the task's end while others could not be reached: `event` for the bus, and of `reply_to`."""
    undelivered: list[str] = field(default_factory=list)
    """Who could not be reached at the last try and why, in words that may be shown."""
    parent_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    private: bool = False
    split: bool = False
    sender: str | None = None
    """Who sent it, as AWS and this stack say (`contracts/sender.py`); None: from before senders were kept."""
    limited: bool = False
    """Whether the sender's API key has limits of its own."""
    family: Family | None = None
    """Whose ceiling its cost counts for."""
    via: str | None = None
    """What its envelope names as its source, unchecked."""
    rerun_of: str | None = None
    """The task that an operator ran anew as this one."""
    rejection: RejectedMessage | None = None
    """Of a rejected message only."""

    @property
    def is_cancelled_ahead(self) -> bool:
        """Whether it was cancelled before its message was received: nothing but its id is known."""
        return self.status is Status.CANCELLED and not self.fingerprint

    @property
    def has_answer(self) -> bool:
        """Whether the task has an answer that is paid for, and has not ended."""
        return self.status not in ENDED and self.answer != Payload()

    @property
    def type(self) -> TaskType | None:
        """The type as decided; None before the decision."""
        return self.decision.type if self.decision else None

    @property
    def tier(self) -> Tier | None:
        """The tier as decided; None before the decision."""
        return self.decision.tier if self.decision else None

    @property
    def pair(self) -> ComparedPair:
        """The audit's two answers, as what is said of them is kept; of an audited task only."""
        assert self.audit is not None
        assert self.tier is not None
        return ComparedPair(self.audit.at, self.task_id, self.tier, self.type, self.model or "", self.audit.model)
