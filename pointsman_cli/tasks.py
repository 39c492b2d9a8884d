"""Reads tasks and their audits from the stack's tables into the JSON documents that commands print."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import code_of, pack, unpack
from pointsman.adapters.ledger_rows import merged
from pointsman.client import Client, Result
from pointsman.contracts.reply_to import printable
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution import subtasks
from pointsman.execution.calls import Purpose
from pointsman.execution.comparison import Preferred
from pointsman.execution.records import Payload, SubtaskEnd, TaskRecord
from pointsman.execution.waiting import Waiting, waited_for
from pointsman.routing.classifier.request import find_request
from pointsman.routing.decision import Source
from pointsman.services.delivery import BUS, DELIVERED_WITHIN
from pointsman.services.waiting import waiting_of
from pointsman.values import strict_json
from pointsman.values.status import CANCELLING, ENDED
from pointsman.values.times import parse_time
from pointsman.values.usage import Usage
from pointsman_cli import output
from pointsman_cli.errors import BadInputError, CommandError, NotFoundError

if TYPE_CHECKING:
    from pointsman_cli.stacks import StackConnection

_MAY_HAVE_ASKED = frozenset({Source.GEMINI, Source.HAIKU, Source.GUESS})
"""Sources of decisions that may have cost a request to a model."""
_NOT_IN_RESULT = frozenset({"cost_known", "generation", "parent_id", "metadata"})
"""Fields of a result that only `status` shows."""


def read_task_record(client: Client, task_id: str) -> TaskRecord:
    """Return a task, or a rejected message by its task id or SQS message id.

    Raises:
        NotFoundError: The stack has neither.
    """
    if record := client.read(task_id):
        return record
    why = "the router has not received it yet (`pointsman doctor` checks the queue), or it was not sent to this stack"
    raise NotFoundError(f"no task {task_id}: {why}")


def read_sent_task(connection: "StackConnection", task_id: str) -> TaskRecord:
    """Return a task as `read_task_record` does; of one that this machine has just sent, the error says so.

    Raises:
        NotFoundError: The stack has none.
    """
    try:
        return read_task_record(connection.client, task_id)
    except NotFoundError:
        if task_id not in connection.known_tasks.recently_submitted(datetime.min.replace(tzinfo=UTC)):
            raise
    raise NotFoundError(
        f"task {task_id} is queued: this machine sent it, and the router has not received it yet; "
        f"wait for it with `pointsman result {task_id} --wait`"
    )


def read_payload(runtime: Runtime, payload: Payload) -> str | None:
    """Return a stored text; None if there is none, or the bucket no longer has it."""
    if payload == Payload():
        return None
    try:
        return runtime.stores.payloads.fetch(payload)
    except ClientError as error:
        if code_of(error) != "NoSuchKey":
            raise
        return None


def read_task_fields(runtime: Runtime, record: TaskRecord) -> dict[str, Any] | None:
    """Return the fields of a task as it was sent; None if they are no longer there."""
    body = read_payload(runtime, record.body)
    fields = strict_json.loads(body) if body else None
    return fields if isinstance(fields, dict) else None


def read_waiting(runtime: Runtime, record: TaskRecord) -> Waiting | None:
    """Return what a started task waits for; None if it does not wait, or the caller may not read the workflow."""
    try:
        return waiting_of(runtime.stores.workflow, record)
    except ClientError as error:
        if code_of(error) != "AccessDeniedException":
            raise
        return None


def status_of(record: TaskRecord) -> str:
    """Return the status to show of a task that does not wait: what is stored, or that it is to be cancelled."""
    return CANCELLING if record.cancel_asked_at and record.status not in ENDED else str(record.status)


def _read_attempts(runtime: Runtime, record: TaskRecord) -> list[dict[str, Any]]:
    """Return the task's attempts from the ledger, oldest first. An attempt without an outcome is `open`."""
    attempts: list[dict[str, Any]] = []
    for key in record.rows:
        response = runtime.stores.dynamodb.query(
            TableName=runtime.stores.tables.usage,
            KeyConditionExpression="day_shard = :p AND begins_with(#r, :row)",
            ExpressionAttributeNames={"#r": "row"},
            ExpressionAttributeValues=pack({":p": key.day_shard, ":row": f"{key.row}#"}),
            ConsistentRead=True,
        )
        attempts += [_attempt(row) for row in merged([unpack(item) for item in response["Items"]])]
    return attempts


