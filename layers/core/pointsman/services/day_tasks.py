"""How a day's tasks stand: by their records, and by their workflows of those that wait."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched

from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import Waiting
from pointsman.ports import Workflow
from pointsman.report.figures.day_tasks import DayTask, DayTasks, day_tasks
from pointsman.services.waiting import waiting_of
from pointsman.values.status import UNDER_WAY

type RecordLookup = Callable[[datetime, datetime], Iterable[TaskRecord]]
"""Returns the records of the tasks that were received in that time, without their texts."""
_MOST_WAITS = 1_000
"""Workflows of a day that are asked what their task waits for; of further ones it is not known."""
_AT_ONCE = 8
_PRESENT = timedelta(days=1)
"""For so long after its end, a day's report counts what lies in the dead-letter queue: it is made the day after."""


@dataclass(frozen=True, slots=True)
class DayTaskReader:
    """Reads what became of the tasks of a day."""

    records: RecordLookup
    workflow: Workflow
    count_dead_letters: Callable[[], int]

    def read(self, since: datetime, until: datetime, now: datetime) -> DayTasks:
        """Return what became of the tasks that were received from `since` to before `until`, as it is `now`."""
        waits = _Waits(self.workflow)
        letters = self.count_dead_letters() if since <= now < until + _PRESENT else 0
        counted = day_tasks(self._tasks(since, until, waits), now, dead_letters=letters)
        return counted.with_unread(waits.unread)

    def _tasks(self, since: datetime, until: datetime, waits: "_Waits") -> Iterator[DayTask]:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for some in batched(self.records(since, until), _MOST_WAITS, strict=False):
                for record, waiting in zip(some, pool.map(waits, some), strict=True):
                    yield DayTask.of(record, waiting)


@dataclass(slots=True)
class _Waits:
    """Asks the workflows, and counts those that could not be asked."""

    workflow: Workflow
    asked: int = 0
    unread: int = field(default=0)

    def __call__(self, record: TaskRecord) -> Waiting | None:
        if record.status not in UNDER_WAY:
            return None
        self.asked += 1
        if self.asked > _MOST_WAITS:
            self.unread += 1
            return None
        try:
            return waiting_of(self.workflow, record)
        except Exception:  # noqa: BLE001  (the report says of how many it is not known; it never fails for one)
            self.unread += 1
            return None
