"""Which tasks to list: what `pointsman list` and the MCP tool take, without what reads them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Self, TypedDict, Unpack

from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli import reading

if TYPE_CHECKING:
    from pointsman.adapters.task_list import ReceivedTask

KEPT = timedelta(days=100)
"""How long a task is on record."""


class ListedStatus(StrEnum):
    """What a task's status can be in a list."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    STARTED = "started"
    RESTING = "resting"
    HELD = "held"
    CANCELLING = "cancelling"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


VIEWS_OF_STARTED = {ListedStatus.STARTED, ListedStatus.RESTING, ListedStatus.HELD, ListedStatus.CANCELLING}
"""What a task that has started can be shown as."""


UNENDED = frozenset({ListedStatus.QUEUED, ListedStatus.CLAIMED, ListedStatus.WAITING, *VIEWS_OF_STARTED})
"""What a task is shown as until it ends."""


class PromptMark(StrEnum):
    """Why a row has no excerpt of its prompt."""

    PRIVATE = "private"
    """The task is private: its prompt is neither shown nor searched."""
    LONG = "long"
    """It is in the bucket, and a list does not fetch it."""
    EXPIRED = "expired"
    """It was in the bucket, which keeps it for 90 days."""
    NONE = "none"
    """There is none: the message was rejected, or is still in the queue."""


SortOrder = Literal["time", "cost"]
"""Newest or most expensive first."""


class SameFields(TypedDict):
    """What a task must have as it is stated; None: anything."""

    type: TaskType | None
    tier: Tier | None
    sender: str | None
    ticket: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Which tasks to list."""

    since: datetime
    limit: int = 50
    status: frozenset[ListedStatus] = frozenset()
    type: TaskType | None = None
    tier: Tier | None = None
    sender: str | None = None
    """A pattern with `*`, as in `key:*`."""
    ticket: str | None = None
    agent: str | None = None
    search: str | None = None
    """Text in the prompt or id, in upper or lower case."""
    by_cost: bool = False
    """The most expensive first."""
    look_at: int | None = None
    """The newest tasks that filters look at; None: as many as a list ever looks at."""
    after: "ReceivedTask | None" = None
    """The last task of the page before; None: the list begins with the newest."""

    @classmethod
    def of(
        cls,
        now: datetime,
        zone: tzinfo,
        *,
        since: str | None,
        status: Iterable[ListedStatus] | None,
        search: str | None,
        sort: SortOrder,
        limit: int,
        after: "ReceivedTask | None" = None,
        **same: Unpack[SameFields],
    ) -> Self:
        """Return what a command's or a tool's arguments ask for.

        Raises:
            BadInputError: `since` is no time.
        """
        return cls(
            since=reading.parse_since(since, now, zone) if since else now - KEPT,
            limit=limit,
            status=frozenset(status or ()),
            search=search or None,
            by_cost=sort == "cost",
            after=after,
            **same,
        )

    @property
    def filters(self) -> bool:
        """Whether tasks must be read to know whether they are listed."""
        return bool(self.status or self.type or self.tier or self.sender or self.ticket or self.agent or self.search)
