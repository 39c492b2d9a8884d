"""A task that has ended, run anew under an id of its own, by the operator's process with the operator's rights."""

from dataclasses import dataclass, replace
from datetime import timedelta

from pointsman.contracts.task import Rejection, Task, read_task
from pointsman.execution.budget import Family
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import ModelHealthStore, PayloadStore, TaskStore, Workflow
from pointsman.routing.catalog import Billing, UnknownPriceError
from pointsman.routing.decision import Decision
from pointsman.services.classification import TaskClassifier
from pointsman.services.context import Context
from pointsman.services.intake import TASK_LIFETIME
from pointsman.services.sender_limits import clamped
from pointsman.services.start import first_state, start_again
from pointsman.values import strict_json
from pointsman.values.effort import Effort
from pointsman.values.errors import PointsmanError
from pointsman.values.status import ENDED, Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_ms, to_text

_LEASE = timedelta(seconds=60)
"""How long a rerun holds its claim; `replay --id` carries on with one that was begun and not started."""
_CLASSIFYING_SECONDS = 60.0


class NotRerunnableError(PointsmanError):
    """A task cannot be run anew so. The message says why, and never has text of the task."""


@dataclass(frozen=True, slots=True)
class RerunOptions:
    """What an operator wants otherwise."""

    type: TaskType | None = None
    tier: Tier | None = None
    model: str | None = None
    """The only model to ask."""
    effort: Effort | None = None


@dataclass(frozen=True, slots=True)
class Rerun:
    """The use case of `pointsman rerun`.

    It claims and starts the task itself, as a replay does: so the task keeps its sender, which no message can state.
    """

    ctx: Context
    tasks: TaskStore
    payloads: PayloadStore
    workflow: Workflow
    model_health: ModelHealthStore
    classifier: TaskClassifier

    def __call__(self, record: TaskRecord, body: str, options: RerunOptions, task_id: str, owner: str) -> TaskRecord:
        """Start the task anew under `task_id`, and return it; `body` is the old one's, `owner` names this process.

        Raises:
            NotRerunnableError: The task or an option does not allow it.
        """
        check_rerunnable(record)
        task, stored = self._task(record, body, options)
        now, fingerprint = self.ctx.clock.now(), task.fingerprint()
        claim = TaskRecord(
            task_id=task_id,
            status=Status.CLAIMED,
            rerun_of=record.task_id,
            fingerprint=fingerprint,
            body=self.payloads.keep(stored, f"{task_id}/task.{fingerprint[:16]}"),
            lease_owner=owner,
            lease_until=to_ms(now + _LEASE),
            received_at=to_text(now),
            deadline=to_text(now + TASK_LIFETIME),
            parent_id=record.parent_id,
            metadata=record.metadata,
            private=record.private,
            split=record.split,
            sender=record.sender,
            limited=record.limited,
            family=None if task.max_cost_nano is None else Family(task_id, task.max_cost_nano),
            via=record.via,
        )
        decision = self._decision(claim, record, task, options)
        claim.decision = decision if options.tier else clamped(self.ctx, claim, decision)
        claim.execution_input = strict_json.dumps(self._first_state(claim, claim.decision, options.model).as_state())
        if self.tasks.claim(claim) is not None:
            raise NotRerunnableError(f"{task_id}: is taken by another task")
        start_again(self.ctx, self.tasks, self.workflow, claim)
        return claim

    def _task(self, record: TaskRecord, body: str, options: RerunOptions) -> tuple[Task, str]:
        """Return the task as it is to run, and its stored form: the old one's, without its deadline."""
        fields = strict_json.loads(body)
        assert isinstance(fields, dict)
        fields.pop("deadline", None)
        kind = options.type or (record.correction.type if record.correction and not options.tier else None)
        if kind:
            fields.pop("tier", None)
            fields["type"] = str(kind)
        if options.tier:
            fields["tier"] = str(options.tier)
        if options.effort:
            fields["effort"] = str(options.effort)
        try:
            task = read_task(fields)
        except Rejection as rejection:
            raise NotRerunnableError(rejection.reason) from None
        dumped = task.model_dump(mode="json", exclude={"task_id", "reply_to"}, exclude_none=True)
        return task, strict_json.dumps(dumped)

    def _decision(self, claim: TaskRecord, record: TaskRecord, task: Task, options: RerunOptions) -> Decision:
        """Return the old decision, unless another type or tier is wanted or none was made."""
        if record.decision and not (options.type or options.tier or record.correction):
            return record.decision
        if decision := self.classifier.decide_without_model(task):
            return decision
        task_id = claim.task_id
        return self.classifier.decide({task_id: task}, _CLASSIFYING_SECONDS, {task_id: claim})[task_id]

    def _first_state(self, claim: TaskRecord, decision: Decision, model_id: str | None) -> WorkflowState:
        state = first_state(self.ctx, claim, decision.tier, self.model_health.states(self.ctx.policy.in_use()))
        if model_id is None:
            return state
        policy = self.ctx.policy
        try:
            model = policy.catalog.get(model_id)
        except UnknownPriceError as error:
            raise NotRerunnableError(f"--model: {error.args[0]}") from None
        if model.has_ended(self.ctx.clock.now().date()):
            raise NotRerunnableError(f"--model: {model_id} is retired; its successor is {model.successor}")
        if claim.private and policy.billing(model) is Billing.FREE:
            raise NotRerunnableError(f"--model: the task is private, and {model_id} is of a free tier")
        return replace(state, plan=(policy.hop(model, decision.tier),), hop=0, next=Next.RUN, reason=None)


def check_rerunnable(record: TaskRecord) -> None:
    """Check that the task has ended and has what a rerun needs.

    Raises:
        NotRerunnableError: It has not.
    """
    if record.status is Status.REJECTED:
        raise NotRerunnableError(f"task {record.task_id} was rejected: `pointsman replay` shows its dead letter")
    if record.is_cancelled_ahead:
        raise NotRerunnableError(f"task {record.task_id} was cancelled before it was received: submit it again")
    if record.status not in ENDED:
        raise NotRerunnableError(f"task {record.task_id} has not ended: wait for it, or cancel it")
