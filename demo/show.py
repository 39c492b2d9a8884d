"""What the demo prints and writes."""

from typing import Any

from demo.traffic import Message
from pointsman.entrypoints.runtime import Runtime
from pointsman.values.status import Status
from pointsman_cli import output

EXCERPT = 200
"""Characters of an answer in result.json."""


def entry(runtime: Runtime, message: Message) -> dict[str, Any]:
    """Return what became of a message, for result.json."""
    record, outcome = message.record, message.outcome
    decision = record.decision if record else None
    worked = record is not None and outcome != "duplicate"
    answered = record is not None and record.status is Status.COMPLETED
    return {
        "file": message.sample.file,
        "phase": message.phase,
        "message_id": message.sent.message_id,
        "task_id": record.task_id if record else message.sent.task_id,
        "outcome": outcome,
        "type": decision.type if decision else None,
        "tier": decision.tier if decision else None,
        "model": record.model if record else None,
        "source": decision.source if decision else None,
        "confidence": decision.confidence if decision else None,
        "attempts": record.attempts if record and worked else 0,
        "tokens": record.usage.get("input", 0) + record.usage.get("output", 0) if record and worked else 0,
        "cost_nano_usd": record.cost_nano if record and worked else 0,
        "seconds": message.seconds,
        "reason": record.reason if record else None,
        "truncated": record.truncated if record else False,
        "answer_excerpt": runtime.stores.payloads.fetch(record.answer)[:EXCERPT] if record and answered else None,
    }


def tasks_table(entries: list[dict[str, Any]]) -> None:
    """Print a line per message."""
    header = ("message", "outcome", "type", "tier", "model", "decided by", "attempts", "tokens", "cost", "s")
    output.print_table(header, [_row(each) for each in entries], right=(6, 7, 8, 9))


def dead_letters_table(entries: list[dict[str, Any]], letters: list[dict[str, Any]]) -> None:
    """Print each dead letter with the sample that it was and its reason."""
    file_of = {each["message_id"]: each["file"] for each in entries}
    rows = [(file_of.get(letter["message_id"], "?"), letter["code"], letter["reason"]) for letter in letters]
    output.print_table(("message", "code", "reason"), sorted(rows))


def checks_table(checks: dict[str, dict[str, Any]]) -> None:
    """Print each check with its verdict."""
    output.print_table(
        ("check", "verdict", "what was compared"),
        [(name.replace("_", " "), _verdict(each), each["detail"]) for name, each in checks.items()],
    )


def _verdict(check: dict[str, Any]) -> str:
    return "ok" if check["passed"] else "FAILED"


def _row(each: dict[str, Any]) -> tuple[object, ...]:
    outcome = each["outcome"] + (" (cut)" if each["truncated"] and each["outcome"] == "completed" else "")
    return (
        each["file"].split(".")[0],
        outcome,
        each["type"] or "-",
        each["tier"] or "-",
        each["model"] or "-",
        each["source"] or "-",
        each["attempts"],
        f"{each['tokens']:,}",
        output.exact_dollars(each["cost_nano_usd"]),
        "-" if each["seconds"] is None else f"{each['seconds']:.1f}",
    )
