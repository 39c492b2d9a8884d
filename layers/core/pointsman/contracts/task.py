"""The contract of a task: what a message may say, and what it means when it does not say it."""

import hashlib
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from pointsman.contracts import reply_to as reply_to_form
from pointsman.values import json_schema, strict_json
from pointsman.values.effort import Effort
from pointsman.values.lane import Lane
from pointsman.values.limits import LARGEST_OUTPUT
from pointsman.values.money import nano
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier
from pointsman.values.turns import Role, Turn, alternating

ID_PATTERN = r"^[A-Za-z0-9_-]{1,80}$"
_UNLIMITED_HASHES_AS = 4096
"""What the fingerprint says of a task without `max_output_tokens`: it was the default when ids were first taken."""
_LATER_FIELDS = ("effort", "messages", "output_schema", "stop", "max_cost_usd", "lane")
"""Fields that the contract gained later: where they are absent, a task has the fingerprint that it always had."""
LARGEST_SCHEMA = 32_768
"""Bytes of JSON of an `output_schema`: it goes to the model with each call, and is paid as input."""
MOST_STOPS = 4
LARGEST_STOP = 256
"""Characters of a text that ends the answer."""
LARGEST_REPLY = 2048
"""Characters of a place to reply to."""
LARGEST_METADATA = 65_536
"""Bytes of JSON: an event holds metadata beside an answer of 64 KiB and ends at 256 KiB."""

_DOLLARS = r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?$"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

type TaskId = Annotated[str, StringConstraints(strict=True, pattern=ID_PATTERN)]


class Rejection(Exception):  # noqa: N818  (a verdict on a message, not a fault of ours)
    """A message that can never work. Raised while a message is read; the router records it and sends it to the DLQ.

    `code` is a fixed word for programs; `reason` names field and rule, never a value.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Message(BaseModel):
    """A message of a conversation; a blank one is left out of what is sent."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    role: Role
    content: Annotated[str, Field(strict=True)]


