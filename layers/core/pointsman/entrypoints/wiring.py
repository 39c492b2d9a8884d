"""The functions' composition root: the only place of theirs that reads the environment and builds clients."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.session import Session, get_session

from pointsman.adapters.aws import AWS_CALLS
from pointsman.adapters.dynamo import Tables
from pointsman.adapters.ledger_watermarks import DynamoWatermarks
from pointsman.adapters.messaging import Bus, DeadLetterQueue, QueueAndTokenReplies, RepliesByKind, SqsTaskQueue
from pointsman.adapters.payload_store import BucketPayloads
from pointsman.adapters.secret_keys import key_from
from pointsman.adapters.task_table import TaskTable
from pointsman.adapters.usage_ledger import DynamoModelHealth, DynamoUsageLedger
from pointsman.adapters.workflow import StepFunctions
from pointsman.entrypoints.settings import Settings
from pointsman.ports import ModelClient, Replies
from pointsman.routing import catalog, config
from pointsman.routing.catalog import Provider
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.attempt import Attempt
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.services.subtasks import SubtaskService
from pointsman.values.errors import NotLoopbackError
from pointsman.values.taxonomy import Tier

if TYPE_CHECKING:
    from pointsman.adapters.api_keys import DynamoApiKeys
    from pointsman.adapters.archive import BucketArchive
    from pointsman.adapters.report_sink import BucketAndTopic
    from pointsman.chat_api.chat_api import ChatApi
    from pointsman.routing.classifier.local import LocalClassifier
    from pointsman.services.classification import TaskClassifier
    from pointsman.services.intake import Intake
    from pointsman.services.replay import Replay
    from pointsman.services.report import Reporting
    from pointsman.services.sweep import Sweep

UNITS = {
    "MonthSpendPercent": MetricUnit.Percent,
    "QuotaUsedPercent": MetricUnit.Percent,
    "OrchestrationMilliseconds": MetricUnit.Milliseconds,
}
"""Of the metrics that are no counts."""


WEBHOOK_KEY = "POINTSMAN_WEBHOOK_KEY"
"""Where the webhooks' signing secret may stand in the environment."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class WhenUsed:
    """An AWS client that is built at its first use: each takes tens of milliseconds, and most are seldom called."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build, self._lock, self._client = build, Lock(), None

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            self._client = self._client or self._build()
        return getattr(self._client, name)


@dataclass(frozen=True)
class Application:
    """Everything built from one environment, each part when it is first used.

    What only some functions need (routing, sweep, report, replay) is imported there too, and not when others start.
    """

    settings: Settings
    config_text: str
    """The text of `openclaw.json`."""
    session: Any = None
    """What makes AWS clients, as a boto3 session does; None: botocore's own, since boto3 takes longer to import."""

    def _aws(self, service: str) -> Any:
        return WhenUsed(lambda: self._client(service))

    def _client(self, service: str) -> Any:
        make = self.session.client if self.session else self._botocore.create_client
        return make(service, config=AWS_CALLS)

    @cached_property
    def _botocore(self) -> Session:
        return get_session()

    @cached_property
    def logger(self) -> Logger:
        """The structured log."""
        return Logger()

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics, without dimensions beside the namespace's service: each dimension set is billed."""
        return Metrics()

    @cached_property
    def tables(self) -> Tables:
        """The tables' names."""
        return Tables(self.settings.task_table, self.settings.usage_table, self.settings.limit_table)

    @cached_property
    def dynamodb(self) -> Any:
        """The DynamoDB client."""
        return self._aws("dynamodb")

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        return self._aws("s3")

    @cached_property
    def sqs(self) -> Any:
        """The SQS client."""
        return self._aws("sqs")

    @cached_property
    def policy(self) -> RoutingPolicy:
        """The rules of who serves."""
        return RoutingPolicy(config.parse(self.config_text, self.settings.overrides), catalog.load())

    @cached_property
    def books(self) -> DynamoUsageLedger:
        """Ledger, budget and guards."""
        return DynamoUsageLedger(self.dynamodb, self.tables)

    @cached_property
    def model_health_store(self) -> DynamoModelHealth:
        """The states of all models."""
        return DynamoModelHealth(self.dynamodb, self.tables)

    @cached_property
    def tasks(self) -> TaskTable:
        """The task table."""
        return TaskTable(self.dynamodb, self.tables)

    @cached_property
    def payloads(self) -> BucketPayloads:
        """Where large texts are."""
        return BucketPayloads(self.s3, self.settings.bucket)

    @cached_property
    def bus(self) -> Bus:
        """The event bus."""
        return Bus(self._aws("events"), self.settings.event_bus)

    @cached_property
    def context(self) -> Context:
        """What most use cases need."""
        return Context(
            self.policy, self.books, self.model, SystemClock(), self.settings.zone, self.note, self.count_metric
        )

    def note(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write a structured log line."""
        getattr(self.logger, level)(event, extra={name: value for name, value in fields.items() if value is not None})

    def count_metric(self, name: str, value: float = 1) -> None:
        """Add a datapoint; the handler's decorator writes it."""
        self.metrics.add_metric(name=name, unit=UNITS.get(name, MetricUnit.Count), value=value)

    @cache  # noqa: B019  (one application lives as long as its process)
    def model(self, provider: Provider) -> ModelClient:
        """Return the provider's client."""
        own, gemini = self.settings, provider is Provider.GEMINI
        base_url = own.google_gemini_base_url if gemini else own.anthropic_base_url
        self._check_address(base_url)
        name, parameter = (
            ("GEMINI_API_KEY", own.gemini_key_parameter)
            if gemini
            else ("ANTHROPIC_API_KEY", own.anthropic_key_parameter)
        )
        key = key_from(name, parameter, lambda: self._aws("ssm"))
        return self.adapter(provider)(key, base_url or None)

    def adapter(self, provider: Provider) -> Callable[[str, str | None], ModelClient]:
        """Return the provider's adapter; its SDK is imported here, by the functions that call it."""
        if provider is Provider.GEMINI:
            from pointsman.adapters.gemini import Gemini

            return Gemini
        from pointsman.adapters.claude import Claude

        return Claude

    def _check_address(self, base_url: str) -> None:
        if self.settings.model_calls == "loopback" and urlsplit(base_url).hostname not in ("127.0.0.1", "localhost"):
            raise NotLoopbackError("MODEL_CALLS is loopback: a model may only be asked on this machine")

    @cached_property
    def classifier(self) -> "LocalClassifier":
        """The local classifier."""
        from pointsman.routing.classifier.local import LocalClassifier

        return LocalClassifier.load()

    @cached_property
    def delivery(self) -> Delivery:
        """The delivery of a task's end."""
        replies = RepliesByKind(QueueAndTokenReplies(self.sqs, self._aws("stepfunctions")), self._webhooks)
        family = SubtaskService(
            self.context, self.tasks, self.payloads, SqsTaskQueue(self.sqs, self.settings.task_queue_url)
        )
        return Delivery(self.context, self.tasks, self.payloads, self.bus, replies, self.settings.bucket, family)

    def _webhooks(self) -> Replies:
        from pointsman.adapters.webhook import Webhooks, is_own, is_public

        own = self.settings
        rule = is_own if own.model_calls == "loopback" else is_public
        return Webhooks(lambda: key_from(WEBHOOK_KEY, own.webhook_key_parameter, lambda: self._aws("ssm")), rule)

    @cached_property
    def classification(self) -> "TaskClassifier":
        """The decisions."""
        from pointsman.adapters.decision_cache import LimitTableCache
        from pointsman.services.classification import TaskClassifier

        return TaskClassifier(self.context, self.classifier, LimitTableCache(self.dynamodb, self.tables))

    @cached_property
    def intake(self) -> "Intake":
        """The router's work."""
        from pointsman.adapters.s3_prompts import S3PromptObjects
        from pointsman.services.intake import Intake
        from pointsman.services.s3_prompts import S3Prompts

        own = self.settings
        return Intake(
            ctx=self.context,
            tasks=self.tasks,
            payloads=self.payloads,
            workflow=self.workflow,
            model_health_store=self.model_health_store,
            dead_letters=DeadLetterQueue(self.sqs, own.dlq_url, self.s3, own.bucket),
            bus=self.bus,
            delivery=self.delivery,
            classification=self.classification,
            reply_places=own.reply_places,
            objects=S3Prompts(self.tasks, self.payloads, S3PromptObjects(self.s3), own.prompt_buckets),
        )

    def attempt(self, function: Tier) -> Attempt:
        """Return a tier function's work."""
        return Attempt(self.context, self.payloads, function)

    @cached_property
    def sweep(self) -> "Sweep":
        """The sweep."""
        from pointsman.adapters.notices import LimitTableNotices
        from pointsman.services.archive import Archiving
        from pointsman.services.budget_notice import BudgetNotice
        from pointsman.services.sweep import Sweep

        notices = LimitTableNotices(self.dynamodb, self.tables)
        notice = BudgetNotice(self.context, self.books, notices, self.bus, self.sink)
        return Sweep(
            ctx=self.context,
            books=self.books,
            ledger=self.books,
            model_health_store=self.model_health_store,
            tasks=self.tasks,
            workflow=self.workflow,
            delivery=self.delivery,
            notice=notice,
            horizon=self.horizon,
            archiving=Archiving(self.context, self.books, self.archive, self.horizon),
        )

    @cached_property
    def workflow(self) -> StepFunctions:
        """The state machine."""
        return StepFunctions(self._aws("stepfunctions"), self.settings.state_machine_arn)

    @cached_property
    def archive(self) -> "BucketArchive":
        """The ledger's closed days."""
        from pointsman.adapters.archive import BucketArchive

        return BucketArchive(self.s3, self.settings.bucket)

    @cached_property
    def horizon(self) -> DynamoWatermarks:
        """How far the ledger is settled and archived."""
        return DynamoWatermarks(self.dynamodb, self.tables)

    @cached_property
    def sink(self) -> "BucketAndTopic":
        """Where reports and notices go."""
        from pointsman.adapters.report_sink import BucketAndTopic

        return BucketAndTopic(self.s3, self.settings.bucket, self._aws("sns"), self.settings.report_topic_arn)

    @cached_property
    def replay(self) -> "Replay":
        """The replay of dead letters and failed tasks."""
        from pointsman.adapters.dead_letters import DeadLetterQueueReader
        from pointsman.services.replay import Replay

        own = self.settings
        return Replay(
            ctx=self.context,
            tasks=self.tasks,
            payloads=self.payloads,
            workflow=self.workflow,
            model_health_store=self.model_health_store,
            classification=self.classification,
            box=DeadLetterQueueReader(self.sqs, own.dlq_url, own.task_queue_url, self.s3, own.bucket),
            reply_places=own.reply_places,
        )

    @cached_property
    def api_keys(self) -> "DynamoApiKeys":
        """The front door's keys."""
        from pointsman.adapters.api_keys import DynamoApiKeys

        return DynamoApiKeys(self.dynamodb, self.tables)

    @cached_property
    def chat_api(self) -> "ChatApi":
        """The front door."""
        from pointsman.chat_api.authenticator import ApiKeyAuthenticator
        from pointsman.chat_api.chat_api import ChatApi
        from pointsman.client import Client, Places

        own, clock = self.settings, SystemClock()
        client = Client(Places(own.task_queue_url, own.task_table, own.bucket), self.session)
        return ChatApi(ApiKeyAuthenticator(self.api_keys, clock), client, clock, self.note)

    @cached_property
    def reporting(self) -> "Reporting":
        """The daily report."""
        from pointsman.adapters.archive import ArchivedLedger
        from pointsman.adapters.task_times import TaskTimes
        from pointsman.services.report import Reporting

        ledger = ArchivedLedger(self.books, self.archive)
        times = TaskTimes(self.dynamodb, self.tables)
        return Reporting(self.context, ledger, self.sink, times, self.horizon, self.settings.stand_in)


@cache
def application() -> Application:
    """Return the application of this process's environment and of the `openclaw.json` that the package carries."""
    text = (files("pointsman") / "openclaw.json").read_text()
    return Application(Settings.from_environment(), text)


def warm_up(parts: Callable[[Application], object]) -> None:
    """Build `parts` while Lambda initialises, where the processor is not throttled; elsewhere do nothing."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE"):
        parts(application())