def _classification_cost(runtime: Runtime, record: TaskRecord) -> int:
    """Return the task's share, in nano-dollars, of the request that classified it. 0 if no model was asked."""
    source = record.decision.source if record.decision else None
    if source not in _MAY_HAVE_ASKED or not record.received_at:
        return 0
    received = parse_time(record.received_at)
    until = parse_time(record.started_at) if record.started_at else datetime.now(UTC)
    rows = runtime.stores.ledger_reader.rows(received - timedelta(minutes=1), until + timedelta(minutes=1))
    return sum(row["cost_nano"] for row in rows if row["kind"] == "share" and row["task_id"] == record.task_id)


def _read_subtasks(runtime: Runtime, record: TaskRecord) -> list[dict[str, Any]]:
    """Return the subtasks' states, now or when the task result. `queued` if the router has not received one."""
    if record.results:
        return [end.as_item() for end in record.results]
    records = runtime.stores.tasks.read_many(ref.task_id for ref in record.subtasks)
    ends = subtasks.subtask_ends(record.subtasks, records, late=True) or []
    return [_so_far(end, records.get(end.task_id)).as_item() for end in ends]


def _so_far(end: SubtaskEnd, record: TaskRecord | None) -> SubtaskEnd:
    if end.status != subtasks.SUBTASK_UNFINISHED:
        return end
    return replace(end, status=str(record.status) if record else "queued", reason=None)


def task_document(runtime: Runtime, record: TaskRecord, *, stand_in: bool) -> dict[str, Any]:
    """Return everything known about the task except its prompt and answers."""
    usage, waiting = Usage(**record.usage), read_waiting(runtime, record)
    failing_since = _delivery_failing_since(runtime, record)
    return {
        "task_id": record.task_id,
        "status": waiting.view if waiting else status_of(record),
        "waiting_for": waiting.as_document() if waiting else waited_for(record),
        "reason": record.reason,
        "generation": record.generation,
        "type": record.type,
        "tier": record.tier,
        "model": record.model,
        "effort": record.effort,
        "lane": record.lane.as_item() if record.lane else None,
        "decision": record.decision.as_dict() if record.decision else None,
        "request": _request(runtime, record),
        "correction": record.correction.as_item() if record.correction else None,
        "attempts": _read_attempts(runtime, record),
        "usage": usage.as_dict(),
        "cost_nano_usd": record.cost_nano,
        "cost_known": record.cost_known,
        "classification_cost_nano_usd": _classification_cost(runtime, record),
        "truncated": record.truncated,
        "verdict": record.checked.as_item() if record.checked else None,
        "audit": _audit(record),
        "received_at": record.received_at or None,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "deadline": record.deadline or None,
        "delivered_at": record.delivered_at,
        "reply_to": [printable(place) for place in record.reply_to],
        "delivery_failing_since": failing_since,
        "not_delivered_to": record.undelivered or (_places_left(record) if failing_since else []),
        "parent_id": record.parent_id,
        "rerun_of": record.rerun_of,
        "metadata": record.metadata,
        "sender": record.sender,
        "via": record.via,
        "private": record.private,
        "split": record.split,
        "subtasks": _read_subtasks(runtime, record),
        "stand_in": stand_in,
    }


def _request(runtime: Runtime, record: TaskRecord) -> dict[str, Any] | None:
    """Return how much of a classified task's text is read as its request, and of what kind the rest is."""
    if record.decision is None or record.decision.source is Source.EXPLICIT:
        return None
    prompt = (read_task_fields(runtime, record) or {}).get("prompt")
    if not isinstance(prompt, str):
        return None
    request = find_request(prompt)
    read = max(map(len, request.ends or (request.text,)))
    return {"characters": read, "of": len(prompt), "found": request.found, "material": sorted(request.kinds)}


def _delivery_failing_since(runtime: Runtime, record: TaskRecord) -> str | None:
    """Return since when the task has ended without being delivered; None while its first delivery may be under way."""
    if record.status not in ENDED or not (since := record.attention_since):
        return None
    cut_short = runtime.context.clock.now() - parse_time(since) > DELIVERED_WITHIN
    return since if record.undelivered or cut_short else None


