"""What `pointsman submit` sends: message bodies from TEXT, a file, stdin or a line of a JSONL file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.reply_to import refusal
from pointsman.contracts.task import states_task
from pointsman.contracts.unknown_fields import unknown_fields
from pointsman.values import strict_json
from pointsman_cli import output, reading
from pointsman_cli.errors import BadInputError

if TYPE_CHECKING:
    from pointsman.client import TaskFields
    from pointsman.contracts.task import Task
    from pointsman_cli.stacks import StackConnection


def body(text: str | None, file: Path | None, options: Mapping[str, Any]) -> str:
    """Return the message body of the task that TEXT, --file and stdin make, with the options as its fields.

    TEXT and what is piped into the command are one prompt, the instruction first. A file with a task or an envelope is
    sent unchanged, unless options override fields of the task. A file is a message if its name ends with .json or its
    content begins with {; any other is a prompt.

    Raises:
        BadInputError: There is no input, or one that would be ignored; it cannot be read, or makes no message.
    """
    if text is not None and file is not None:
        raise BadInputError("TEXT and --file exclude each other")
    if file is not None:
        if file != reading.STDIN and reading.has_piped():
            raise BadInputError("stdin has input, which --file would ignore: leave one of them out")
        return _from_file(file, options)
    if text == str(reading.STDIN):
        return _from_prompt(reading.read_text(None), options)
    piped = reading.read_piped()
    if text is None and piped is None:
        raise BadInputError("pass TEXT, --file or --jsonl, or pipe the prompt in")
    prompt = "\n\n".join(part for part in (text and reading.check_text(text), piped) if part)
    return _from_prompt(prompt, options)


def check(message: str, *, strict: bool, where: str = "") -> "Task":
    """Return the task in a message body, by the router's rules; warn of fields that the router ignores.

    Raises:
        BadInputError: It would be rejected; or `strict`, and it has an unknown field.
    """
    validation = validate_message(message)
    if validation.task is None:
        raise BadInputError(f"invalid message: {validation.error}")
    unknown = unknown_fields(message)
    if unknown and strict:
        raise BadInputError(f"invalid message: {unknown[0]}")
    for field in unknown:
        output.print_note(f"warning: {where}{field} (ignored)")
    return validation.task


def reply_error(reply_to: str | None, connection: "StackConnection") -> str | None:
    """Return why the stack may not reply there, if it may not."""
    rule = refusal(reply_to, connection.settings.reply_places) if reply_to else None
    return f"reply_to: {rule}" if rule else None


def body_of_line(line: bytes, options: Mapping[str, Any], key: str | None) -> str:
    """Return the message body of a task on a line of JSONL: a JSON object with the task's fields.

    Args:
        line: Without its end.
        options: Fields of every task.
        key: Idempotency key of a task that has neither a key nor an id.

    Raises:
        reading.BrokenLineError: It is not a JSON object.
        BadInputError: It makes no message.
    """
    task = {**reading.parse_line(line), **options}
    if key is not None and not {"task_id", "idempotency_key"} & task.keys():
        task["idempotency_key"] = key
    return _message(task)


def _from_prompt(prompt: str, options: Mapping[str, Any]) -> str:
    from pointsman.client.message import task_fields

    return _message(task_fields(prompt, cast("TaskFields", options)))


def _from_file(file: Path, options: Mapping[str, Any]) -> str:
    content = reading.read_text(file)
    if file.suffix != ".json" and not content.lstrip().startswith("{"):
        return _from_prompt(content, options)
    try:
        fields = strict_json.loads(content)
    except strict_json.NotStrictJson as error:
        raise BadInputError(f"invalid message: body: {error}. For a text that begins with {{, use submit -") from None
    if isinstance(fields, dict) and states_task(fields) and (options or "idempotency_key" in fields):
        return _message({**fields, **options})
    if options:
        raise BadInputError("options for a task do not apply to an envelope: set them in the task inside")
    return content


def _message(task: Mapping[str, Any]) -> str:
    from pointsman.client import InvalidTaskError
    from pointsman.client.message import body_of

    try:
        return body_of(task)
    except InvalidTaskError as error:
        raise BadInputError(f"invalid message: {error}") from None
