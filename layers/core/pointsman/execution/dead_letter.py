"""What lies in the dead-letter queue."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of the dead-letter queue."""

    message_id: str
    """SQS's: its first one if SQS itself moved the message here, as it does after too many receipts."""
    body: str
    attributes: dict[str, str]
    """What the router says of a rejected message; empty for one that SQS moved."""
    receipt: str
