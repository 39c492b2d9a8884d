"""The deployed local stack as tests use it: send tasks, watch them, inject faults. No product code is patched."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from devstack import FakedProviders, StackInfo, processes, servers
from devstack.callers import ADMITTED
from devstack.info import new_access_key
from devstack.toolchain import runtime_environment
from pointsman.adapters.api_keys import DynamoApiKeys
from pointsman.adapters.dynamo import Tables
from pointsman.adapters.grants import DynamoGrants
from pointsman.adapters.task_table import TaskTable
from pointsman.contracts.api_key import ApiKey, digest_of, new_key
from pointsman.execution.records import TaskRecord
from pointsman.routing.limit_rules import Bounds
from pointsman.values.status import ENDED
from tests.support.aws import BUCKET, TABLES, create_tables
from tests.support.fake_providers import replay_rules, start, stop
from tests.support.tls import Receiver

REPLY_QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:replies"
"""The queue that tasks may name in reply_to."""
_SENDERS = "arn:aws:sns:us-east-1:000000000000:asks,arn:aws:events:us-east-1:000000000000:rule/asks"
PARAMETERS = {
    **ADMITTED,
    "ReplyQueueArns": REPLY_QUEUE_ARN,
    "SenderArns": f"{_SENDERS},{ADMITTED['SenderArns']}",
}
"""Admits the examples, and a topic and a rule of the tests."""
WEB_ORIGIN = "https://app.example.com"
"""Of web pages that may call the front door."""
WEBHOOK_PATH = "/hooks/only-the-receiver-knows-this"
TASK_SECONDS = 180.0
"""Seconds that a task may take on a busy machine with every function cold."""


@dataclass(frozen=True)
class Stack:
    """A local stack and its fake providers."""

    info: StackInfo
    hooks: Receiver = field(default_factory=Receiver)
    """The receiver of webhooks."""
    webhook_secret: str = field(default_factory=lambda: f"whsec_{uuid.uuid4().hex}")
    """Signs the webhooks; hexadecimal digits are valid base64 too."""

    @property
    def webhook(self) -> str:
        """A webhook URL whose path is a secret."""
        return f"https://localhost:{self.hooks.port}{WEBHOOK_PATH}"

    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """Return the client of a service; a new one takes a tenth of a second and some megabytes."""
        if service not in self._clients:
            self._clients[service] = self.info.session().client(service, **self.info.client_options)
        return self._clients[service]

    @cached_property
    def tasks(self) -> TaskTable:
        out = self.info.outputs
        names = Tables(out["TaskTableName"], out["UsageTableName"], out["LimitTableName"])
        return TaskTable(self.client("dynamodb"), names)

    @cached_property
    def api_key(self) -> str:
        """An API key of the Chat API."""
        key = new_key()
        record = ApiKey("tests", str(digest_of(key)), "2026-11-24T12:00:00.000Z")
        names = Tables("", "", self.info.outputs["LimitTableName"])
        assert DynamoApiKeys(self.client("dynamodb"), names).create(record)
        return key

    def limited_key(self, **bounds: Any) -> str:
        """Return a new API key whose principal has limits of its own."""
        key, name = new_key(), f"limited-{uuid.uuid4().hex[:6]}"
        client, names = self.client("dynamodb"), Tables("", "", self.info.outputs["LimitTableName"])
        record = ApiKey(name, str(digest_of(key)), "2026-11-24T12:00:00.000Z", principal=name, limited=True)
        assert DynamoApiKeys(client, names).create(record)
        DynamoGrants(client, names).set_own(f"sender key:{name}", Bounds.model_validate(bounds))
        time.sleep(5.5)  # the front door looks again after 5 s for a key that it does not know
        return key

    @property
    def chat_api_url(self) -> str:
        """The Chat API's base URL."""
        return str(self.info.front_door_url)

    def call_chat_api(self, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        """Send a request to the Chat API; return status and JSON."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.chat_api_url.removesuffix("/v1") + path, data)
        request.add_header("content-type", "application/json")
        request.add_header("authorization", f"Bearer {key or self.api_key}")
        with urlopen(request, timeout=100) as answer:
            return answer.status, json.loads(answer.read())

    def send(self, **task: Any) -> str:
        """Put a task on the queue and return its id."""
        task_id = task.setdefault("task_id", f"t-{uuid.uuid4().hex[:12]}")
        self.send_raw(json.dumps(task))
        return task_id

    def send_raw(self, body: str) -> str:
        sqs = self.client("sqs")
        return sqs.send_message(QueueUrl=self.info.outputs["TaskQueueUrl"], MessageBody=body)["MessageId"]

    def start(self, **state: Any) -> str:
        """Start an execution directly; return its ARN."""
        name = state.get("task_id", "by-hand") + "-" + uuid.uuid4().hex[:6]
        machine = self.info.outputs["StateMachineArn"]
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(state)
        )
        return answer["executionArn"]

    def ended(self, task_id: str) -> TaskRecord:
        """Return the task once it has ended and is delivered."""
        return eventually(lambda: self._delivered(task_id), f"task {task_id} to end")

    def _delivered(self, task_id: str) -> TaskRecord | None:
        record = self.tasks.read(task_id)
        return record if record and record.status in ENDED and record.delivered_at else None

    def execution(self, task_id: str) -> str:
        return f"{self.info.outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{task_id}"

    def path(self, execution: str) -> list[str]:
        """Return the states that an execution entered, once it has ended."""
        states = self.client("stepfunctions")
        eventually(
            lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING" or None,
            f"execution {execution.rsplit(':', 1)[1]} to end",
        )
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"]]
        return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]

    def status(self, execution: str) -> str:
        return self.client("stepfunctions").describe_execution(executionArn=execution)["status"]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API of the fake providers."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.info.fake_providers_url}/_control/{path}", data, method=method)
        request.add_header("content-type", "application/json")
        with urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def fault(self, provider: str, action: Any, **rule: Any) -> None:
        self.control("POST", "faults", [{"provider": provider, "action": action, **rule}])

    def replay(self, provider: str, responses: Sequence[Any], **rule: Any) -> None:
        """Answer with recorded responses in turn; see `replay_rules`."""
        self.control("POST", "faults", replay_rules(provider, responses, **rule))

    def requests(self, task_id: str) -> list[dict[str, Any]]:
        """Return a task's requests at the fake providers."""
        journal = self.control("GET", "journal")["requests"]
        return [entry for entry in journal if (entry["attempt"] or "").startswith(f"{task_id}.")]

    def calls_of(self, prompt: str) -> int:
        """Return how often the fake providers were asked for the answer to a prompt."""
        digest = hashlib.sha256(prompt.encode()).hexdigest()
        return sum(entry["prompt_sha256"] == digest for entry in self.control("GET", "journal")["requests"])

    def delete_model_health(self) -> None:
        """Delete the health of all models, which earlier tests changed."""
        table, dynamodb = self.info.outputs["LimitTableName"], self.client("dynamodb")
        for item in dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]:
            if item["limit"]["S"].startswith("model#"):
                dynamodb.delete_item(TableName=table, Key={"limit": item["limit"]})


