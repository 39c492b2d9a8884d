"""A message that was sent, and how its task is told from another one of the same id."""

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.contracts.envelope import readable_id
from pointsman.contracts.message_validation import validate_message
from pointsman.execution.records import TaskRecord


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
