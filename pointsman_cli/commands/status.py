"""`pointsman status`: the state of a task."""

from collections import Counter
from typing import Annotated, Any

import typer

from pointsman_cli import output
from pointsman_cli.options import AsJson, StackOptions


def status(
    stack: StackOptions,
    task_id: Annotated[
        str, typer.Argument(metavar="TASK_ID", help="Task id. For a rejected message also its SQS message id.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show a task's state, decision, attempts, cost and subtasks."""
    from pointsman_cli import tasks

    connection = stack.connect()
    task_id = connection.task_id(task_id)
    document = tasks.task_document(
        connection.runtime, tasks.read_sent_task(connection, task_id), stand_in=connection.stand_in
    )
    if as_json:
        output.print_document(document)
        return
    connection.say_stand_in()
    output.print_pairs(status_rows(document))
    if document["attempts"]:
        print()
        columns = ("attempt", "model", "outcome", "ms", "tokens", "cost", "detail")
        output.print_table(
            columns, [_attempt(number, attempt) for number, attempt in enumerate(document["attempts"], 1)], right=(3, 4)
        )
    if document["subtasks"]:
        print()
        header = ("subtask", "status", "type", "model", "cost", "reason")
        output.print_table(header, [_subtask(subtask) for subtask in document["subtasks"]], right=(4,))


def status_rows(task: dict[str, Any]) -> list[tuple[str, object]]:
    """Return names and values to print, of a task as `--json` prints it; None is left out."""
    decision = task["decision"] or {}
    words = ", ".join(decision.get("words", ()))
    return [
        ("task", task["task_id"]),
        ("status", task["status"] + (" (truncated)" if task["truncated"] else "")),
        ("waited for" if task["ended_at"] else "waits for", waiting_summary(task["waiting_for"])),
        ("until", _until(task["waiting_for"])),
        ("to do", task["waiting_for"]["do"] if task["waiting_for"] else None),
        ("rerun of", task["rerun_of"]),
        ("generation", task["generation"] if task["generation"] > 1 else None),
        ("reason", task["reason"]),
        ("type", f"{task['type']} ({task['tier']})" if task["type"] else None),
        ("decided by", decided_by(decision) if decision else None),
        ("because", decision.get("reason")),
        ("words", words or None),
        ("read of the text", _request(task["request"])),
        ("corrected to", f"{right['type']} ({right['tier']})" if (right := task["correction"]) else None),
        ("model", task["model"]),
        ("checked", _checked(task["verdict"])),
        ("cost", output.exact_dollars(task["cost_nano_usd"]) + ("" if task["cost_known"] else " (upper bound)")),
        ("classification", output.exact_dollars(cost) if (cost := task["classification_cost_nano_usd"]) else None),
        ("audit", _audit(task["audit"])),
        ("subtasks", _subtask_summary(task["subtasks"])),
        ("received", task["received_at"]),
        ("ended", task["ended_at"]),
        ("delivered", task["delivered_at"]),
        ("not delivered", _undelivered(task)),
        ("replies to", ", ".join(task["reply_to"]) or None),
    ]


def decided_by(decision: dict[str, Any]) -> str:
    """Return who decided, and of a classification how likely it is right."""
    if decision["source"] == "explicit":
        return "its sender"
    return f"{decision['source']}, confidence {decision['confidence']:.2f}"


def waiting_summary(waiting: dict[str, Any] | None) -> str | None:
    """Return what a task waits for, and on which model; of a budget, what is left of the cap."""
    if waiting is None:
        return None
    model = f" of {waiting['model']}" if "model" in waiting else ""
    reason = f" ({waiting['reason']})" if "reason" in waiting else ""
    if "cap" in waiting and "needs_nano_usd" not in waiting:
        reason = f" ({waiting['cap']})"
    elif "cap" in waiting:
        needs, left, reserved = (
            output.exact_dollars(waiting[f"{name}_nano_usd"]) for name in ("needs", "left", "reserved")
        )
        reason = f" ({waiting['cap']}: needs up to {needs}, {left} left, {reserved} of it reserved)"
    return f"{waiting['what'].replace('_', ' ')}{reason}{model}"


def _until(waiting: dict[str, Any] | None) -> str | None:
    """Return until when, and when the task looks again if that is earlier."""
    if waiting is None:
        return None
    until, again = waiting["until"], waiting.get("looks_again_at", waiting["until"])
    return f"{until}, looks again {again}" if again < until else str(until)


def _request(request: dict[str, Any] | None) -> str | None:
    """Return how much of the text was taken for the request, where that is not all of it."""
    if request is None or (request["found"] and request["characters"] >= request["of"]):
        return None
    material = f", beside {', '.join(request['material'])}" if request["material"] else ""
    if not request["found"]:
        return f"no request was found in {request['of']:,} characters{material}"
    return f"{request['characters']:,} of {request['of']:,} characters are the request{material}"


def _subtask_summary(subtasks: list[dict[str, Any]]) -> str | None:
    """Return the number of subtasks, their states and their cost."""
    counts = Counter(subtask["status"] for subtask in subtasks)
    cost = output.exact_dollars(sum(subtask["cost_nano_usd"] for subtask in subtasks))
    status_list = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return f"{len(subtasks)}: {status_list}; {cost} together" if subtasks else None


def _subtask(subtask: dict[str, Any]) -> tuple[object, ...]:
    status = subtask["status"] + (" (truncated)" if subtask["truncated"] else "")
    cost = output.exact_dollars(subtask["cost_nano_usd"])
    return subtask["task_id"], status, subtask["type"] or "", subtask["model"] or "", cost, subtask["reason"] or ""


def _undelivered(task: dict[str, Any]) -> str | None:
    """Return since when the result could not be delivered, and to whom."""
    if not (since := task["delivery_failing_since"]):
        return None
    return f"since {since}, to {', '.join(task['not_delivered_to']) or 'unknown'}; retry now with `pointsman sweep`"


def _checked(verdict: dict[str, Any] | None) -> str | None:
    """Return the result of the answer checks, for the final answer and for a rejected one before it."""
    if verdict is None:
        return None
    outcome = "passed" if verdict["passed"] else f"not verified: failed {verdict['failed']}"
    return outcome + (f", after a first answer failed {before}" if (before := verdict["escalated_after"]) else "")


def _audit(audit: dict[str, Any] | None) -> str | None:
    if audit is None:
        return None
    return f"{audit['outcome']} by {audit['model']}, {output.exact_dollars(audit['cost_nano_usd'] or 0)}"


def _attempt(number: int, attempt: dict[str, Any]) -> tuple[object, ...]:
    tokens = attempt["input_tokens"] + attempt["output_tokens"]
    cost = output.exact_dollars(attempt["cost_nano_usd"]) + ("" if attempt["cost_known"] else " (reserved)")
    milliseconds = "" if attempt["milliseconds"] is None else attempt["milliseconds"]
    judge = "judge" if attempt["purpose"] == "judge" else None
    failed = f"failed {attempt['failed_check']}" if attempt["failed_check"] else None
    effort = f"effort {attempt['effort']}" if attempt["effort"] else None
    thinking = f"{attempt['thinking_tokens']} of the tokens thinking" if attempt["thinking_tokens"] else None
    detail = ", ".join(clause for clause in (judge, failed, effort, thinking, attempt["detail"]) if clause)
    return number, attempt["model"], attempt["outcome"], milliseconds, tokens, cost, detail
