"""What is read from the stack once everything has ended: dead letters, replies, the ledger, the day's report."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.execution.outcome import Outcome
from pointsman.values.times import day_bounds
from pointsman_cli.errors import CommandError
from pointsman_cli.stacks import StackConnection

PATIENCE = 10.0
"""Seconds for the last messages to arrive in a queue."""


@dataclass(frozen=True)
class Evidence:
    """What the checks look at."""

    dead_letters: list[dict[str, Any]]
    replies: list[dict[str, Any]]
    """Details that arrived in the reply queue."""
    attempts: list[dict[str, Any]]
    """Every attempt in the ledger since the demo began that was sent to a provider."""
    attempts_of_day: list[dict[str, Any]]
    """Those of the report's day."""
    report: dict[str, Any]
    report_text: str


def gather(found: StackConnection, began: datetime, reply_url: str, *, rejected: int, replies: int) -> Evidence:
    """Have the stack write its report and read all of it."""
    since, until = day_bounds(began.astimezone(found.settings.zone).date(), found.settings.zone)
    rows = list(found.runtime.stores.ledger_reader.rows(since, datetime.now(UTC) + timedelta(minutes=1)))
    calls = [row for row in rows if row["kind"] == "attempt" and row.get("outcome") != Outcome.NOT_SENT]
    document, text = _report(found, since.astimezone(found.settings.zone).date().isoformat())
    return Evidence(
        dead_letters=[_dead_letter(each) for each in _received(found, found.settings.dlq_url, rejected)],
        replies=[json.loads(each["Body"]) for each in _received(found, reply_url, replies)],
        attempts=calls,
        attempts_of_day=[row for row in calls if datetime.fromisoformat(row["at"]) < until],
        report=document,
        report_text=text,
    )


def _report(found: StackConnection, day: str) -> tuple[dict[str, Any], str]:
    """Run the stack's own report function, and return what it stored."""
    client = found.clients.client("lambda")
    name = found.functions["CostReportFunctionName"]
    answer = client.invoke(FunctionName=name, Payload=json.dumps({"date": day}).encode())
    told = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise CommandError(f"the report function failed: {told.get('errorType')}: {told.get('errorMessage')}")
    stored = [_object(found, told[key]) for key in ("json_key", "text_key")]
    return json.loads(stored[0]), stored[1]


def _object(found: StackConnection, key: str) -> str:
    answer = found.runtime.stores.s3.get_object(Bucket=found.settings.bucket, Key=key)
    return bytes(answer["Body"].read()).decode()


def _received(found: StackConnection, url: str, expected: int) -> list[dict[str, Any]]:
    """Return the messages of a queue, each once, waiting a little for as many as are expected."""
    messages: dict[str, dict[str, Any]] = {}
    limit = time.monotonic() + PATIENCE
    while len(messages) < expected and time.monotonic() < limit:
        answer = found.runtime.stores.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        messages |= {each["MessageId"]: each for each in answer.get("Messages", [])}
    return list(messages.values())


def _dead_letter(message: dict[str, Any]) -> dict[str, Any]:
    stated = {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
    names = ("message_id", "task_id", "code", "reason")
    return {**{name: stated.get(name) for name in names}, "body_bytes": len(message["Body"].encode())}
