"""One call to a model, from what is wanted to what it cost: specification, request, intent, settlement."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from pointsman.execution.budget import Charge, Family
from pointsman.execution.comparison import AnswerComparison
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.outcome import CallResult
from pointsman.routing.catalog import Billing, Model
from pointsman.values import strict_json
from pointsman.values.effort import Effort
from pointsman.values.money import shares
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.turns import Role, Turn
from pointsman.values.usage import Usage

INPUT_MARGIN = 1_000
"""Tokens beside the text: what a provider adds around a request."""
TURN_MARGIN = 16
"""Tokens beside the text of each earlier turn: some four mark a speaker."""


class Purpose(StrEnum):
    """What an attempt is for."""

    TASK = "task"
    CLASSIFICATION = "classification"
    JUDGE = "judge"
    """Whether a task's answer is acceptable; it costs nothing."""
    AUDIT = "audit"
    """The baseline's answer to a task that has been answered, to be compared with that."""
    COMPARISON = "comparison"
    """Which of two answers to an audited task is better."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request to a model, as a provider's adapter sends it."""

    model: str
    prompt: str
    system: str
    max_output_tokens: int
    timeout: float
    """Seconds for the answer to arrive; connecting has a limit of its own."""
    tag: str
    """The attempt's name, sent as a header so that both sides' logs can be compared."""
    schema: dict[str, Any] | None = None
    """JSON Schema that the answer must follow; None: free text."""
    effort: Effort | None = None
    """One that the model knows; None: nothing is sent, and the provider's default holds."""
    effort_value: str | int | None = None
    """The effort in the provider's own word or number (`catalog.Thinking.levels`)."""
    earlier: tuple[Turn, ...] = ()
    """What was said before the prompt: the user's turn first, the assistant's last."""
    json_only: bool = False
    """Whether the answer must be JSON, by what `system` says of it."""
    stop: tuple[str, ...] = ()
    """Texts before which the answer ends."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All that is sent as said, the prompt last."""
        return (*self.earlier, Turn(Role.USER, self.prompt))


@dataclass(frozen=True, slots=True)
class Sharer:
    """A task that a call is made for together with others."""

    task_id: str
    weight: int
    """Its part of the cost, in proportion to the others'."""
    metadata: dict[str, str] = field(default_factory=dict)
    parent_id: str | None = None
    sender: str | None = None
    limited: bool = False
    """As `CallSpec.limited`; like `family` not kept in the ledger, which has what they came to."""
    family: Family | None = None


