"""The functions' use cases in this process on the local stack, with clocks on the store and on the model."""

import gc
import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger

from benchmarks.places import ROOT, TIER_MODELS
from pointsman.entrypoints.model_clients import adapter_of
from pointsman.entrypoints.router import build_intake
from pointsman.entrypoints.runtime import Runtime, build_runtime
from pointsman.entrypoints.settings import Settings
from pointsman.entrypoints.tier import build_attempt
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import ModelClient
from pointsman.routing.catalog import Provider
from pointsman.services.attempt import Attempt
from pointsman.services.intake import Intake
from pointsman.values import strict_json
from pointsman.values.status import Status
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text
from tests.support.local_stack import Stack

PROMPT = "Which of these three jobs goes first: nightly backup, invoice run, log rotation? Answer in one sentence."
INVOCATION = 60.0
"""Seconds that each attempt is told it has."""


@dataclass(eq=False)
class Stopwatch:
    """How often something was called, and how long it took together."""

    calls: int = 0
    seconds: float = 0.0
    """By the clock on the wall."""
    processor: float = 0.0
    """Seconds of this process's processor time."""

    def around[**P, R](self, call: Callable[P, R]) -> Callable[P, R]:
        """Return the call, timed."""

        def timed(*args: P.args, **options: P.kwargs) -> R:
            with self.running():
                return call(*args, **options)

        return timed

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count a call and its time."""
        wall, processor = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.calls += 1
            self.seconds += time.perf_counter() - wall
            self.processor += time.process_time() - processor

    def reset(self) -> None:
        """Begin anew."""
        self.calls, self.seconds, self.processor = 0, 0.0, 0.0


@dataclass
class TimedModel:
    """A model client whose calls are timed."""

    client: ModelClient
    watch: Stopwatch

    def ask(self, request: ModelRequest) -> CallResult:
        """Ask."""
        return self.watch.around(self.client.ask)(request)


@dataclass
class TimedSession:
    """Makes AWS clients whose calls are timed: the SDK's own work in a call counts as the call's."""

    make: Callable[[str], Any]
    watch: Stopwatch

    def client(self, service: str, config: Any = None) -> Any:
        """Return a client."""
        del config  # `make` has its own
        client = self.make(service)
        client._make_api_call = self.watch.around(client._make_api_call)
        return client


@dataclass
class Rig:
    """The use cases over one stack, each AWS call and each model call timed, their log written to nowhere."""

    runtime: Runtime
    store: Stopwatch
    asked: Stopwatch
    whole: Stopwatch = field(default_factory=Stopwatch)
    """Around what is measured."""

    @property
    def intake(self) -> Intake:
        """The router's use case."""
        return self.runtime.part(build_intake)

    def attempt(self, function: Tier) -> Attempt:
        """Return a tier function's use case."""
        return self.runtime.part(build_attempt, function)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure the block: `own_ms` and `own_wall_ms` are about it then."""
        for watch in (self.store, self.asked, self.whole):
            watch.reset()
        with self.whole.running():
            yield

    @property
    def own_ms(self) -> float:
        """Processor time of the block, without AWS calls and models' clients."""
        return (self.whole.processor - self.store.processor - self.asked.processor) * 1000

    @property
    def own_wall_ms(self) -> float:
        """The same by the clock on the wall."""
        return (self.whole.seconds - self.store.seconds - self.asked.seconds) * 1000


class _Nowhere(io.TextIOBase):
    """Where the log goes."""

    def write(self, text: str, /) -> int:
        return len(text)


def rig_of(settings: Settings, config: str, session: Any, store: Stopwatch, model: ModelClient | None = None) -> Rig:
    """Return the use cases over the clients of a session, whose calls `store` times; `model` answers for every
    provider, if given.
    """
    requests = Stopwatch()
    logger = Logger(service="benchmark", stream=_Nowhere())

    def log(event: str, *, level: str = "info", **fields: object) -> None:
        getattr(logger, level)(event, extra={name: value for name, value in fields.items() if value is not None})

    runtime = build_runtime(settings, config, session, log=log, count=lambda *_: None)
    clients: dict[Provider, ModelClient] = {}
    build = runtime.context.model

    def timed(provider: Provider) -> ModelClient:
        if provider not in clients:
            clients[provider] = TimedModel(model or build(provider), requests)
        return clients[provider]

    return Rig(replace(runtime, context=replace(runtime.context, model=timed)), store, requests)


def settings_of(stack: Stack) -> dict[str, str]:
    """Return the functions' environment of a stack, the way to it included; the keys are in its SSM, as on AWS."""
    out, url = stack.info.outputs, stack.info.fake_providers_url
    return stack.info.environment | {
        "TASK_TABLE": out["TaskTableName"],
        "USAGE_TABLE": out["UsageTableName"],
        "LIMIT_TABLE": out["LimitTableName"],
        "BUCKET": out["DataBucketName"],
        "EVENT_BUS": out["EventBusName"],
        "TASK_QUEUE_URL": out["TaskQueueUrl"],
        "DLQ_URL": out["DeadLetterQueueUrl"],
        "STATE_MACHINE_ARN": out["StateMachineArn"],
        "GOOGLE_GEMINI_BASE_URL": f"{url}/gemini",
        "ANTHROPIC_BASE_URL": f"{url}/anthropic",
        "MODEL_CALLS": "loopback",
    }


def shipped(**pointsman: Any) -> str:
    """Return the shipped `openclaw.json`, with quotas and budget that nothing here can reach."""
    document = json.loads((ROOT / "openclaw.json").read_text())
    quota = {"rpm": 1_000_000, "tpm": 1_000_000_000, "rpd": 1_000_000}
    options = {"budget": {"month_usd": 1000}, "quotas": {TIER_MODELS["orchestration"]: quota}} | pointsman
    document["pointsman"] = document.get("pointsman", {}) | options
    return json.dumps(document)


def rig_on(stack: Stack, config: str, **changes: str) -> Rig:
    """Return the use cases on the stack, with changes to its environment; this process's own is left as it is."""
    settings, store = Settings.from_environment(settings_of(stack) | changes), Stopwatch()
    rig = rig_of(settings, config, TimedSession(stack.client, store), store)
    for provider in Provider:
        adapter_of(provider)
    gc.freeze()  # as the functions' frame does
    return rig


def started_task(rig: Rig, *models: str, tier: Tier) -> WorkflowState:
    """Put a task into the table as the router does, started, and return its first position."""
    now = datetime.now(UTC)
    record = TaskRecord(
        task_id=f"b-{uuid.uuid4().hex}",
        status=Status.STARTED,
        fingerprint="benchmark",
        body=Payload(inline=strict_json.dumps({"prompt": PROMPT})),
        received_at=to_text(now),
    )
    rig.runtime.stores.tasks.claim(record)
    policy = rig.runtime.context.policy
    hops = tuple(policy.hop(policy.catalog.get(model), tier) for model in models or (TIER_MODELS[tier],))
    return WorkflowState(record.task_id, 1, now + timedelta(hours=1), hops)


def role_that_may_all(stack: Stack, name: str) -> str:
    """Make a role that may do all on this emulator."""
    iam, everyone = stack.client("iam"), {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
    trust = {"Effect": "Allow", "Principal": everyone, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=_policy(allow))
    return str(role["Arn"])


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def idle_machine(stack: Stack) -> str:
    """Make a state machine that ends at once; return its ARN."""
    name = f"idle-{uuid.uuid4().hex[:8]}"
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    machine = stack.client("stepfunctions").create_state_machine(
        name=name, definition=definition, roleArn=role_that_may_all(stack, name)
    )
    return str(machine["stateMachineArn"])
