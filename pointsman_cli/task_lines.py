"""Sends the tasks of a JSONL file: all lines are checked before the first is sent."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pointsman_cli import output, reading, submission
from pointsman_cli.errors import BadInputError, Exit

if TYPE_CHECKING:
    from pointsman_cli.options import StackOptions
    from pointsman_cli.stacks import StackConnection


@dataclass(frozen=True, slots=True)
class LineOptions:
    """How `pointsman submit --jsonl` sends its lines."""

    fields: Mapping[str, Any]
    """Fields of every task."""
    batch: str | None = None
    """Line N without an id or key of its own has the idempotency key `batch/N`."""
    strict: bool = False
    """Whether an unknown field makes a line invalid."""
    go_on: bool = False
    """Whether the valid lines are sent although others are not."""
    as_json: bool = False
    """Whether a line of output is a JSON object with `line` and `task_id` or `error`."""


class _Message(NamedTuple):
    """What a line becomes."""

    body: str
    reply_to: str | None


def send_lines(stack: "StackOptions", file: Path, options: LineOptions) -> Exit:
    """Send the task on each line; print its id on stdout, and each error on stderr (as JSON: on stdout).

    Returns:
        BAD_INPUT if lines were left out, else OK.

    Raises:
        BadInputError: The file cannot be read; or a line is not valid, and the others are not to be sent.
    """
    messages, errors = _read(file, options)
    connection = stack.connect() if messages and (options.go_on or not errors) else None
    if connection is not None:
        _check_reply_places(connection, messages, errors)
    for line, error in sorted(errors.items()):
        _print_result(options, line, error=error)
    if errors and not options.go_on:
        raise BadInputError(f"{len(errors)} of {len(errors) + len(messages)} lines are not valid; nothing was sent")
    if connection is not None:
        _send(connection, messages, options)
    return Exit.BAD_INPUT if errors else Exit.OK


def _read(file: Path, options: LineOptions) -> tuple[dict[int, _Message], dict[int, str]]:
    """Return the messages and the errors by line number, from 1. Blank lines count, and are skipped."""
    messages, errors = dict[int, _Message](), dict[int, str]()
    for number, line in enumerate(reading.read_lines(file), 1):
        if not line.strip():
            continue
        try:
            key = None if options.batch is None else f"{options.batch}/{number}"
            body = submission.body_of_line(line, options.fields, key)
            task = submission.check(body, strict=options.strict, where=f"line {number}: ")
            messages[number] = _Message(body, task.reply_to)
        except (reading.BrokenLineError, BadInputError) as error:
            errors[number] = str(error).removeprefix("line: ")
    return messages, errors


def _check_reply_places(connection: "StackConnection", messages: dict[int, _Message], errors: dict[int, str]) -> None:
    """Move the tasks whose replies the stack may not send from the messages to the errors."""
    for number, message in list(messages.items()):
        if error := submission.reply_error(message.reply_to, connection):
            errors[number] = error
            del messages[number]


def _send(connection: "StackConnection", messages: dict[int, _Message], options: LineOptions) -> None:
    task_ids: list[str] = []
    with output.progress() as show, _remembered(connection, task_ids):
        for count, (number, message) in enumerate(messages.items()):
            show(f"sent {count} of {len(messages)}")
            try:
                sent = connection.client.send(message.body)
            except BaseException:  # Ctrl-C too
                output.print_note(
                    f"sent {count} of {len(messages)} tasks, and stopped at line {number}{_hint(options)}"
                )
                raise
            task_ids.append(sent.task_id)
            _print_result(options, number, task_id=sent.task_id)
    connection.say_stand_in()


@contextmanager
def _remembered(connection: "StackConnection", task_ids: list[str]) -> Iterator[None]:
    """Keep the ids that were sent for `@last` and prefixes, also when the sending is interrupted."""
    try:
        yield
    finally:
        connection.known_tasks.submitted(task_ids)


def _hint(options: LineOptions) -> str:
    if options.batch is not None:
        return "; send the file again with the same --batch, and none is repeated"
    return "; tasks with a task_id or idempotency_key can be sent again without being repeated"


def _print_result(options: LineOptions, line: int, **result: str) -> None:
    if options.as_json:
        output.print_json_line({"line": line, **result})
    elif error := result.get("error"):
        output.print_note(f"line {line}: {error}")
    else:
        output.print_text(result["task_id"])
