"""What most use cases need of the world, in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from pointsman.ports import Clock, ModelClient, UsageLedger
from pointsman.routing.catalog import Provider
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.log_events import LogEvent


class Log(Protocol):
    """A structured log line: an event and its fields, never text of a task or an answer."""

    def __call__(self, event: LogEvent, *, level: str = "info", **fields: object) -> None:
        """Write the line; fields that are None are left out."""
        ...


class Count(Protocol):
    """One datapoint of a metric."""

    def __call__(self, name: str, value: float = 1) -> None:
        """Write the datapoint."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """The routing policy, the ledger, the providers and the clock."""

    policy: RoutingPolicy
    ledger: UsageLedger
    model: Callable[[Provider], ModelClient]
    """Builds a provider's client when it is first asked, so that nothing imports an SDK it does not call."""
    clock: Clock
    zone: ZoneInfo
    """Of budgets and reports."""
    log: Log
    count: Count
