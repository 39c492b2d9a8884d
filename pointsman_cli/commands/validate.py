"""`pointsman validate`: check a task before sending it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.contracts.message_validation import MessageValidation, validate_message
from pointsman_cli import output, reading
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson


def validate(
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with the message. Default, or -: stdin.")
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl", help="Read a JSON object with `id` and `body` (text) per line, and print a result per line."
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Check a task before sending it.

    Applies the router's rules to a task, or to an SNS or EventBridge envelope around one. Needs no stack. Exits with 2
    if the message is invalid; with --jsonl always with 0, because each line has its own result.
    """
    if jsonl:
        for line in reading.read_lines(file):
            output.print_json_line(_validate_line(line))
        return Exit.OK
    validation = validate_message(reading.read_text(file))
    if as_json:
        output.print_document(_document(validation))
    elif validation.error:
        output.print_note(f"invalid: {validation.error}")
    else:
        assert validation.task is not None
        output.print_pairs(
            [
                ("valid", f"task {validation.task_id or '(takes its SQS message id)'}"),
                ("tier", validation.task.explicit_tier or "classified on arrival"),
            ]
        )
    return Exit.BAD_INPUT if validation.error else Exit.OK


def _validate_line(line: bytes) -> dict[str, Any]:
    try:
        message = reading.parse_line(line)
    except reading.BrokenLineError as error:
        return {"id": None, **_document(MessageValidation(None, None, str(error)))}
    body = message.get("body")
    if not isinstance(body, str):
        return {"id": message.get("id"), **_document(MessageValidation(None, None, "body: must be a string"))}
    return {"id": message.get("id"), **_document(validate_message(body))}


def _document(validation: MessageValidation) -> dict[str, Any]:
    return {"valid": validation.error is None, "error": validation.error, "task": validation.normalised}
