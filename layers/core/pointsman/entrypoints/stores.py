"""The stores and queues of one stack, each built when it is first used."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import get_session

from pointsman.adapters.aws import AWS_CALLS, send_by, shared_tls
from pointsman.adapters.dynamo import Tables
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.adapters.payload_store import BucketPayloads
from pointsman.adapters.task_table import TaskTable
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.entrypoints.settings import Settings

if TYPE_CHECKING:  # of some functions only: the others do not import it
    from pointsman.adapters.api_keys import DynamoApiKeys
    from pointsman.adapters.archive import BucketArchive
    from pointsman.adapters.batch_store import DynamoBatchStore
    from pointsman.adapters.grants import DynamoGrants
    from pointsman.adapters.messaging import EventBridgeBus
    from pointsman.adapters.quality_items import DynamoQuality
    from pointsman.adapters.report_sink import BucketAndTopic
    from pointsman.adapters.sweep_store import DynamoSweepStore
    from pointsman.adapters.task_list import TaskList
    from pointsman.adapters.workflow import StepFunctions


SERVICES = ("dynamodb", "events", "s3", "sns", "sqs", "ssm", "stepfunctions")
"""All AWS services that a function calls."""


class OurServices(Loader):  # type: ignore[misc]  # botocore has no types
    """botocore's loader, which knows the services without a walk through the folders of all that AWS has."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that there is a model of."""
        del type_name
        return list(SERVICES)


class BotocoreSession:
    """Makes clients as a boto3 session does; boto3 takes longer to import. They share one TLS context."""

    def __init__(self) -> None:
        self._session = get_session()
        self._session.register_component("data_loader", OurServices())
        self._sender = shared_tls(self._session.get_config_variable("ca_bundle"))

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a client."""
        client = self._session.create_client(service, config=config)
        return send_by(self._sender, client) if self._sender else client


class LazyClient:
    """An AWS client that is built at its first use: each takes tens of milliseconds, and most are seldom called.

    What a function always calls is built in INIT (`build_now`), where the processor is not throttled.
    """

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build, self._lock, self._client = build, Lock(), None

    def build_now(self) -> None:
        """Build the client, unless it is."""
        with self._lock:
            self._client = self._client or self._build()

    def __getattr__(self, name: str) -> Any:
        self.build_now()
        return getattr(self._client, name)


@dataclass(frozen=True)
class Stores:
    """The adapters of a stack."""

    settings: Settings
    session: Any
    """What makes AWS clients, as a boto3 session does."""

    def client(self, service: str) -> Any:
        """Return a client of an AWS service that is built at its first call."""
        return LazyClient(lambda: self.session.client(service, config=AWS_CALLS))

    @cached_property
    def events(self) -> Any:
        """The EventBridge client."""
        return self.client("events")

    @cached_property
    def stepfunctions(self) -> Any:
        """The Step Functions client."""
        return self.client("stepfunctions")

    @cached_property
    def ssm(self) -> Any:
        """The Parameter Store client."""
        return self.client("ssm")

    @cached_property
    def dynamodb(self) -> Any:
        """The DynamoDB client."""
        return self.client("dynamodb")

    @cached_property
    def s3(self) -> Any:
        """The S3 client."""
        return self.client("s3")

    @cached_property
    def sqs(self) -> Any:
        """The SQS client."""
        return self.client("sqs")

    @cached_property
    def tables(self) -> Tables:
        """The tables' names."""
        return Tables(self.settings.task_table, self.settings.usage_table, self.settings.limit_table)

    @cached_property
    def ledger(self) -> DynamoUsageLedger:
        """Ledger, budget and guards."""
        return DynamoUsageLedger(self.dynamodb, self.tables)

    @cached_property
    def batches(self) -> "DynamoBatchStore":
        """The economy lane's batches."""
        from pointsman.adapters.batch_store import DynamoBatchStore

        return DynamoBatchStore(self.dynamodb, self.tables)

    @cached_property
    def grants(self) -> "DynamoGrants":
        """Limits of API keys, and raises."""
        from pointsman.adapters.grants import DynamoGrants

        return DynamoGrants(self.dynamodb, self.tables)

    @cached_property
    def ledger_reader(self) -> DynamoLedgerReader:
        """The ledger's rows."""
        return DynamoLedgerReader(self.dynamodb, self.tables)

    @cached_property
    def quality(self) -> "DynamoQuality":
        """What is said of the audit's pairs."""
        from pointsman.adapters.quality_items import DynamoQuality

        return DynamoQuality(self.dynamodb, self.tables)

    @cached_property
    def model_health(self) -> DynamoModelHealth:
        """The states of all models."""
        return DynamoModelHealth(self.dynamodb, self.tables)

    @cached_property
    def tasks(self) -> TaskTable:
        """The task table."""
        return TaskTable(self.dynamodb, self.tables)

    @cached_property
    def task_list(self) -> "TaskList":
        """The tasks by the time of their receipt."""
        from pointsman.adapters.task_list import TaskList

        return TaskList(self.dynamodb, self.tables)

    @cached_property
    def payloads(self) -> BucketPayloads:
        """Where large texts are."""
        return BucketPayloads(self.s3, self.settings.bucket)

    @cached_property
    def bus(self) -> "EventBridgeBus":
        """The event bus."""
        from pointsman.adapters.messaging import EventBridgeBus

        return EventBridgeBus(self.events, self.settings.event_bus)

    @cached_property
    def workflow(self) -> "StepFunctions":
        """The state machine."""
        from pointsman.adapters.workflow import StepFunctions

        return StepFunctions(self.stepfunctions, self.settings.state_machine_arn)

    @cached_property
    def archive(self) -> "BucketArchive":
        """The ledger's closed days."""
        from pointsman.adapters.archive import BucketArchive

        return BucketArchive(self.s3, self.settings.bucket)

    @cached_property
    def sweep_store(self) -> "DynamoSweepStore":
        """What the sweep keeps between its runs."""
        from pointsman.adapters.sweep_store import DynamoSweepStore

        return DynamoSweepStore(self.dynamodb, self.tables)

    @cached_property
    def report_sink(self) -> "BucketAndTopic":
        """Where reports and notices go."""
        from pointsman.adapters.report_sink import BucketAndTopic

        return BucketAndTopic(self.s3, self.settings.bucket, self.client("sns"), self.settings.report_topic_arn)

    @cached_property
    def api_keys(self) -> "DynamoApiKeys":
        """The front door's keys."""
        from pointsman.adapters.api_keys import DynamoApiKeys

        return DynamoApiKeys(self.dynamodb, self.tables)
