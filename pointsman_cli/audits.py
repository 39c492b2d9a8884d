"""The audit's sample: tasks with two answers, the one that was delivered and the baseline's."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import code_of
from pointsman.entrypoints.wiring import Application
from pointsman.execution.records import Payload, Purpose, TaskRecord
from pointsman.values import strict_json


def sampled(app: Application, since: datetime, until: datetime) -> list[TaskRecord]:
    """Return the tasks that were audited in that time and are still on record, oldest audit first."""
    rows = chain.from_iterable(app.reporting.ledger.shards(since, until))
    ids = {row["task_id"] for row in rows if row.get("purpose") == Purpose.AUDIT}
    found = [record for record in app.tasks.read_many(sorted(ids)).values() if record.audit]
    return sorted(found, key=lambda record: str(record.audit and record.audit["at"]))


def pair(app: Application, record: TaskRecord) -> dict[str, Any]:
    """Return both answers and what is known of them; a text that the bucket no longer has is None."""
    audit, decision = record.audit or {}, record.decision or {}
    return {
        "task_id": record.task_id,
        "generation": record.generation,
        "type": decision.get("type"),
        "tier": decision.get("tier"),
        "prompt": _prompt(_text(app, record.body)),
        "delivered": {
            "model": record.model,
            "answer": _text(app, record.answer),
            "truncated": record.truncated,
            "verdict": record.verdict,
            "cost_nano_usd": record.cost_nano,
        },
        "baseline": {
            "model": audit["model"],
            "at": audit["at"],
            "outcome": audit.get("outcome", "open"),
            "answer": _text(app, Payload(audit.get("answer"), audit.get("answer_ref"))),
            "cost_nano_usd": audit.get("cost_nano"),
        },
        "judgement": audit.get("judgement"),
    }


def document(pairs: Iterable[dict[str, Any]], *, stand_in: bool) -> dict[str, Any]:
    """Return the sample with what its second answers cost; audits that are still open are not in the sum."""
    found = list(pairs)
    costs = [each["baseline"]["cost_nano_usd"] or 0 for each in found]
    return {"audits": len(found), "cost_nano_usd": sum(costs), "pairs": found, "stand_in": stand_in}


def _text(app: Application, content: Payload) -> str | None:
    if content == Payload():
        return None
    try:
        return app.payloads.fetch(content)
    except ClientError as error:
        if code_of(error) != "NoSuchKey":
            raise
        return None


def _prompt(body: str | None) -> str | None:
    stated = strict_json.loads(body) if body else None
    return str(stated["prompt"]) if isinstance(stated, dict) else None
