"""`pointsman submit`: send a task, and wait for its answer if wanted."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.reply_to import refusal
from pointsman.values import strict_json
from pointsman_cli import output, reading
from pointsman_cli.commands import result
from pointsman_cli.errors import BadInputError, Exit
from pointsman_cli.options import AsJson, Private, Profile, Region, Stack, TierChoice, TypeChoice
from pointsman_cli.waiting import until_ended

if TYPE_CHECKING:
    from pointsman.client import Sent, TaskFields
    from pointsman_cli.stacks import StackConnection

EXAMPLES = """\b
Examples:
  pointsman submit "Write a migration guide from v1 to v2 of our API" --wait
  pointsman submit "Is the nightly build green?" --type status --metadata ticket=OPS-12
  pointsman submit --split --type orchestration "Ticket PAY-7: a parser, its tests and a page about it" --wait
  pointsman submit --file events/19-sns-envelope.json --json"""


def submit(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="The prompt.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A whole message: a task or an envelope; - is stdin.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end and print the answer.")] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long --wait waits; then it exits with 4.")
    ] = 900,
    type_: TypeChoice = None,
    tier: TierChoice = None,
    private: Private = False,
    split: Annotated[
        bool, typer.Option("--split", help="Let an orchestration answer hand out subtasks, and wait for them too.")
    ] = False,
    system: Annotated[
        str | None, typer.Option("--system", metavar="TEXT", help="Instructions beside those of the tier.")
    ] = None,
    max_output_tokens: Annotated[
        int | None, typer.Option("--max-output-tokens", metavar="N", help="Cap on the answer.")
    ] = None,
    deadline: Annotated[
        str | None, typer.Option("--deadline", metavar="TIME", help="When it is too late, as 2026-12-31T18:00:00Z.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="Kept with the task; may be repeated.")
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option("--reply-to", metavar="ARN", help="A queue of ReplyQueueArns to answer to.")
    ] = None,
    task_id: Annotated[
        str | None, typer.Option("--task-id", metavar="ID", help="The task's id; without: a new one.")
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", metavar="TEXT", help="Makes the id: same text, same task, done once."),
    ] = None,
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Put a task on the queue.

    The message is judged first, as the router will judge it. With --wait, exits with 1 if the task failed or was
    rejected.
    """
    from pointsman_cli import stacks, tasks

    options: dict[str, Any] = {
        "task_id": task_id,
        "idempotency_key": idempotency_key,
        "type": type_,
        "tier": tier,
        "private": private or None,
        "split": split or None,
        "system": system,
        "max_output_tokens": max_output_tokens,
        "deadline": deadline,
        "metadata": _metadata(metadata or []),
        "reply_to": reply_to,
    }
    body = _body(text, file, {name: value for name, value in options.items() if value is not None})
    verdict = validate_message(body)
    if verdict.error:
        raise BadInputError(f"the message is not valid: {verdict.error}")
    assert verdict.task is not None
    connection = stacks.connect(stack, profile, region)
    place = verdict.task.reply_to
    if place and (rule := refusal(place, connection.settings.reply_places)):
        raise BadInputError(f"reply_to: {rule}")
    sent = connection.client.send(body)
    if not wait:
        _show_queued(sent, connection, as_json=as_json)
        return Exit.OK
    ended = until_ended(connection, sent, timeout)
    return result.print_result(tasks.result_document(ended, stand_in=connection.stand_in), connection, as_json=as_json)


def _body(text: str | None, file: Path | None, stated: dict[str, Any]) -> str:
    """Return the message's body: a file as it is, unless options are laid over the task in it."""
    from pointsman.client import InvalidTaskError
    from pointsman.client.message import body_of, task_fields

    if (text is None) is (file is None):
        raise BadInputError("give TEXT or --file, one of them")
    if file is None:
        task = task_fields(text or "", cast("TaskFields", stated))
    else:
        body = reading.read_text(file)
        if not stated:
            return body
        task = {**_task_in(body), **stated}
    try:
        return body_of(task)
    except InvalidTaskError as error:
        raise BadInputError(f"the message is not valid: {error}") from None


def _task_in(body: str) -> dict[str, Any]:
    try:
        fields = strict_json.loads(body)
    except strict_json.NotStrictJson as error:
        raise BadInputError(f"the message is not valid: body: {error}") from None
    if not isinstance(fields, dict) or "prompt" not in fields:
        raise BadInputError("options for a task cannot be laid over an envelope: put them into the task inside")
    return fields


def _metadata(stated: list[str]) -> dict[str, str] | None:
    pairs = [entry.partition("=") for entry in stated]
    if any(not key or not equals for key, equals, _ in pairs):
        raise BadInputError("--metadata: must be KEY=VALUE")
    return {key: value for key, _, value in pairs} or None


def _show_queued(sent: "Sent", found: "StackConnection", *, as_json: bool) -> None:
    if as_json:
        output.print_document({"task_id": sent.task_id, "message_id": sent.message_id, "stand_in": found.stand_in})
    else:
        output.print_pairs([("queued", sent.task_id)])
        found.say_stand_in()
