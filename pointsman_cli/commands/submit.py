"""`pointsman submit`: send a task."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.values.effort import Effort
from pointsman.values.lane import Lane
from pointsman_cli import output, reading, submission, task_lines
from pointsman_cli.commands import result
from pointsman_cli.errors import BadInputError, Exit
from pointsman_cli.options import AsJson, Private, StackOptions, TierChoice, TypeChoice

if TYPE_CHECKING:
    from pointsman.client import Sent
    from pointsman.contracts.task import Task
    from pointsman_cli.stacks import StackConnection


def submit(
    stack: StackOptions,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The prompt; what is piped in follows it. - for stdin alone.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with a prompt, or a task or envelope as JSON; - for stdin."),
    ] = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Send the task on each line, a JSON object; - for stdin. Prints their ids."),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With --jsonl: names the lines' tasks, so that sending again repeats none."),
    ] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", help="With --jsonl: send the valid lines even if others are not.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse unknown fields instead of warning.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the task ends, and print the answer.")] = False,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Maximum wait with --wait. Exits with 4 afterwards.")
    ] = 900,
    type_: TypeChoice = None,
    tier: TierChoice = None,
    private: Private = False,
    split: Annotated[
        bool, typer.Option("--split", help="Let an orchestration answer create subtasks. The task ends after them.")
    ] = False,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="Instructions in addition to the tier's.")] = None,
    max_output_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Maximum output tokens of each call, thinking included.")
    ] = None,
    effort: Annotated[
        Effort | None, typer.Option(help="How much the model may think. Default: as in openclaw.json.")
    ] = None,
    lane: Annotated[
        Lane | None, typer.Option(help="economy: half the price by the deadline. Default: as in openclaw.json.")
    ] = None,
    output_schema: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON Schema that the answer, as JSON, must follow.")
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="End the answer before this text (up to 4 times).")
    ] = None,
    max_cost_usd: Annotated[
        str | None, typer.Option(metavar="USD", help="What the task and its subtasks may cost together, such as 0.25.")
    ] = None,
    deadline: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the task expires: 2026-12-31T18:00:00Z, or 2h from now."),
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Stored with the task (repeatable).")
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option(metavar="ARN", help="Queue for the answer, from ReplyQueueArns.")
    ] = None,
    task_id: Annotated[str | None, typer.Option(metavar="ID", help="Task id. Default: a new one.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Derives the task id: tasks with the same text run once.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Submit a task.

    Checks the message by the router's rules before sending it. With --wait, exits with 1 if the task fails or is
    rejected. With --jsonl, sends nothing if a line is invalid; with --continue, sends the others and exits with 2.
    """
    from pointsman_cli import tasks

    options: dict[str, Any] = {
        "task_id": task_id,
        "idempotency_key": idempotency_key,
        "type": type_,
        "tier": tier,
        "private": private or None,
        "split": split or None,
        "system": system,
        "max_output_tokens": max_output_tokens,
        "effort": effort,
        "lane": lane,
        "output_schema": output_schema and reading.read_json_object("--output-schema", output_schema),
        "stop": stop or None,
        "max_cost_usd": max_cost_usd,
        "deadline": deadline and reading.parse_deadline(deadline, datetime.now(UTC)),
        "metadata": _metadata(metadata or []),
        "reply_to": reply_to,
    }
    fields = {name: value for name, value in options.items() if value is not None}
    if jsonl is not None:
        if text is not None or file is not None or wait or {"task_id", "idempotency_key"} & fields.keys():
            raise BadInputError("--jsonl excludes TEXT, --file, --wait, --task-id and --idempotency-key")
        return task_lines.send_lines(stack, jsonl, task_lines.LineOptions(fields, batch, strict, go_on, as_json))
    if batch or go_on:
        raise BadInputError("--batch and --continue need --jsonl")
    body = submission.body(text, file, fields)
    task = submission.check(body, strict=strict)
    connection = stack.connect()
    if error := submission.reply_error(task.reply_to, connection):
        raise BadInputError(error)
    lanes = _lanes_of(task, connection)
    sent = connection.client.send(body)
    connection.known_tasks.submitted([sent.task_id])
    if not wait:
        _print_queued(sent, lanes, connection, as_json=as_json)
        return Exit.OK
    for name, words in _lane_line(lanes):
        output.print_note(f"{name}: {words}")
    ended = result.wait_for_result(connection, sent, timeout)
    return result.print_result(tasks.result_document(ended, stand_in=connection.stand_in), connection, as_json=as_json)


def _metadata(entries: list[str]) -> dict[str, str] | None:
    pairs = [entry.partition("=") for entry in entries]
    if any(not key or not equals for key, equals, _ in pairs):
        raise BadInputError("--metadata: must be KEY=VALUE")
    return {key: value for key, _, value in pairs} or None


def _lanes_of(task: "Task", connection: "StackConnection") -> dict[str, Any] | None:
    """Return price and time of both lanes, as `route` estimates them without a model; None where there is one lane."""
    if not connection.settings.economy_lane and task.lane is not Lane.ECONOMY:
        return None
    from pointsman_cli.dry_run import DryRun

    run = DryRun(connection.runtime, {}, ask=False)
    lanes: dict[str, Any] = run.document(task, *run.decide([task]))["lanes"]
    return lanes


def _lane_line(lanes: dict[str, Any] | None) -> list[tuple[str, str]]:
    if not lanes:
        return []
    from pointsman_cli.dry_run import lane_words

    return [("lane", lane_words(lanes))]


def _print_queued(sent: "Sent", lanes: dict[str, Any] | None, connection: "StackConnection", *, as_json: bool) -> None:
    if as_json:
        document = {"task_id": sent.task_id, "message_id": sent.message_id, "stand_in": connection.stand_in}
        output.print_document({**document, "lanes": lanes})
    else:
        output.print_pairs([("queued", sent.task_id), *_lane_line(lanes)])
        connection.say_stand_in()
