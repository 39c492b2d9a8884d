"""The functions' use cases in this process on the local stack, with clocks on the store and on the model."""

import gc
import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from benchmarks.places import ROOT, TIER_MODELS
from pointsman.entrypoints.settings import Settings
from pointsman.entrypoints.wiring import Application
from pointsman.execution.outcome import CallResult
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import ModelClient, ModelRequest
from pointsman.routing.catalog import Provider
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

    def around[**P, R](self, call: Callable[P, R]) -> Callable[P, R]:
        """Return the call, timed."""

        def timed(*args: P.args, **options: P.kwargs) -> R:
            began = time.perf_counter()
            try:
                return call(*args, **options)
            finally:
                self.calls += 1
                self.seconds += time.perf_counter() - began

        return timed

    def reset(self) -> None:
        """Begin anew."""
        self.calls, self.seconds = 0, 0.0


@dataclass
class TimedModel:
    """A model client whose calls are timed."""

    client: ModelClient
    watch: Stopwatch

    def ask(self, question: ModelRequest) -> CallResult:
        """Ask."""
        return self.watch.around(self.client.ask)(question)


@dataclass(frozen=True)
class TimedApplication(Application):
    """The application, each AWS call and each model call timed: the SDK's own work in a call counts as the call's."""

    store: Stopwatch = field(default_factory=Stopwatch)
    asked: Stopwatch = field(default_factory=Stopwatch)
    clients: Callable[[str], Any] | None = None

    def _client(self, service: str) -> Any:
        client = self.clients(service) if self.clients else super()._client(service)
        client._make_api_call = self.store.around(client._make_api_call)
        return client

    def model(self, provider: Provider) -> ModelClient:  # type: ignore[override]
        """Return the provider's client, timed."""
        own = self.__dict__.setdefault("models", {})
        if provider not in own:
            own[provider] = TimedModel(super().model(provider), self.asked)
        found: ModelClient = own[provider]
        return found

    @cached_property
    def logger(self) -> Logger:
        """The structured log, written in full, to nowhere."""
        return Logger(service="benchmark", stream=Path(os.devnull).open("w"))


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
    own = {"budget": {"month_usd": 1000}, "quotas": {TIER_MODELS["orchestration"]: quota}} | pointsman
    document["pointsman"] = document.get("pointsman", {}) | own
    return json.dumps(document)


def application(stack: Stack, config: str, **changes: str) -> TimedApplication:
    """Return an application on the stack, with changes to its environment; this process's own is left as it is."""
    environment = settings_of(stack) | changes

    def clients(service: str) -> Any:
        return stack.client(service)

    app = TimedApplication(Settings.from_environment(environment), config, clients=clients)
    for provider in Provider:
        app.adapter(provider)
    gc.freeze()  # as `cold_start` does
    return app


def started_task(app: Application, *models: str, tier: Tier) -> WorkflowState:
    """Put a task into the table as the router does, started, and return its first position."""
    now = datetime.now(UTC)
    record = TaskRecord(
        task_id=f"b-{uuid.uuid4().hex}",
        status=Status.STARTED,
        fingerprint="benchmark",
        body=Payload(inline=strict_json.dumps({"prompt": PROMPT})),
        received_at=to_text(now),
    )
    app.tasks.claim(record, now)
    hops = tuple(app.policy.hop(app.policy.catalogue.get(model), tier) for model in models or (TIER_MODELS[tier],))
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
    made = stack.client("stepfunctions").create_state_machine(
        name=name, definition=definition, roleArn=role_that_may_all(stack, name)
    )
    return str(made["stateMachineArn"])
