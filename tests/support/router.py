"""The router's use case, built on moto's task table and bucket, with all else by hand."""

from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.adapters.payload_store import BucketPayloads
from pointsman.adapters.s3_prompts import S3PromptObjects
from pointsman.adapters.task_table import TaskTable
from pointsman.entrypoints.runtime import build_runtime
from pointsman.entrypoints.sweep import build_sweep as build_functions_sweep
from pointsman.execution.records import TaskRecord
from pointsman.routing import config as openclaw
from pointsman.routing.catalog import Provider, load_catalog
from pointsman.routing.classifier.local import LocalClassifier
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.classification import TaskClassifier
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.services.intake import Intake, QueueMessage
from pointsman.services.rejection import RejectMessage
from pointsman.services.s3_prompts import S3Prompts
from pointsman.services.start import has_execution
from pointsman.services.subtasks import Subtasks
from pointsman.services.sweep import Sweep
from tests.support.aws import Aws, MotoLedger
from tests.support.fakes import (
    FakeBus,
    FakeClock,
    FakeDeadLetterQueue,
    FakeReplies,
    FakeTaskQueue,
    FakeWorkflow,
    ScriptedModel,
)
from tests.support.paths import ROOT

SHIPPED = (ROOT / "openclaw.json").read_text()
SECONDS = 50.0
PROMPTS = "prompts"
"""The one bucket whose objects are prompts."""


@dataclass
class Router:
    intake: Intake
    tasks: TaskTable
    clock: FakeClock
    workflow: FakeWorkflow
    bus: FakeBus
    replies: FakeReplies
    dead: FakeDeadLetterQueue
    model: ScriptedModel
    queue: FakeTaskQueue
    counts: list[str] = field(default_factory=list)
    """Names of the metrics that were counted."""

    def run(self, *messages: QueueMessage, owner: str = "router-1") -> dict[str, Exception]:
        """Take a batch; return what went back to the queue."""
        batch = self.intake.claim_batch(list(messages), owner, SECONDS)
        back: dict[str, Exception] = {}
        for message in messages:
            try:
                self.intake.start_or_reject(message, batch)
            except Exception as trouble:  # noqa: BLE001  (whatever it is, the message goes back)
                back[message.message_id] = trouble
        return back

    def crash(self, *messages: QueueMessage, owner: str = "router-1") -> None:
        """Claim and decide a batch, and go no further."""
        self.intake.claim_batch(list(messages), owner, SECONDS)

    def runs(self, task_id: str = "t-1") -> bool:
        """Return whether the task has its execution."""
        return has_execution(self.workflow, self.task(task_id))

    def task(self, task_id: str = "t-1") -> TaskRecord:
        result = self.tasks.read(task_id)
        assert result is not None
        return result


def build(aws: Aws, ledger: MotoLedger, task_table: TaskTable, config: str = SHIPPED) -> Router:
    """Return a router on empty stores."""
    clock, workflow, bus, replies, dead = FakeClock(), FakeWorkflow(), FakeBus(), FakeReplies(), FakeDeadLetterQueue()
    counts = list[str]()
    model, payloads = ScriptedModel(clock=clock, takes=1.0), BucketPayloads(aws.client("s3"), aws.bucket)

    def client(_: Provider) -> ScriptedModel:
        return model

    def log(event: str, **_: object) -> None:
        assert event

    def count(name: str, value: float = 1) -> None:
        counts.append(name)

    ctx = Context(
        RoutingPolicy(openclaw.parse(config), load_catalog()), ledger, client, clock, ZoneInfo("UTC"), log, count
    )
    queue = FakeTaskQueue()
    delivery = Delivery(ctx, task_table, payloads, bus, replies, aws.bucket, Subtasks(ctx, task_table, payloads, queue))
    return Router(
        Intake(
            ctx=ctx,
            tasks=task_table,
            payloads=payloads,
            workflow=workflow,
            model_health=DynamoModelHealth(aws.client("dynamodb"), aws.tables),
            delivery=delivery,
            classifier=TaskClassifier(ctx, LocalClassifier.load(), tasks=task_table),
            reject=RejectMessage(ctx, task_table, dead, bus, delivery, frozenset({aws.reply_arn})),
            s3_prompts=S3Prompts(
                task_table, payloads, S3PromptObjects(aws.client("s3"), "123456789012").read, frozenset({PROMPTS})
            ),
        ),
        task_table,
        clock,
        workflow,
        bus,
        replies,
        dead,
        model,
        queue,
        counts,
    )


def build_sweep(aws: Aws, router: Router) -> Sweep:
    """Return a sweep over the router's stores."""
    intake = router.intake
    runtime = build_runtime(aws.settings(), SHIPPED, aws.session, log=intake.ctx.log, count=intake.ctx.count)
    sweep = build_functions_sweep(runtime)
    return replace(
        sweep,
        ctx=intake.ctx,
        tasks=intake.tasks,
        workflow=router.workflow,
        delivery=intake.delivery,
        budget_notice=replace(sweep.budget_notice, ctx=intake.ctx),
        account_notice=replace(sweep.account_notice, ctx=intake.ctx),
        billing_notice=replace(sweep.billing_notice, ctx=intake.ctx),
        quality_notice=replace(sweep.quality_notice, figures=replace(sweep.quality_notice.figures, ctx=intake.ctx)),
        archiving=replace(sweep.archiving, ctx=intake.ctx),
    )
