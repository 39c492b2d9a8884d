"""`pointsman submit`: send a task."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.reply_to import refusal
from pointsman.values import strict_json
from pointsman.values.effort import Effort
from pointsman_cli import output, reading
from pointsman_cli.commands import result
from pointsman_cli.errors import BadInputError, Exit
from pointsman_cli.options import AsJson, Private, StackOptions, TierChoice, TypeChoice

if TYPE_CHECKING:
    from pointsman.client import Sent, TaskFields
    from pointsman_cli.stacks import StackConnection


def submit(
    stack: StackOptions,
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The prompt.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with a complete message, a task or an envelope; - for stdin."),
    ] = None,
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
    deadline: Annotated[
        str | None, typer.Option(metavar="TIME", help="Time at which the task expires, such as 2026-12-31T18:00:00Z.")
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
    rejected.
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
        "deadline": deadline,
        "metadata": _metadata(metadata or []),
        "reply_to": reply_to,
    }
    body = _body(text, file, {name: value for name, value in options.items() if value is not None})
    validation = validate_message(body)
    if validation.error:
        raise BadInputError(f"invalid message: {validation.error}")
    assert validation.task is not None
    connection = stack.connect()
    place = validation.task.reply_to
    if place and (rule := refusal(place, connection.settings.reply_places)):
        raise BadInputError(f"reply_to: {rule}")
    sent = connection.client.send(body)
    if not wait:
        _print_queued(sent, connection, as_json=as_json)
        return Exit.OK
    ended = result.wait_for_result(connection, sent, timeout)
    return result.print_result(tasks.result_document(ended, stand_in=connection.stand_in), connection, as_json=as_json)


def _body(text: str | None, file: Path | None, options: dict[str, Any]) -> str:
    """Return the message body. A file is sent unchanged, unless options override fields of the task in it."""
    from pointsman.client import InvalidTaskError
    from pointsman.client.message import body_of, task_fields

    if (text is None) is (file is None):
        raise BadInputError("pass either TEXT or --file")
    if file is None:
        task = task_fields(reading.check_text(text or ""), cast("TaskFields", options))
    else:
        body = reading.read_text(file)
        if not options:
            return body
        task = {**_task_in(body), **options}
    try:
        return body_of(task)
    except InvalidTaskError as error:
        raise BadInputError(f"invalid message: {error}") from None


def _task_in(body: str) -> dict[str, Any]:
    try:
        fields = strict_json.loads(body)
    except strict_json.NotStrictJson as error:
        raise BadInputError(f"invalid message: body: {error}") from None
    if not isinstance(fields, dict) or "prompt" not in fields:
        raise BadInputError("options for a task do not apply to an envelope: set them in the task inside")
    return fields


def _metadata(entries: list[str]) -> dict[str, str] | None:
    pairs = [entry.partition("=") for entry in entries]
    if any(not key or not equals for key, equals, _ in pairs):
        raise BadInputError("--metadata: must be KEY=VALUE")
    return {key: value for key, _, value in pairs} or None


def _print_queued(sent: "Sent", connection: "StackConnection", *, as_json: bool) -> None:
    if as_json:
        output.print_document({"task_id": sent.task_id, "message_id": sent.message_id, "stand_in": connection.stand_in})
    else:
        output.print_pairs([("queued", sent.task_id)])
        connection.say_stand_in()
