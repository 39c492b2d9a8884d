"""How a task goes on from the economy lane: its workflow begins, by the input that the router stored.

A task that has an answer or an attempt by then is one whose first attempt is over: the tier function finds it so, as it
does after a crash, and checks, delivers, repeats or goes to the next model.
"""

from dataclasses import dataclass, replace

from pointsman.execution.outcome import PASSING, Outcome
from pointsman.execution.records import TaskRecord
from pointsman.ports import TaskStore, Workflow
from pointsman.routing.lanes import StandardReason
from pointsman.services.context import Context
from pointsman.services.start import start_execution
from pointsman.values.lane import Lane
from pointsman.values.log_events import LogEvent

_GOES_STANDARD = PASSING | {Outcome.UNKNOWN, Outcome.RETIRED, Outcome.TOO_LONG}
"""Outcomes of an entry after which another call is made, which is no batch's."""


@dataclass(frozen=True, slots=True)
class LaneExit:
    """The ways out of the economy lane."""

    ctx: Context
    tasks: TaskStore
    workflow: Workflow

    def leave(self, record: TaskRecord, reason: str) -> None:
        """Send a task the standard way. First it is kept that no batch takes it, then its workflow begins."""
        assert record.lane is not None
        if self.tasks.change_lane(record.task_id, replace(record.lane, lane=Lane.STANDARD, reason=reason)):
            self.ctx.log(LogEvent.LANE_LEFT, task_id=record.task_id, reason=reason)
            self.go_on(record)

    def settled(self, record: TaskRecord, outcome: Outcome) -> None:
        """Have a task go on whose entry is settled."""
        if record.delivered_at:
            return
        if outcome in _GOES_STANDARD:
            self.leave(record, str(StandardReason.EXPIRED if outcome is Outcome.NOT_SENT else outcome))
        self.go_on(record)

    def go_on(self, record: TaskRecord) -> None:
        """Begin the task's workflow, or find it begun."""
        start_execution(self.ctx, self.workflow, record)
        self.tasks.send_on(record.task_id)