@dataclass(frozen=True, slots=True)
class CallSpec:
    """A call that someone wants made: for which task, on which model, who pays, and what is sent."""

    purpose: Purpose
    task_id: str
    attempt_id: str
    """Within a task, later attempts compare greater."""
    model: str
    tier: Tier
    """Whose budget pays."""
    function: str
    """The function that makes the call."""
    type: TaskType | None = None
    parent_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    sender: str | None = None
    """Who sent the task; None: it is not known, or a call for tasks of several."""
    limited: bool = False
    """Whether the sender's API key has limits of its own."""
    family: Family | None = None
    """Whose ceiling the cost counts for."""
    hop: int = 0
    """Place in the plan, from 0."""
    previous_outcome: str | None = None
    """The outcome that led here, when it is not a task's first attempt."""
    came_from: str | None = None
    """The model before this one, when the attempt is a fallback."""
    effort: Effort | None = None
    """How much the model is told to think; None: nothing is sent."""
    max_output_tokens: int = 0
    """The output cap that is reserved and sent, thinking included."""
    batch_entry: str | None = None
    """The name of its entry in a batch of the provider's, at the batch price; None: a call of its own."""
    comparison: AnswerComparison | None = None
    """Of a comparison: what is compared; None in an intent that was read back."""
    sharers: tuple[Sharer, ...] = ()
    """The tasks that share the cost of a call made for several; of an intent that was read back, with the metadata
    that the report adds up by alone.
    """
    prompt: str = ""
    """Like all below, empty in an intent that was read back: the ledger keeps no text."""
    system: str = ""
    schema: dict[str, Any] | None = None
    json_only: bool = False
    """Whether the answer is to be JSON, by what `system` says of it."""
    stop: tuple[str, ...] = ()
    earlier: tuple[Turn, ...] = ()
    """What was said before the prompt."""

    @property
    def tag(self) -> str:
        """The attempt's name, unique over all tasks."""
        return f"{self.task_id}.{self.attempt_id}"

    @property
    def input_bytes(self) -> int:
        """UTF-8 bytes of all that is sent; no tokenizer makes more tokens than bytes.

        A schema counts twice: Anthropic states it in a system prompt of its own beside the grammar.
        """
        schema = strict_json.dumps(self.schema) if self.schema else ""
        earlier = sum(len(turn.text.encode()) for turn in self.earlier)
        return earlier + len(self.prompt.encode()) + len(self.system.encode()) + 2 * len(schema.encode())

    def input_reserved(self, model: Model) -> int:
        """Return the tokens to reserve for the input."""
        return min(self.input_bytes + INPUT_MARGIN + TURN_MARGIN * len(self.earlier), model.context_window)

    def may_be_cached(self, model: Model) -> bool:
        """Return whether the input may be long enough for the provider to cache, whoever asks it to."""
        if self.schema or model.cache_minimum is None:
            return True
        return self.input_bytes + TURN_MARGIN * (len(self.earlier) + 2) >= model.cache_minimum

    def worst_cost_nano(self, model: Model, at: datetime) -> int:
        """Return the most that the call can cost: what is reserved for it."""
        tokens, cap, batch = self.input_reserved(model), self.output_cap(model), self.batch_entry is not None
        return model.worst_cost_nano(tokens, cap, at, cacheable=self.may_be_cached(model), batch=batch)

    def output_cap(self, model: Model) -> int:
        """Return the tokens that the answer may have, clamped to what the model can."""
        return min(self.max_output_tokens, model.max_output)

    def request(self, model: Model, timeout: float) -> ModelRequest:
        """Return what is sent; the answer must arrive within `timeout` seconds."""
        return ModelRequest(
            model=self.model,
            prompt=self.prompt,
            system=self.system,
            max_output_tokens=self.output_cap(model),
            timeout=timeout,
            tag=self.tag,
            schema=self.schema,
            json_only=self.json_only,
            stop=self.stop,
            effort=self.effort,
            effort_value=model.thinking.levels[self.effort] if model.thinking and self.effort else None,
            earlier=self.earlier,
        )


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be made, and what it reserves."""

    spec: CallSpec
    key: RowKey
    at: datetime
    billing: Billing
    charge: Charge


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


class Booking(IntEnum):
    """The outcome of a settlement; false when the intent has another outcome."""

    OTHERS = 0
    """Another outcome stands."""
    OURS = 1
    TASK_CANCELLED = 2
    """This outcome stands, and the task, which was to be cancelled, has ended with it."""


@dataclass(frozen=True, slots=True)
class Share:
    """One task's part of a call that was made for several; parts add up to the call."""

    task_id: str
    cost_nano: int
    usage: Usage
    metadata: dict[str, str]
    parent_id: str | None
    sender: str | None = None


def share_out(sharers: tuple[Sharer, ...], cost_nano: int, usage: Usage) -> tuple[Share, ...]:
    """Split a call's cost in nano-dollars and its tokens over the tasks that it was made for, exactly."""
    weights = [sharer.weight for sharer in sharers]
    if not weights:
        return ()
    split = {kind: shares(count, weights) for kind, count in usage.as_dict().items()}
    return tuple(
        Share(
            sharer.task_id,
            part,
            Usage(**{kind: split[kind][n] for kind in split}),
            sharer.metadata,
            sharer.parent_id,
            sharer.sender,
        )
        for n, (sharer, part) in enumerate(zip(sharers, shares(cost_nano, weights), strict=True))
    )


@dataclass(frozen=True, slots=True)
class Reservation:
    """The answer to `UsageLedger.reserve`."""

    made: bool
    attempt_used: bool = False
    """The attempt was reserved before: by an invocation that crashed, or one that still runs. If neither this nor
    `made`, the model's slot went to another or the counters moved: look again.
    """
