"""Prints the demo's tables and makes the entries of result.json."""

import textwrap
from typing import Any

from demo.traffic import SentMessage
from pointsman.entrypoints.runtime import Runtime
from pointsman.values.status import Status
from pointsman.values.taxonomy import Tier
from pointsman_cli import output

_EXCERPT = 200
"""Characters of an answer in result.json."""


def result_entry(runtime: Runtime, message: SentMessage) -> dict[str, Any]:
    """Return the result of a message, for result.json."""
    record, outcome = message.record, message.outcome
    decision = record.decision if record else None
    is_own_work = record is not None and outcome != "duplicate"
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
        "attempts": record.attempts if record and is_own_work else 0,
        "tokens": record.usage.get("input", 0) + record.usage.get("output", 0) if record and is_own_work else 0,
        "cost_nano_usd": record.cost_nano if record and is_own_work else 0,
        "seconds": message.seconds,
        "reason": record.reason if record else None,
        "truncated": record.truncated if record else False,
        "answer_excerpt": runtime.stores.payloads.fetch(record.answer)[:_EXCERPT] if record and answered else None,
    }


def print_tasks(entries: list[dict[str, Any]]) -> None:
    """Print one line per message."""
    header = ("message", "outcome", "type", "tier", "model", "decided by", "attempts", "tokens", "cost", "s")
    output.print_table(header, [_row(entry) for entry in entries], right=(6, 7, 8, 9))


def print_answers(entries: list[dict[str, Any]]) -> None:
    """Print the beginning of one answer of each tier."""
    for number, tier in enumerate(Tier):
        answered = (entry for entry in entries if entry["tier"] == tier and entry["answer_excerpt"])
        if entry := next(answered, None):
            if number:
                print()
            output.print_text(f"{entry['file'].split('.')[0]}, by {entry['model']}:")
            output.print_text(textwrap.indent(entry["answer_excerpt"].strip(), "  "))


def print_dead_letters(entries: list[dict[str, Any]], letters: list[dict[str, Any]]) -> None:
    """Print each dead letter with its sample and its reason."""
    file_of = {entry["message_id"]: entry["file"] for entry in entries}
    rows = [(file_of.get(letter["message_id"], "?"), letter["code"], letter["reason"]) for letter in letters]
    output.print_table(("message", "code", "reason"), sorted(rows))


def print_checks(checks: dict[str, dict[str, Any]]) -> None:
    """Print each check with its result."""
    output.print_table(
        ("check", "result", "comparison"),
        [(name.replace("_", " "), _passed_or_failed(check), check["detail"]) for name, check in checks.items()],
    )


def _passed_or_failed(check: dict[str, Any]) -> str:
    return "ok" if check["passed"] else "FAILED"


def _row(entry: dict[str, Any]) -> tuple[object, ...]:
    outcome = entry["outcome"] + (" (cut)" if entry["truncated"] and entry["outcome"] == "completed" else "")
    return (
        entry["file"].split(".")[0],
        outcome,
        entry["type"] or "-",
        entry["tier"] or "-",
        entry["model"] or "-",
        entry["source"] or "-",
        entry["attempts"],
        f"{entry['tokens']:,}",
        output.exact_dollars(entry["cost_nano_usd"]),
        "-" if entry["seconds"] is None else f"{entry['seconds']:.1f}",
    )
