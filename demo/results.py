"""Reads the stack's results once every task has ended: dead letters, replies, ledger, daily report."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.execution.outcome import Outcome
from pointsman.values.times import day_bounds
from pointsman_cli.errors import CommandError
from pointsman_cli.stacks import StackConnection

_ARRIVAL_SECONDS = 10.0
"""Time for the last messages to arrive in a queue."""


@dataclass(frozen=True)
class StackResults:
    """The results that the checks compare."""

    dead_letters: list[dict[str, Any]]
    replies: list[dict[str, Any]]
    """Bodies of the messages in the reply queue."""
    attempts: list[dict[str, Any]]
    """Every attempt in the ledger that was sent to a provider since the demo began."""
    attempts_of_day: list[dict[str, Any]]
    """The attempts of the report's day."""
    report: dict[str, Any]
    report_text: str


def collect_results(
    stack: StackConnection, began: datetime, reply_url: str, *, rejected: int, replies: int
) -> StackResults:
    """Make the stack write its report, and return all results."""
    since, until = day_bounds(began.astimezone(stack.settings.zone).date(), stack.settings.zone)
    rows = list(stack.runtime.stores.ledger_reader.rows(since, datetime.now(UTC) + timedelta(minutes=1)))
    calls = [row for row in rows if row["kind"] == "attempt" and row.get("outcome") != Outcome.NOT_SENT]
    document, text = _report(stack, since.astimezone(stack.settings.zone).date().isoformat())
    return StackResults(
        dead_letters=[_dead_letter(message) for message in _receive(stack, stack.settings.dlq_url, rejected)],
        replies=[json.loads(message["Body"]) for message in _receive(stack, reply_url, replies)],
        attempts=calls,
        attempts_of_day=[row for row in calls if datetime.fromisoformat(row["at"]) < until],
        report=document,
        report_text=text,
    )


def take_lane_turn(stack: StackConnection) -> None:
    """Run the economy function, which sends what waits without waiting for others."""
    _invoke(stack, "EconomyFunctionName", {"now": True})


def _invoke(stack: StackConnection, output_name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Run a function of the stack, and return what it returned."""
    name = stack.functions[output_name]
    answer = stack.clients.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise CommandError(f"{name} failed: {result.get('errorType')}: {result.get('errorMessage')}")
    return result


def _report(stack: StackConnection, day: str) -> tuple[dict[str, Any], str]:
    """Run the stack's report function, and return the report that it stored, as data and as text."""
    result = _invoke(stack, "CostReportFunctionName", {"date": day})
    document, text = (_object(stack, result[key]) for key in ("json_key", "text_key"))
    return json.loads(document), text


def _object(stack: StackConnection, key: str) -> str:
    answer = stack.runtime.stores.s3.get_object(Bucket=stack.settings.bucket, Key=key)
    return bytes(answer["Body"].read()).decode()


def _receive(stack: StackConnection, url: str, expected: int) -> list[dict[str, Any]]:
    """Return the messages of a queue, each once; wait a few seconds for the expected number."""
    messages: dict[str, dict[str, Any]] = {}
    limit = time.monotonic() + _ARRIVAL_SECONDS
    while len(messages) < expected and time.monotonic() < limit:
        answer = stack.runtime.stores.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        messages |= {message["MessageId"]: message for message in answer.get("Messages", [])}
    return list(messages.values())


def _dead_letter(message: dict[str, Any]) -> dict[str, Any]:
    attributes = {name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()}
    names = ("message_id", "task_id", "code", "reason")
    return {**{name: attributes.get(name) for name in names}, "body_bytes": len(message["Body"].encode())}
