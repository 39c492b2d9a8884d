"""Ends of tasks, as the client returns them."""

from pointsman.client import Result
from pointsman.values.status import Status
from pointsman.values.usage import Usage


def completed(answer: str, usage: Usage, *, truncated: bool = False, model: str = "m") -> Result:
    """Return the result of a task that completed."""
    return Result(
        task_id="t-1",
        status=Status.COMPLETED,
        reason=None,
        type=None,
        tier="implementation",
        model=model,
        answer=answer,
        truncated=truncated,
        usage=usage,
        cost_nano_usd=0,
        cost_known=True,
        attempts=1,
        generation=1,
        parent_id=None,
        metadata={},
    )
