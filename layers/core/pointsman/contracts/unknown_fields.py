"""Fields of a message that no task has, and the ones that were probably meant."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from pointsman.contracts.envelope import unwrap
from pointsman.contracts.task import Rejection, Task, states_task


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that the router ignores."""

    name: str
    nearest: str | None
    """The task's field with the most similar name; None if none is similar."""

    def __str__(self) -> str:
        return f"{self.name}: a task has no such field" + (f"; did you mean {self.nearest}?" if self.nearest else "")


def unknown_fields(body: str) -> list[UnknownField]:
    """Return the unknown fields of the task in an SQS message body, in their order; none if it has no task."""
    try:
        fields, _ = unwrap(body, "")
    except Rejection:
        return []
    if not isinstance(fields, dict) or not states_task(fields):
        return []
    known = Task.model_fields
    return [UnknownField(name, nearest_name(name, known)) for name in fields if name not in known]


def nearest_name(name: str, known: Iterable[str], *, alike: float = 0.6) -> str | None:
    """Return the known name that is most similar; None if none is.

    `alike` is how similar it must be: 1 is the same, 0.75 has a slip or two in a short name.
    """
    return next(iter(get_close_matches(name.lower(), list(known), 1, alike)), None)
