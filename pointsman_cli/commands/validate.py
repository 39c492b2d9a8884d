"""`pointsman validate`: would the router take this message?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.contracts.message_validation import MessageValidation, validate_message
from pointsman_cli import output, reading
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson

EXAMPLES = """\b
Examples:
  pointsman validate --file events/06-code-generation.json
  echo '{"prompt": "Which suites cover the parser?"}' | pointsman validate --json
  pointsman validate --jsonl < messages.jsonl     one {"id", "body"} a line"""


def validate(
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The message; without, or -: stdin.")
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl", help="Read many: a JSON object with `id` and `body` (text) a line; print a verdict a line."
        ),
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Judge messages as the router does.

    They are tasks, or SNS and EventBridge envelopes around them. No stack is needed.

    Exits with 2 if the message is not valid; with --jsonl with 0, each line having its own verdict.
    """
    if jsonl:
        for line in reading.numbered_lines(file):
            output.json_line(_verdict_on(line))
        return Exit.OK
    verdict = validate_message(reading.read_text(file))
    if as_json:
        output.print_document(_shown(verdict))
    elif verdict.error:
        output.print_note(f"not valid: {verdict.error}")
    else:
        assert verdict.task is not None
        output.print_pairs(
            [
                ("valid", f"task {verdict.task_id or '(takes the id of its SQS message)'}"),
                ("tier", verdict.task.explicit_tier or "to be classified"),
            ]
        )
    return Exit.BAD_INPUT if verdict.error else Exit.OK


def _verdict_on(line: bytes) -> dict[str, Any]:
    try:
        message = reading.read_line(line)
    except reading.BrokenLineError as error:
        return {"id": None, **_shown(MessageValidation(None, None, str(error)))}
    body = message.get("body")
    if not isinstance(body, str):
        return {"id": message.get("id"), **_shown(MessageValidation(None, None, "body: must be a string"))}
    return {"id": message.get("id"), **_shown(validate_message(body))}


def _shown(verdict: MessageValidation) -> dict[str, Any]:
    return {"valid": verdict.error is None, "error": verdict.error, "task": verdict.normalised}