def _places_left(record: TaskRecord) -> list[str]:
    """Return who does not know of the task's end."""
    places = [place for place in (BUS, *record.reply_to) if place not in record.notified]
    return ["event bus" if place == BUS else printable(place) for place in places]


def result_document(result: Result, *, stand_in: bool) -> dict[str, Any]:
    """Return how a task ended, and its answer."""
    shown = {name: value for name, value in output.plain(result).items() if name not in _NOT_IN_RESULT}
    return {**shown, "stand_in": stand_in}


def _audit(record: TaskRecord) -> dict[str, Any] | None:
    """Return the baseline's answer without its text, which `pointsman audit TASK_ID` shows."""
    if (audit := record.audit) is None:
        return None
    return {
        "model": audit.model,
        "at": audit.at,
        "outcome": audit.outcome or "open",
        "cost_nano_usd": audit.cost_nano,
    }


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    usage = Usage(**{kind: row.get(kind, 0) for kind in Usage().as_dict()})
    return {
        "turn": row["turn"],
        "purpose": row["purpose"],
        "at": row["at"],
        "model": row["model"],
        "billed_model": row.get("billed_model"),
        "billing": row["billing"],
        "function": row["function"],
        "outcome": row.get("outcome", "open"),
        "detail": row.get("detail"),
        "failed_check": row.get("failed_check"),
        "milliseconds": row.get("milliseconds"),
        "input_tokens": usage.prompt,
        "output_tokens": usage.output,
        "thinking_tokens": usage.thinking,
        "effort": row.get("effort"),
        "output_cap": row.get("output_cap"),
        "batch_entry": row.get("batch_entry"),
        "cost_nano_usd": row.get("cost_nano", row["reserved_nano"]),
        "cost_known": bool(row.get("cost_known", False)),
        "after": row.get("after"),
        "came_from": row.get("came_from"),
    }


def audited_tasks(runtime: Runtime, since: datetime, until: datetime) -> list[TaskRecord]:
    """Return the tasks that were audited in that time and are still on record, oldest audit first."""
    from pointsman.entrypoints.cost_report import build_reporting

    rows = chain.from_iterable(runtime.part(build_reporting).ledger.shards(since, until))
    ids = {row["task_id"] for row in rows if row.get("purpose") == Purpose.AUDIT}
    records = [record for record in runtime.stores.tasks.read_many(sorted(ids)).values() if record.audit]
    return sorted(records, key=lambda record: record.audit.at if record.audit else "")


def answer_pair(runtime: Runtime, record: TaskRecord) -> dict[str, Any]:
    """Return both answers and what is known of them; a text that the bucket no longer has is None."""
    audit = record.audit
    assert audit is not None
    task = read_task_fields(runtime, record)
    return {
        "task_id": record.task_id,
        "generation": record.generation,
        "type": record.type,
        "tier": record.tier,
        "prompt": str(task["prompt"]) if task else None,
        "delivered": {
            "model": record.model,
            "answer": read_payload(runtime, record.answer),
            "truncated": record.truncated,
            "verdict": record.checked.as_item() if record.checked else None,
            "cost_nano_usd": record.cost_nano,
        },
        "baseline": {
            "model": audit.model,
            "at": audit.at,
            "outcome": audit.outcome or "open",
            "answer": read_payload(runtime, audit.answer),
            "cost_nano_usd": audit.cost_nano,
        },
        "judgement": audit.judgement,
    }


def keep_better(runtime: Runtime, record: TaskRecord, better: str) -> None:
    """Keep which answer to an audited task a person finds better; it counts above what judges say."""
    if better not in list(Preferred):
        raise BadInputError(f"--better {better}: must be {', '.join(Preferred)}")
    if not runtime.stores.tasks.judge_audit(record.pair, Preferred(better), runtime.context.clock.now()):
        raise CommandError(f"task {record.task_id}: its second answer is not there yet")


def audit_document(pairs: Iterable[dict[str, Any]], *, stand_in: bool) -> dict[str, Any]:
    """Return the sample with what its second answers cost; audits that are still open are not in the sum."""
    sample = list(pairs)
    costs = [answers["baseline"]["cost_nano_usd"] or 0 for answers in sample]
    return {"audits": len(sample), "cost_nano_usd": sum(costs), "pairs": sample, "stand_in": stand_in}