class Task(BaseModel):
    """A task as its sender states it. Unknown fields are ignored; `null` means not given."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    prompt: Annotated[str, Field(strict=True)]
    """What is asked; of a conversation its last user message with text."""
    messages: list[Message] | None = None
    """A conversation, each message sent as its speaker's; None: the prompt is all that was said."""
    task_id: TaskId | None = None
    type: TaskType | None = None
    tier: Tier | None = None
    system: Annotated[str, Field(strict=True)] | None = None
    max_output_tokens: Annotated[int, Field(strict=True, ge=1, le=LARGEST_OUTPUT)] | None = None
    """Bounds the billed output of each call, thinking included; None: the cap of `openclaw.json`."""
    effort: Effort | None = None
    """How much the model may think; None: as `openclaw.json` says, else the provider's default."""
    lane: Lane | None = None
    """Whether it is answered at once, or by its deadline at half the price; None: as `openclaw.json` says."""
    max_cost_usd: Annotated[str, Field(strict=True, pattern=_DOLLARS)] | None = None
    """What the task and its subtasks may cost together, in dollars; None: as much as the budget and limits allow."""
    output_schema: dict[str, Any] | None = None
    """A JSON Schema that the answer, which is JSON then, must follow."""
    stop: (
        Annotated[
            list[Annotated[str, Field(strict=True, min_length=1, max_length=LARGEST_STOP)]],
            Field(min_length=1, max_length=MOST_STOPS),
        ]
        | None
    ) = None
    """Texts before which the answer ends."""
    deadline: datetime | None = None
    private: Annotated[bool, Field(strict=True)] = False
    parent_id: TaskId | None = None
    metadata: dict[str, Annotated[str, Field(strict=True)]] = Field(default_factory=dict)
    split: Annotated[bool, Field(strict=True)] = False
    reply_to: Annotated[str, Field(strict=True, min_length=1, max_length=LARGEST_REPLY)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _asked_last(cls, fields: Any) -> Any:
        """Set the prompt of a conversation: beside `messages` it may only be repeated, as in a stored task."""
        if not isinstance(fields, dict) or not isinstance(messages := fields.get("messages"), list):
            return fields
        asked, stated = _last_asked(messages), fields.get("prompt")
        if stated is not None and stated != asked:
            raise ValueError("must have either prompt or messages")
        return {**fields, "prompt": asked or "-"}  # with nothing asked, `messages` is refused below

    @field_validator("prompt")
    @classmethod
    def _not_blank(cls, prompt: str) -> str:
        if not _has_text(prompt):
            raise ValueError("must not be blank")
        return prompt

    @field_validator("messages")
    @classmethod
    def _asks(cls, messages: list[Message] | None) -> list[Message] | None:
        if messages is not None and not any(it.role is Role.USER and _has_text(it.content) for it in messages):
            raise ValueError("must hold a user message with text")
        return messages

    @field_validator("output_schema")
    @classmethod
    def _usable_schema(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            if len(strict_json.dumps(schema).encode()) > LARGEST_SCHEMA:
                raise ValueError(f"must be at most {LARGEST_SCHEMA} bytes as JSON")
            json_schema.compiled(schema)
        return schema

    @field_validator("stop")
    @classmethod
    def _visible(cls, stop: list[str] | None) -> list[str] | None:
        if stop and any(not text.strip() for text in stop):  # Claude refuses them
            raise ValueError("must be texts with more than white space")
        return stop

    @model_validator(mode="after")
    def _splits_by_its_own_schema(self) -> Self:
        if self.split and (self.output_schema is not None or self.stop):
            raise ValueError("split must not stand beside output_schema or stop")
        return self

    @field_validator("private", "split", "metadata", mode="before")
    @classmethod
    def _null_is_default(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].get_default(call_default_factory=True) if value is None else value

    @field_validator("deadline", mode="before")
    @classmethod
    def _rfc3339(cls, value: Any) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return value
        if not isinstance(value, str) or not _RFC3339.fullmatch(value):
            raise ValueError("must be an RFC 3339 date-time with an offset, like 2026-12-31T18:00:00Z")
        try:
            moment = datetime.fromisoformat(value.upper())
            moment.astimezone(UTC)  # what is stored
        except (ValueError, OverflowError):
            raise ValueError("must be a date-time that exists") from None
        return moment

    @field_validator("metadata")
    @classmethod
    def _bounded(cls, metadata: dict[str, str]) -> dict[str, str]:
        if "" in metadata:  # DynamoDB takes no attribute without a name
            raise ValueError("must have no empty key")
        if len(strict_json.dumps(metadata).encode()) > LARGEST_METADATA:
            raise ValueError(f"must be at most {LARGEST_METADATA} bytes as JSON")
        return metadata

    @field_validator("reply_to")
    @classmethod
    def _a_place(cls, reply_to: str | None) -> str | None:
        return reply_to and reply_to_form.check_form(reply_to)

    @property
    def explicit_tier(self) -> Tier | None:
        """The tier that the sender chose: `tier` beats `type`; None leaves it to the classifier."""
        return self.tier or (TIER_OF[self.type] if self.type else None)

    @property
    def max_cost_nano(self) -> int | None:
        """The ceiling in nano-dollars."""
        return None if self.max_cost_usd is None else nano(Decimal(self.max_cost_usd))

    @property
    def turns(self) -> list[Turn]:
        """What is sent, the user's word first and last."""
        if self.messages is None:
            return [Turn(Role.USER, self.prompt)]
        return alternating(Turn(message.role, message.content) for message in self.messages)

    def fingerprint(self) -> str:
        """Return the SHA-256 in hex over all fields but `task_id` (the key itself) and `reply_to`.

        A deadline counts as its instant, in whichever zone it is written.
        """
        return self.model_copy(update={"deadline": self.deadline and self.deadline.astimezone(UTC)})._hash()

    def has_fingerprint(self, fingerprint: str) -> bool:
        """Return whether the fingerprint is this task's: as it is taken now, or as it was when notation counted."""
        return fingerprint in (self.fingerprint(), self._hash())

    def _hash(self) -> str:
        fields = self.model_dump(mode="json", exclude={"task_id", "reply_to"})
        fields = {name: value for name, value in fields.items() if value is not None or name not in _LATER_FIELDS}
        fields["max_output_tokens"] = self.max_output_tokens or _UNLIMITED_HASHES_AS
        return hashlib.sha256(strict_json.dumps(fields).encode()).hexdigest()


def _has_text(text: str) -> bool:
    return any(sign.isprintable() and not sign.isspace() for sign in text)


def _last_asked(messages: list[Any]) -> str:
    """Return the text of the last user message that has one, else nothing."""
    asked = (
        message["content"]
        for message in reversed(messages)
        if isinstance(message, dict) and message.get("role") == "user" and isinstance(message.get("content"), str)
    )
    return next((text for text in asked if _has_text(text)), "")


def states_task(fields: strict_json.Json) -> bool:
    """Return whether it is a task, whatever else its fields resemble."""
    return isinstance(fields, dict) and ("prompt" in fields or "messages" in fields)


def read_task(fields: strict_json.Json) -> Task:
    """Return the task that `fields` state.

    Raises:
        Rejection: `invalid_task`, with every field that breaks a rule.
    """
    if not isinstance(fields, dict):
        raise Rejection("invalid_task", "body: must be a JSON object with a prompt")
    try:
        return Task.model_validate(fields)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        reasons = dict.fromkeys(f"{_where(problem['loc'])}: {_rule(problem)}" for problem in problems)
        raise Rejection("invalid_task", "; ".join(list(reasons)[:5])) from None


_RULES: dict[str, str] = {
    "missing": "is required",
    "greater_than_equal": f"must be from 1 to {LARGEST_OUTPUT}",
    "less_than_equal": f"must be from 1 to {LARGEST_OUTPUT}",
    "string_too_short": "must not be empty",
    "string_too_long": f"must be at most {LARGEST_REPLY} characters",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "dict_type": "must be an object of strings",
    "list_type": "must be a list of messages",
    "model_type": "must be an object with role and content",
}
_OWN_RULES = {
    "output_schema": "must be a JSON Schema, as an object",
    "stop": f"must be 1 to {MOST_STOPS} strings of 1 to {LARGEST_STOP} characters",
}
"""Of fields whose every miss is said alike."""
_CHOICES: dict[str, type[Tier | TaskType | Effort | Lane]] = {
    "tier": Tier,
    "type": TaskType,
    "effort": Effort,
    "lane": Lane,
}
_ID_RULE = "must be 1 to 80 of the characters A-Z, a-z, 0-9, _ and -"
_PATTERNS = {
    "task_id": _ID_RULE,
    "parent_id": _ID_RULE,
    "max_cost_usd": 'must be dollars as a string, like "0.25": up to 6 digits, and 9 after the point',
}


def _where(loc: tuple[int | str, ...]) -> str:
    """Return the field's name, of messages with number and part; of metadata the field alone, as its keys are the
    sender's text.
    """
    if loc[1:] and loc[0] == "messages":
        return f"messages[{loc[1]}]" + "".join(f".{part}" for part in loc[2:])
    return str(loc[0]) if loc else "body"


def _rule(problem: Any) -> str:
    kind, field = problem["type"], _where(problem["loc"])
    if field in _OWN_RULES and kind != "value_error":
        return _OWN_RULES[field]
    if kind == "string_pattern_mismatch":
        return _PATTERNS[field]
    if kind == "enum":
        return "must be one of " + ", ".join(_CHOICES.get(field, Role))
    if field == "metadata" and kind == "string_type":
        return "must be an object of strings"
    return _RULES.get(kind, str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input should be "))