@contextmanager
def bare_stack(folder: Path) -> Iterator[Stack]:
    """Run an emulator that holds the template's tables and no function, and fake providers beside it."""
    token, access_key, providers = str(uuid.uuid4()), new_access_key(), start(folder)
    environment = runtime_environment({}, folder)
    for name in ("tmp", "home"):
        (folder / name).mkdir()
    emulator, endpoint = servers.start_emulator(
        environment, region="us-east-1", access_key=access_key, token=token, state_dir=folder
    )
    try:
        servers.await_emulator(emulator, endpoint)
        tables = {"TaskTableName": TABLES.tasks, "UsageTableName": TABLES.usage, "LimitTableName": TABLES.limits}
        info = StackInfo(
            state_dir=folder,
            token=token,
            access_key=access_key,
            endpoint=endpoint,
            stand_in=FakedProviders(gemini=True, anthropic=True),
            fake_providers_url=providers.url,
            outputs={**tables, "DataBucketName": BUCKET},
        )
        stack = Stack(info)
        create_tables(stack.client("dynamodb"))
        stack.client("s3").create_bucket(Bucket=BUCKET)
        yield stack
    finally:
        processes.end_processes([emulator], token)
        stop(providers)


def eventually[T](look: Callable[[], T | None], what: str, seconds: float = TASK_SECONDS) -> T:
    """Return the first result that is neither None nor empty."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := look():
            return result
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


def worker_commands(stack: Stack) -> list[tuple[int, str]]:
    """Return process id and command line of each worker process of this stack."""
    folder, commands = f"{stack.info.state_dir}/tmp/", []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if folder in command:
            commands.append((int(entry.name), command))
    return commands
