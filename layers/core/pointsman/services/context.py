"""What most use cases need of the world, in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from pointsman.ports import Clock, ModelClient, UsageLedger
from pointsman.routing.catalog import Provider
from pointsman.routing.policy import RoutingPolicy


class Note(Protocol):
    """A structured log line: an event's name and its fields, never text of a task or an answer."""

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write the line."""
        ...


class Count(Protocol):
    """One datapoint of a metric."""

    def __call__(self, name: str, value: float = 1) -> None:
        """Write the datapoint."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """The rules, the books, the providers and the clock."""

    policy: RoutingPolicy
    books: UsageLedger
    model: Callable[[Provider], ModelClient]
    """Builds a provider's client when it is first asked, so that nothing imports an SDK it does not call."""
    clock: Clock
    zone: ZoneInfo
    note: Note
    count: Count
