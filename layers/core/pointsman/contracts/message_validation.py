"""The body of a message, judged before it is sent as the router will judge it."""

from dataclasses import dataclass
from typing import Any

from pointsman.contracts.envelope import open_message
from pointsman.contracts.task import Rejection, Task
from pointsman.values.limits import LARGEST_BODY


@dataclass(frozen=True, slots=True)
class MessageValidation:
    """Whether the router would take a message, and as which task."""

    task: Task | None
    task_id: str | None
    """The task's own id or its envelope's; None: it would get the SQS message's."""
    error: str | None
    """Field and rule, when the message is not valid."""

    @property
    def normalised(self) -> dict[str, Any] | None:
        """The task with all defaults and the id that it would have."""
        return {**self.task.model_dump(mode="json"), "task_id": self.task_id} if self.task else None


def validate_message(body: str) -> MessageValidation:
    """Return the verdict on a message's body."""
    if len(body.encode(errors="surrogatepass")) > LARGEST_BODY:
        return MessageValidation(None, None, f"body: must be at most {LARGEST_BODY} bytes, as SQS takes no more")
    try:
        task_id, task = open_message(body, "")
    except Rejection as rejection:
        return MessageValidation(None, None, rejection.reason)
    return MessageValidation(task, task_id or None, None)
