"""What a caller says of a task, as the message that is sent, and what it was sent as."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import uuid4

from pointsman.client.errors import InvalidTaskError
from pointsman.contracts.envelope import readable_id
from pointsman.contracts.message_validation import validate_message
from pointsman.execution.records import TaskRecord
from pointsman.values import strict_json


class TaskFields(TypedDict, total=False):
    """What may be said of a task beside its prompt; None is as good as not given."""

    task_id: str | None
    """1 to 80 of A-Z, a-z, 0-9, _ and -; without it and without a key: a new UUID."""
    idempotency_key: str | None
    """Any text that names this piece of work: the same key gives the same task id, so that it is done once."""
    type: str | None
    """A task type, as `code_generation`; without it and `tier` the task is classified."""
    tier: str | None
    """A tier, as `reasoning`; it beats the type."""
    messages: Sequence[Mapping[str, str]] | None
    """A conversation instead of a prompt: each with `role`, `user` or `assistant`, and `content`."""
    system: str | None
    max_output_tokens: int | None
    """Bounds the billed output of each call, thinking included."""
    effort: str | None
    """How much the model may think: `none`, `low`, `medium`, `high`, `xhigh` or `max`."""
    lane: str | None
    """`economy`: half the price by the deadline (48 h without one); `standard`: at once."""
    max_cost_usd: str | None
    """What the task and its subtasks may cost together, in dollars, such as `0.25`."""
    output_schema: Mapping[str, Any] | None
    """A JSON Schema: the answer is JSON that follows it."""
    stop: Sequence[str] | None
    """Up to 4 texts before which the answer ends."""
    deadline: datetime | str | None
    """With an offset."""
    private: bool
    """Never to a free tier, whose provider may learn from it."""
    parent_id: str | None
    split: bool
    """Whether an orchestration answer may hand out subtasks, for which the task then waits."""
    metadata: Mapping[str, str] | None
    reply_to: str | None


def id_from(idempotency_key: str) -> str:
    """Return the task id of a key: its SHA-256 in hex."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()


def task_fields(prompt: str | None, fields: TaskFields) -> dict[str, Any]:
    """Return the task, with an id of its own unless one is given; without a prompt it is a conversation's.

    Raises:
        TypeError: A field has another name.
    """
    if unknown := sorted(fields.keys() - TaskFields.__annotations__.keys()):
        raise TypeError(f"a task has no field {unknown[0]!r}; choose from {', '.join(TaskFields.__annotations__)}")
    named = fields.get("task_id") is not None or fields.get("idempotency_key") is not None
    return {**fields, "prompt": prompt, **({} if named else {"task_id": str(uuid4())})}


def body_of(task: Mapping[str, Any]) -> str:
    """Return the message's body, an idempotency key become the task's id; it is not judged yet.

    Raises:
        InvalidTaskError: It cannot be written as JSON in UTF-8, or the key is empty or stands beside an id.
    """
    fields = {name: value for name, value in task.items() if value is not None}
    key = fields.pop("idempotency_key", None)
    if key is not None and ("task_id" in fields or not key):
        raise InvalidTaskError("idempotency_key: must not be empty, nor stand beside task_id")
    if isinstance(fields.get("deadline"), datetime):
        fields["deadline"] = fields["deadline"].isoformat()
    if isinstance(fields.get("messages"), Sequence) and not isinstance(fields["messages"], str):
        fields["messages"] = [dict(it) if isinstance(it, Mapping) else it for it in fields["messages"]]
    for name in ("metadata", "output_schema"):
        if isinstance(fields.get(name), Mapping):
            fields[name] = dict(fields[name])
    if isinstance(fields.get("stop"), Sequence) and not isinstance(fields["stop"], str):
        fields["stop"] = list(fields["stop"])
    try:
        body = strict_json.dumps(fields if key is None else {**fields, "task_id": id_from(key)})
        body.encode()
    except UnicodeEncodeError:
        raise InvalidTaskError("body: must be text that UTF-8 can hold") from None
    except (TypeError, ValueError):
        raise InvalidTaskError("body: must be made of what JSON has") from None
    return body


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent."""

    message_id: str
    """SQS's."""
    task_id: str
    """The id that it asks for, or else SQS's."""
    fingerprint: str | None
    """The task's; None if the message is not valid."""

    @classmethod
    def of(cls, message_id: str, body: str) -> "Sent":
        """Return what a body was sent as."""
        verdict = validate_message(body)
        fingerprint = verdict.task.fingerprint() if verdict.task else None
        return cls(message_id, verdict.task_id or readable_id(body) or message_id, fingerprint)

    def fate(self, records: Mapping[str, TaskRecord]) -> TaskRecord | None:
        """Return the record that tells what becomes of it; None until the router has looked at it.

        A task has the message's fingerprint. What is rejected stands under its own id or under SQS's.
        """
        own_record = records.get(self.task_id)
        if own_record and own_record.fingerprint and own_record.fingerprint == self.fingerprint:
            return own_record
        rejected = [record for record in (own_record, records.get(self.message_id)) if record]
        return next(
            (record for record in rejected if record.rejection and record.rejection.message_id == self.message_id), None
        )
